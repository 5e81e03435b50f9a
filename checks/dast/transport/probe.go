package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
)

// Probe asks the endpoint behind dial what it accepts. Every question is a
// connection of its own. An endpoint that hangs, closes or answers something
// else leaves the question unknown with its reason in the offer; an error is
// only that no connection could be made at all, or that ctx has ended. The
// offer holds what was learnt until then.
func Probe(ctx context.Context, dial Dialer, serverName string, o Options) (Offer, error) {
	p := &prober{ctx: ctx, dial: dial, name: serverName, options: o}
	p.offer.ServerName = serverName
	versions := []Version{TLS13, TLS12, TLS11, TLS10, SSL30}
	for _, v := range versions {
		p.offer.Versions = append(p.offer.Versions, p.version(v))
	}
	p.again()
	// Versions and certificates come before the first suites are counted: a
	// small number of handshakes must not hide the worst.
	p.certificates()
	for i := range p.offer.Versions {
		p.suites(&p.offer.Versions[i])
	}
	p.complete()
	if err := ctx.Err(); err != nil {
		return p.offer, err
	}
	if !p.connected {
		return p.offer, fmt.Errorf("no connection: %w", p.dialed)
	}
	return p.offer, nil
}

type prober struct {
	ctx       context.Context
	dial      Dialer
	name      string
	options   Options
	offer     Offer
	connected bool
	dialed    error
}

// refused is the server's own no.
type refused struct{ reason string }

func (r refused) Error() string { return r.reason }

var errSpent = errors.New("the number of handshakes was spent")

// version asks for one version with every suite.
func (p *prober) version(v Version) Support {
	s := Support{Version: v}
	h, err := p.ask(v, offered(v))
	if r := (refused{}); errors.As(err, &r) {
		s.Accepted, s.Reason = No, r.reason
		return s
	}
	if err != nil {
		s.Reason = reason(err)
		return s
	}
	s.Accepted = Yes
	s.Suites = []Suite{h.suite}
	if v != TLS13 {
		_, renegotiation := h.extensions[extRenegotiation]
		_, secret := h.extensions[extMasterSecret]
		s.Renegotiation, s.MasterSecret, s.Compression = answer(renegotiation), answer(secret), answer(h.compression == 1)
	}
	return s
}

// again asks once more for versions that ended in an internal error: OpenSSL
// answers so to what its security level forbids. Twice, and beside a version
// that is accepted, it is a refusal; alone it is a server that is broken.
func (p *prober) again() {
	if !p.accepts() {
		return
	}
	for i, s := range p.offer.Versions {
		if s.Accepted != Unknown || s.Reason != reason(internalError) {
			continue
		}
		if _, err := p.ask(s.Version, offered(s.Version)); errors.Is(err, internalError) {
			p.offer.Versions[i].Accepted = No
			p.offer.Versions[i].Reason = "refused twice with " + internalError.Error()
		}
	}
}

// suites finds the rest: what the server chose is taken from the list, until it
// refuses what is left.
func (p *prober) suites(s *Support) {
	if s.Accepted != Yes {
		return
	}
	left := without(offered(s.Version), s.Suites[0])
	for len(left) > 0 {
		h, err := p.ask(s.Version, left)
		if r := (refused{}); errors.As(err, &r) {
			break
		}
		if err != nil {
			p.missing("%s: not every suite was asked for: %s", s.Version, reason(err))
			return
		}
		s.Suites = append(s.Suites, h.suite)
		left = without(left, h.suite)
	}
	s.Complete = true
	p.order(s)
}

// order offers the same suites from the least wanted up.
func (p *prober) order(s *Support) {
	if len(s.Suites) < 2 {
		return
	}
	back := slices.Clone(s.Suites)
	slices.Reverse(back)
	h, err := p.ask(s.Version, back)
	if err != nil {
		return // worth knowing, but nothing is judged by it
	}
	s.ServerOrder = answer(h.suite != back[0])
}

// ask sends one ClientHello and gives a hello that chose from it.
func (p *prober) ask(v Version, suites []Suite) (serverHello, error) {
	var h serverHello
	err := p.handshake(func(_ context.Context, c net.Conn) error {
		if _, err := c.Write(hello(v, p.name, suites)); err != nil {
			return err
		}
		var err error
		h, err = readServerHello(c)
		return err
	})
	if a := alert(0); errors.As(err, &a) && a.refusal() {
		return h, refused{"refused with " + a.Error()}
	}
	if err != nil {
		return h, err
	}
	if h.version != v {
		if n := h.version.String(); n != "" && h.version < v {
			return h, refused{"answered with " + n}
		}
		return h, errNotTLS
	}
	if !slices.Contains(suites, h.suite) || !slices.Contains(compressions(v)[1:], h.compression) {
		return h, errors.New("the server chose what was not offered")
	}
	return h, nil
}

