// Package egress lets a process that has no network reach the hosts of a list,
// and no others. The process opens streams over two inherited pipes and says
// where each shall lead; a [Gate] outside of its walls decides, resolves the
// name, connects and copies bytes. Whatever the process was told or made to do
// by a hostile server, the list is held by somebody else.
//
// On the pipes streams are multiplexed by yamux. A stream begins with one line
// from the process, "HOST:PORT" or "listen", and one from the gate, "+" or
// "-REASON"; then it carries the connection's bytes.
package egress

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"

	"github.com/vitalsign-dev/vitalsign/internal/loopback"
)

// Bounds of what is said before a stream carries bytes.
const (
	maxLine = 512
	// waitLine is how long either side waits for the other's line.
	waitLine = 30 * time.Second
	// idleKeep is how long the half of a connection is copied when the other
	// half has ended.
	idleKeep = 10 * time.Second
)

const listen = "listen"

// ErrRefused says that the gate does not let through: the words say why.
var ErrRefused = errors.New("not allowed")

// Host is an entry of the list: a name or an address, and one port.
type Host struct {
	Name string
	Port uint16
}

// ParseHost reads "HOST:PORT"; a name is taken in lower case and without a
// final dot, an address in its shortest form.
func ParseHost(text string) (Host, error) {
	name, port, err := net.SplitHostPort(text)
	if err != nil {
		return Host{}, fmt.Errorf("%q is not HOST:PORT", text)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return Host{}, fmt.Errorf("%q has no port from 1 to 65535", text)
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if a, err := netip.ParseAddr(name); err == nil {
		name = a.Unmap().WithZone("").String()
	} else if !hostName(name) {
		return Host{}, fmt.Errorf("%q is not the name of a host", name)
	}
	return Host{name, uint16(n)}, nil
}

// hostName holds to letters, digits, hyphens, dots and underscores (RFC 952,
// RFC 1123 section 2.1, and what is in use): nothing that a resolver, a proxy
// or a log could read as something else.
func hostName(s string) bool {
	ok := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' || r == '_'
	}
	return s != "" && len(s) <= 253 && !strings.ContainsFunc(s, func(r rune) bool { return !ok(r) })
}

func (h Host) String() string { return net.JoinHostPort(h.Name, strconv.Itoa(int(h.Port))) }

// Loopback says whether the entry is this machine by its own name or address.
func (h Host) Loopback() bool {
	return loopback.Host(h.Name)
}

// Gate holds the list. Its zero value lets nothing through.
type Gate struct {
	// Allow is the list.
	Allow []Host
	// Serve answers connections to hosts that are not on any network, by name:
	// a canary. It must close the connection.
	Serve map[string]func(net.Conn)
	// Connect opens a connection to an address; nil means a net.Dialer.
	Connect func(ctx context.Context, address string) (net.Conn, error)
	// Lookup resolves a name; nil means the system's resolver. A name is
	// resolved once: what it becomes later does not count.
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	// Proxy, where it is set and says so, opens the connection to a host of
	// the list by way of a proxy, which resolves the name itself. ok is false
	// where no proxy is meant for the host.
	Proxy func(ctx context.Context, host Host) (c net.Conn, ok bool, err error)
	// Connections bounds how many are opened in all, Open how many at once, Bytes
	// how much all of them carry, both ways. Zero is no bound.
	Connections, Open int64
	Bytes             int64
	// Callback is where the gate listens when it is asked to, "ADDRESS:PORT";
	// "" means that nobody may be called back.
	Callback string

	mu      sync.Mutex
	pinned  map[string]pin
	opened  atomic.Int64
	open    atomic.Int64
	carried atomic.Int64
	reached atomic.Int64
	refused atomic.Int64
}

type pin struct {
	addrs []netip.Addr
	err   error
}

// Reached is how many connections to hosts of the list were made.
func (g *Gate) Reached() int64 { return g.reached.Load() }

// Refused is how many were asked for and not made, because of the list.
func (g *Gate) Refused() int64 { return g.refused.Load() }

// Run serves streams that come over rw until it ends or ctx does.
func (g *Gate) Run(ctx context.Context, rw io.ReadWriteCloser) error {
	s, err := yamux.Server(rw, muxConfig())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer func() { cancel(); _ = s.Close(); wg.Wait() }() // nobody is there to tell
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	defer stop()
	for {
		c, err := s.Accept()
		if err != nil {
			return nil // the other side is gone, or ctx ended
		}
		wg.Go(func() { g.stream(ctx, s, c) })
	}
}

func muxConfig() *yamux.Config {
	c := yamux.DefaultConfig()
	c.EnableKeepAlive = false // the pipe ends with the process
	c.LogOutput = io.Discard
	c.AcceptBacklog = 1024
	return c
}

// stream answers one request.
func (g *Gate) stream(ctx context.Context, s *yamux.Session, c net.Conn) {
	line, rest, err := readLine(c)
	if err != nil {
		_ = c.Close()
		return
	}
	if line == listen {
		g.callback(ctx, s, c)
		return
	}
	out, err := g.dial(ctx, line)
	if err != nil {
		_, _ = io.WriteString(c, "-"+oneLine(err)+"\n")
		_ = c.Close()
		return
	}
	if _, err := io.WriteString(c, "+\n"); err != nil {
		_ = c.Close()
		_ = out.Close()
		return
	}
	defer g.open.Add(-1)
	g.join(ctx, buffered{c, rest}, out)
}

func oneLine(err error) string {
	s := strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, err.Error())
	return s[:min(len(s), maxLine-8)]
}

// dial opens what the list allows. Whoever gets a connection owes open one.
func (g *Gate) dial(ctx context.Context, text string) (c net.Conn, err error) {
	h, err := ParseHost(text)
	if err != nil {
		g.refused.Add(1)
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	serve := g.Serve[h.Name]
	if serve == nil && !slices.Contains(g.Allow, h) {
		g.refused.Add(1)
		return nil, fmt.Errorf("%w: %s is not on the list", ErrRefused, h)
	}
	if g.Open > 0 && g.open.Add(1) > g.Open {
		g.open.Add(-1)
		return nil, fmt.Errorf("more than %d connections at once", g.Open)
	} else if g.Open == 0 {
		g.open.Add(1)
	}
	defer func() {
		if err != nil {
			g.open.Add(-1)
		}
	}()
	if g.Connections > 0 && g.opened.Add(1) > g.Connections {
		return nil, fmt.Errorf("more than %d connections", g.Connections)
	}
	if serve != nil {
		ours, theirs := net.Pipe()
		go serve(theirs)
		return ours, nil
	}
	if c, err = g.outside(ctx, h); err == nil {
		g.reached.Add(1)
	}
	return c, err
}

// outside connects to a host of the list, by proxy where one is meant for it.
func (g *Gate) outside(ctx context.Context, h Host) (net.Conn, error) {
	if g.Proxy != nil && !h.Loopback() {
		if c, ok, err := g.Proxy(ctx, h); ok {
			return c, err
		}
	}
	addrs, err := g.resolve(ctx, h)
	if err != nil {
		return nil, err
	}
	connect := g.Connect
	if connect == nil {
		var d net.Dialer
		connect = func(ctx context.Context, a string) (net.Conn, error) { return d.DialContext(ctx, "tcp", a) }
	}
	var first error
	for _, a := range addrs {
		c, err := connect(ctx, netip.AddrPortFrom(a, h.Port).String())
		if err == nil {
			return c, nil
		}
		first = errors.Join(first, err)
	}
	return nil, first
}

// resolve gives the addresses of a host: an address is itself, a name what it
// was the first time, and never what only this machine could mean by it.
func (g *Gate) resolve(ctx context.Context, h Host) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(h.Name); err == nil {
		return []netip.Addr{a}, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if p, ok := g.pinned[h.Name]; ok {
		return p.addrs, p.err
	}
	p := g.lookup(ctx, h)
	if ctx.Err() != nil {
		return p.addrs, p.err // not the name's fault
	}
	if g.pinned == nil {
		g.pinned = map[string]pin{}
	}
	g.pinned[h.Name] = p
	return p.addrs, p.err
}

func (g *Gate) lookup(ctx context.Context, h Host) pin {
	look := g.Lookup
	if look == nil {
		look = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		}
	}
	found, err := look(ctx, h.Name)
	if err != nil {
		return pin{err: fmt.Errorf("%s: %w", h.Name, err)}
	}
	var addrs []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); meant(a, h.Loopback()) {
			addrs = append(addrs, a)
		}
	}
	if len(addrs) == 0 {
		g.refused.Add(1)
		return pin{err: fmt.Errorf("%w: %s leads to an address of this machine, of its link or of no host: name the address itself if that is meant", ErrRefused, h.Name)}
	}
	return pin{addrs: addrs}
}