// handshake runs f over a connection of its own, within the time and the
// number that there are.
func (p *prober) handshake(f func(context.Context, net.Conn) error) error {
	if p.offer.Handshakes >= p.options.handshakes() {
		return errSpent
	}
	p.offer.Handshakes++
	ctx, cancel := context.WithTimeout(p.ctx, p.options.timeout())
	defer cancel()
	c, err := p.dial(ctx)
	if err != nil {
		p.dialed = err
		return errors.New("no connection could be made")
	}
	p.connected = true
	defer c.Close()
	// The connection ends with its time, whatever it is waiting for.
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	if err := f(ctx, c); err != nil {
		if ctx.Err() != nil {
			return os.ErrDeadlineExceeded
		}
		return err
	}
	return nil
}

// certificates takes the chain from a handshake of crypto/tls, which may fail
// later on: a server that wants a certificate from us has shown its own.
func (p *prober) certificates() {
	if !p.accepts() {
		return
	}
	var chain [][]byte
	config := &tls.Config{
		// What is not valid is what is looked for; Judge verifies.
		InsecureSkipVerify: true,
		ServerName:         p.name,
		MinVersion:         tls.VersionTLS10,
		CipherSuites:       allSuites(),
		VerifyPeerCertificate: func(raw [][]byte, _ [][]*x509.Certificate) error {
			chain = raw
			return nil
		},
	}
	err := p.handshake(func(ctx context.Context, c net.Conn) error {
		return tls.Client(limited{c, io.LimitReader(c, maxFlight)}, config).HandshakeContext(ctx)
	})
	p.offer.Chain = chain
	if len(chain) == 0 {
		p.missing("no certificate was seen: %s", reason(err))
	}
}

// limited is a connection that ends after a number of bytes.
type limited struct {
	net.Conn
	r io.Reader
}

func (l limited) Read(b []byte) (int, error) { return l.r.Read(b) }

func (p *prober) accepts() bool {
	return slices.ContainsFunc(p.offer.Versions, func(s Support) bool { return s.Accepted == Yes })
}

func (p *prober) complete() {
	for _, s := range p.offer.Versions {
		if s.Accepted == Unknown {
			p.missing("%s: unknown: %s", s.Version, s.Reason)
		}
	}
	if len(p.offer.Reasons) == 0 && !p.accepts() {
		p.missing("no version was accepted")
	}
	p.offer.Complete = len(p.offer.Reasons) == 0
}

func (p *prober) missing(format string, a ...any) {
	p.offer.Reasons = append(p.offer.Reasons, fmt.Sprintf(format, a...))
}

// reason says what went wrong in our own words: an error can hold the
// server's, and addresses.
func reason(err error) string {
	var a alert
	var op *net.OpError
	switch {
	case err == nil:
		return "the server sent none"
	case errors.As(err, &a):
		return "the server ended with " + a.Error()
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errClosed.Error()
	case errors.As(err, &op):
		return "the connection broke"
	case errors.Is(err, errNotTLS), errors.Is(err, errClosed), errors.Is(err, errEndless), errors.Is(err, errSpent):
		return err.Error()
	default:
		return "the handshake failed"
	}
}

func answer(yes bool) Answer {
	if yes {
		return Yes
	}
	return No
}

// offered lists the suites of a version, from the strongest down, so that a
// client's preference is not what makes a server look weak.
func offered(v Version) []Suite {
	var list []Suite
	for s := range suiteNames() {
		if s.tls13() == (v == TLS13) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Suite) int {
		if d := rank(b) - rank(a); d != 0 {
			return d
		}
		return int(b) - int(a)
	})
	return list
}

func rank(s Suite) int {
	n := 0
	for i, ok := range []bool{s.aead(), s.forward(), !s.weak(), !s.broken()} {
		if ok {
			n |= 1 << i
		}
	}
	return n
}

func without(list []Suite, s Suite) []Suite {
	return slices.DeleteFunc(slices.Clone(list), func(x Suite) bool { return x == s })
}

func allSuites() []uint16 {
	var ids []uint16
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		ids = append(ids, s.ID)
	}
	return ids
}