// meant says whether a name may stand for an address. Loopback is for
// localhost only; addresses of the link (with the metadata services of clouds,
// 169.254.169.254), of groups and of nobody are for no name.
func meant(a netip.Addr, loopback bool) bool {
	if loopback {
		return a.IsLoopback()
	}
	return a.IsValid() && !a.IsLoopback() && !a.IsUnspecified() && !a.IsLinkLocalUnicast() && !a.IsMulticast() &&
		!a.IsInterfaceLocalMulticast()
}

// callback listens, says where, and passes on every connection that comes.
func (g *Gate) callback(ctx context.Context, s *yamux.Session, c net.Conn) {
	defer c.Close()
	if g.Callback == "" {
		_, _ = io.WriteString(c, "-nobody can be called back\n")
		return
	}
	l, err := net.Listen("tcp", g.Callback)
	if err != nil {
		_, _ = io.WriteString(c, "-"+oneLine(err)+"\n")
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	defer l.Close()
	if _, err := io.WriteString(c, "+"+l.Addr().String()+"\n"); err != nil {
		return
	}
	go func() {
		// The stream is open for as long as somebody wants to be called.
		_, _ = io.Copy(io.Discard, c)
		_ = l.Close()
	}()
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		stream, err := s.Open()
		if err != nil {
			_ = in.Close()
			return
		}
		go g.join(ctx, stream, in)
	}
}

// join copies both ways between a stream of the process and a connection, until
// either has ended, ctx ends or the bytes are used up.
func (g *Gate) join(ctx context.Context, a, b net.Conn) {
	ended := make(chan struct{})
	both := sync.OnceFunc(func() { _ = a.Close(); _ = b.Close(); close(ended) })
	stop := context.AfterFunc(ctx, both)
	defer stop()
	defer both()
	go func() {
		// Who closes its half inside wants nothing any more.
		_, _ = io.Copy(&counted{b, g}, a)
		both()
	}()
	_, _ = io.Copy(&counted{a, g}, b)
	// What was answered last may still be on its way inside.
	_ = closeWrite(a)
	select {
	case <-ended:
	case <-time.After(idleKeep):
	}
}

// closeWrite ends one half; the Close of a stream of yamux does that.
func closeWrite(c net.Conn) error {
	if h, ok := c.(interface{ CloseWrite() error }); ok {
		return h.CloseWrite()
	}
	return c.Close()
}

// counted is a connection whose bytes count.
type counted struct {
	net.Conn
	g *Gate
}

func (c *counted) Write(p []byte) (int, error) {
	if n := c.g.carried.Add(int64(len(p))); c.g.Bytes > 0 && n > c.g.Bytes {
		return 0, fmt.Errorf("more than %d bytes", c.g.Bytes)
	}
	return c.Conn.Write(p)
}

// buffered is a connection of which something was read already.
type buffered struct {
	net.Conn
	r io.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

// readLine reads a line, and gives what is to be read from then on.
func readLine(c net.Conn) (string, io.Reader, error) {
	late := time.AfterFunc(waitLine, func() { _ = c.Close() })
	defer late.Stop()
	r := bufio.NewReaderSize(c, maxLine)
	line, err := r.ReadSlice('\n')
	if err != nil {
		return "", nil, err
	}
	return string(line[:len(line)-1]), r, nil
}
