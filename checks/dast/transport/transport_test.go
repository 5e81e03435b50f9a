package transport

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
)

const host = "ehr.example.test"

func day() time.Time { return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC) }

// pki is a root and a leaf that it signed.
type pki struct {
	root, leaf *x509.Certificate
	key        crypto.Signer
}

func (p pki) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.root)
	return pool
}

func (p pki) tls() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{p.leaf.Raw}, PrivateKey: p.key}
}

func template(cn string, until time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: cn}, DNSNames: []string{cn},
		NotBefore: day().AddDate(-1, 0, 0), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

func sign(t testing.TB, c, parent *x509.Certificate, pub any, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, key)
	if err != nil {
		t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func issued(t testing.TB, name string, until time.Time, key crypto.Signer) pki {
	t.Helper()
	ca, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := template("root", day().AddDate(9, 0, 0))
	root.IsCA, root.BasicConstraintsValid, root.KeyUsage, root.ExtKeyUsage = true, true, x509.KeyUsageCertSign, nil
	root = sign(t, root, root, ca.Public(), ca)
	return pki{root: root, leaf: sign(t, template(name, until), root, key.Public(), ca), key: key}
}

func rsaKey(t testing.TB, bits int) crypto.Signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func good(t testing.TB) pki { return issued(t, host, day().AddDate(0, 6, 0), rsaKey(t, 2048)) }

// listen serves each connection with f and gives a dialer for it.
func listen(t testing.TB, f func(net.Conn)) Dialer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
	return dialer(l.Addr().String())
}

func dialer(address string) Dialer {
	return func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
}

func serve(t testing.TB, config *tls.Config) Dialer {
	return listen(t, func(c net.Conn) { _ = tls.Server(c, config).Handshake() })
}

func probe(t testing.TB, d Dialer) Offer {
	t.Helper()
	o, err := Probe(t.Context(), d, host, Options{Handshakes: 400, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func support(o Offer, v Version) Support {
	return o.Versions[slices.IndexFunc(o.Versions, func(s Support) bool { return s.Version == v })]
}

func accepted(o Offer) string {
	var b strings.Builder
	for _, s := range o.Versions {
		fmt.Fprintf(&b, "%s=%s ", s.Version, s.Accepted)
	}
	return strings.TrimSpace(b.String())
}

func ruleIDs(issues []issue.Issue) []string {
	var ids []string
	for _, i := range issues {
		ids = append(ids, i.Rule)
	}
	return ids
}

func TestModernServerHasNothingToReport(t *testing.T) {
	p := good(t)
	o := probe(t, serve(t, &tls.Config{Certificates: []tls.Certificate{p.tls()}, MinVersion: tls.VersionTLS12}))
	if !o.Complete {
		t.Fatalf("not complete: %q", o.Reasons)
	}
	if got, want := accepted(o), "TLS 1.3=yes TLS 1.2=yes TLS 1.1=no TLS 1.0=no SSL 3.0=no"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := Judge(o, p.pool(), host, day()); len(got) != 0 {
		t.Errorf("reported %+v", got)
	}
	s := support(o, TLS12)
	if s.Renegotiation != Yes || s.MasterSecret != Yes || s.Compression != No || s.ServerOrder != Yes {
		t.Errorf("got %+v", s)
	}
	if n := len(support(o, TLS13).Suites); n != 3 {
		t.Errorf("TLS 1.3 has %d suites", n)
	}
}

func TestOldServer(t *testing.T) {
	p := good(t)
	want := []uint16{tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA}
	o := probe(t, serve(t, &tls.Config{
		Certificates: []tls.Certificate{p.tls()}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS12, CipherSuites: want,
	}))
	if got, want := accepted(o), "TLS 1.3=no TLS 1.2=yes TLS 1.1=yes TLS 1.0=yes SSL 3.0=no"; got != want || !o.Complete {
		t.Fatalf("got %s %q, want %s", got, o.Reasons, want)
	}
	for _, s := range o.Versions[1:4] {
		var got []uint16
		for _, x := range s.Suites {
			got = append(got, uint16(x))
		}
		slices.Sort(got)
		if !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: got %x", s.Version, got)
		}
	}
	issues := Judge(o, p.pool(), host, day())
	got := ruleIDs(issues)
	if want := []string{
		ruleOnly12, ruleObsolete, ruleObsolete, ruleBroken, ruleWeak, ruleCBC, ruleForward, ruleForward, ruleForward,
	}; !sameSet(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, i := range issues {
		if i.Replay == "" || i.Anchor == "" || strings.Contains(i.Replay, "127.0.0.1") {
			t.Errorf("%s: anchor %q, replay %q", i.Rule, i.Anchor, i.Replay)
		}
	}
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func TestOneVersionEach(t *testing.T) {
	p := good(t)
	for _, v := range []Version{TLS10, TLS11, TLS12, TLS13} {
		o := probe(t, serve(t, &tls.Config{Certificates: []tls.Certificate{p.tls()}, MinVersion: uint16(v), MaxVersion: uint16(v)}))
		for _, s := range o.Versions {
			if (s.Accepted == Yes) != (s.Version == v) || s.Accepted == Unknown {
				t.Errorf("server of %s: %s is %s (%s)", v, s.Version, s.Accepted, s.Reason)
			}
		}
		if len(o.Chain) != 1 || !o.Complete {
			t.Errorf("server of %s: %d certificates, %q", v, len(o.Chain), o.Reasons)
		}
	}
}

func TestServerThatWantsACertificateShowsItsOwn(t *testing.T) {
	p := good(t)
	o := probe(t, serve(t, &tls.Config{Certificates: []tls.Certificate{p.tls()}, ClientAuth: tls.RequireAnyClientCert}))
	if len(o.Chain) != 1 || !o.Complete {
		t.Errorf("%d certificates, %q", len(o.Chain), o.Reasons)
	}
}

// TestNewGroupsOnly: a server that has none of our key shares asks again with a
// HelloRetryRequest, which is a yes as well.
func TestNewGroupsOnly(t *testing.T) {
	p := good(t)
	o := probe(t, serve(t, &tls.Config{Certificates: []tls.Certificate{p.tls()}, CurvePreferences: []tls.CurveID{tls.CurveP384}}))
	if support(o, TLS13).Accepted != Yes || !o.Complete {
		t.Errorf("%s %q", accepted(o), o.Reasons)
	}
}

// ancient answers what no library does any more: SSL 3.0, export, DEFLATE, and
// no word of renegotiation.
func ancient(c net.Conn) {
	head := make([]byte, 5)
	if _, err := io.ReadFull(c, head); err != nil {
		return
	}
	body := make([]byte, int(head[3])<<8|int(head[4]))
	if _, err := io.ReadFull(c, body); err != nil {
		return
	}
	version := body[4:6]
	suites := body[39+int(body[38]):]
	n := int(suites[0])<<8 | int(suites[1])
	for i := 2; i < 2+n; i += 2 {
		if string(version) == "\x03\x00" && suites[i] == 0 && suites[i+1] == 3 {
			hello := slices.Concat([]byte{3, 0}, make([]byte, 32), []byte{0, 0, 3, 1})
			message := append([]byte{2, 0}, prefix16(hello)...)
			_, _ = c.Write(append([]byte{22, 3, 0}, prefix16(message)...))
			return
		}
	}
	_, _ = c.Write([]byte{21, 3, 0, 0, 2, 2, 40})
}

func TestAncientServer(t *testing.T) {
	o := probe(t, listen(t, ancient))
	if got, want := accepted(o), "TLS 1.3=no TLS 1.2=no TLS 1.1=no TLS 1.0=no SSL 3.0=yes"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	if o.Complete || len(o.Chain) != 0 {
		t.Error("a certificate that could not be seen was not missed")
	}
	got := ruleIDs(Judge(o, nil, host, day()))
	if want := []string{ruleObsolete, ruleBroken, ruleForward, ruleCompression, ruleRenegotiation}; !sameSet(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCertificates(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	fine := issued(t, host, day().AddDate(0, 6, 0), ec)
	other := issued(t, "other.example.test", day().AddDate(0, 6, 0), ec)
	self := template(host, day().AddDate(0, 6, 0))
	self = sign(t, self, self, ec.Public(), ec)
	small := issued(t, host, day().AddDate(0, 6, 0), rsaKey(t, 1024))
	for name, c := range map[string]struct {
		chain [][]byte
		roots *x509.CertPool
		at    time.Time
		want  []string
	}{
		"fine":            {[][]byte{fine.leaf.Raw}, fine.pool(), day(), nil},
		"with its root":   {[][]byte{fine.leaf.Raw, fine.root.Raw}, fine.pool(), day(), nil},
		"expired":         {[][]byte{fine.leaf.Raw}, fine.pool(), day().AddDate(1, 0, 0), []string{ruleExpired}},
		"soon":            {[][]byte{fine.leaf.Raw}, fine.pool(), fine.leaf.NotAfter.AddDate(0, 0, -20), []string{ruleExpires}},
		"not soon":        {[][]byte{fine.leaf.Raw}, fine.pool(), fine.leaf.NotAfter.AddDate(0, 0, -21), nil},
		"early":           {[][]byte{fine.leaf.Raw}, fine.pool(), day().AddDate(-2, 0, 0), []string{ruleNotYet}},
		"other name":      {[][]byte{other.leaf.Raw}, other.pool(), day(), []string{ruleName}},
		"other authority": {[][]byte{fine.leaf.Raw}, other.pool(), day(), []string{ruleUntrusted}},
		"self-signed":     {[][]byte{self.Raw}, other.pool(), day(), []string{ruleUntrusted}},
		"self, no roots":  {[][]byte{self.Raw}, nil, day(), []string{ruleUntrusted}},
		"no roots":        {[][]byte{fine.leaf.Raw}, nil, day(), nil},
		"small key":       {[][]byte{small.leaf.Raw}, small.pool(), day(), []string{ruleWeakCert}},
		"garbage":         {[][]byte{{1, 2, 3}}, small.pool(), day(), []string{ruleUntrusted}},
		"none":            {nil, small.pool(), day(), nil},
	} {
		got := ruleIDs(Judge(Offer{Chain: c.chain}, c.roots, host, c.at))
		if !sameSet(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestWeakSignaturesAreTold(t *testing.T) {
	for a, want := range map[x509.SignatureAlgorithm]bool{
		x509.MD5WithRSA: true, x509.SHA1WithRSA: true, x509.ECDSAWithSHA1: true, x509.SHA256WithRSA: false, x509.PureEd25519: false,
	} {
		if got := weakSignature(a) != ""; got != want {
			t.Errorf("%s: %v", a, got)
		}
	}
}

func TestHostileServers(t *testing.T) {
	for name, f := range map[string]func(net.Conn){
		"hangs":  func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"closes": func(net.Conn) {},
		"resets": func(c net.Conn) { _, _ = c.Write([]byte{22, 3, 3}); _ = c.(*net.TCPConn).SetLinger(0) },
		"speaks HTTP": func(c net.Conn) {
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		},
		"warns for ever": func(c net.Conn) {
			for {
				if _, err := c.Write([]byte{21, 3, 1, 0, 2, 1, 112}); err != nil {
					return
				}
			}
		},
		"empty records": func(c net.Conn) {
			for {
				if _, err := c.Write([]byte{22, 3, 1, 0, 0}); err != nil {
					return
				}
			}
		},
		"10 MB of hello": func(c net.Conn) {
			record := append([]byte{22, 3, 3}, prefix16(make([]byte, 1<<14))...)
			copy(record[5:], []byte{2, 0xa0, 0, 0})
			for range 640 {
				if _, err := c.Write(record); err != nil {
					return
				}
			}
		},
		"one byte a second": func(c net.Conn) {
			for _, b := range []byte{22, 3, 3, 0, 50, 2, 0, 0} {
				time.Sleep(time.Second)
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
			}
		},
		"what was not offered": func(c net.Conn) {
			hello := slices.Concat([]byte{3, 3}, make([]byte, 32), []byte{0, 0xab, 0xcd, 0})
			_, _ = c.Write(append([]byte{22, 3, 3}, prefix16(append([]byte{2, 0}, prefix16(hello)...))...))
		},
		"internal error": func(c net.Conn) { _, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 80}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := Probe(t.Context(), listen(t, f), host, Options{Timeout: 400 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			if o.Complete || len(o.Reasons) == 0 {
				t.Error("counts as answered")
			}
			for _, s := range o.Versions {
				if s.Accepted == Yes || s.Accepted == No && name != "what was not offered" || s.Accepted != Yes && s.Reason == "" {
					t.Errorf("%s: %s (%s)", s.Version, s.Accepted, s.Reason)
				}
			}
			if got := Judge(o, nil, host, day()); len(got) != 0 {
				t.Errorf("reported %v", ruleIDs(got))
			}
		})
	}
}

// TestHugeCertificate: the hello is good, and then come 10 MB of certificate.
func TestHugeCertificate(t *testing.T) {
	p := good(t)
	chain := [][]byte{p.leaf.Raw}
	for range 10 << 20 / len(p.leaf.Raw) {
		chain = append(chain, p.leaf.Raw)
	}
	o := probe(t, listen(t, func(c net.Conn) {
		_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{{Certificate: chain, PrivateKey: p.key}}}).Handshake()
	}))
	if o.Complete || len(o.Chain) != 0 {
		t.Errorf("complete %v with %d certificates", o.Complete, len(o.Chain))
	}
}

func TestHandshakesAreBounded(t *testing.T) {
	p := good(t)
	d := serve(t, &tls.Config{Certificates: []tls.Certificate{p.tls()}})
	dials := 0
	o, err := Probe(t.Context(), func(ctx context.Context) (net.Conn, error) { dials++; return d(ctx) }, host, Options{Handshakes: 7})
	if err != nil || o.Complete || dials != 7 || o.Handshakes != 7 {
		t.Errorf("%d dials, complete %v, %v", dials, o.Complete, err)
	}
	if support(o, SSL30).Accepted != No || len(o.Chain) == 0 {
		t.Error("versions and certificates do not come first")
	}
}

func TestNobodyThere(t *testing.T) {
	down := errors.New("down")
	o, err := Probe(t.Context(), func(context.Context) (net.Conn, error) { return nil, down }, host, Options{})
	if !errors.Is(err, down) || o.Complete {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Probe(ctx, listen(t, func(net.Conn) {}), host, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRulesAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] || r.Title == "" || r.Advice == "" || len(r.CWE) == 0 || len(r.References) == 0 || r.Class == "" || r.Severity == 0 {
			t.Errorf("%+v", r)
		}
		seen[r.ID] = true
	}
	if len(seen) != 14 {
		t.Errorf("%d rules", len(seen))
	}
}

// openssl starts s_server with an RSA certificate and gives its address.
func openssl(t *testing.T, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	p, dir := good(t), t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: p.leaf.Raw}, keyFile: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	cmd := exec.CommandContext(t.Context(), "openssl", append([]string{"s_server", "-quiet", "-accept", address, "-cert", cert, "-key", keyFile}, args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 100 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Skip("openssl s_server does not start")
	return ""
}

// negotiable asks openssl s_client for one suite after the other.
func negotiable(t *testing.T, address string, v string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "openssl", "ciphers", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0").Output()
	if err != nil {
		t.Skipf("openssl ciphers: %v", err)
	}
	known := suiteNames()
	var names []string
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if !slices.Contains(slices.Collect(mapValues(known)), f[0]) || strings.HasPrefix(f[2], "TLS_") {
			continue
		}
		c := exec.CommandContext(t.Context(), "openssl", "s_client", "-connect", address, v, "-cipher", f[2]+":@SECLEVEL=0")
		text, err := c.CombinedOutput()
		if err == nil && strings.Contains(string(text), "Cipher is "+f[2]) {
			names = append(names, f[0])
		}
	}
	return names
}

func mapValues(m map[Suite]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

func TestSameSuitesAsOpenSSL(t *testing.T) {
	for name, c := range map[string]struct {
		args    []string
		version Version
		flag    string
	}{
		"everything under TLS 1.2": {[]string{"-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"}, TLS12, "-tls1_2"},
		"everything under TLS 1.0": {[]string{"-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"}, TLS10, "-tls1"},
		"the defaults":             {nil, TLS12, "-tls1_2"},
		"server's order":           {[]string{"-serverpref", "-cipher", "AES256-SHA:AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0"}, TLS12, "-tls1_2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := openssl(t, c.args...)
			o := probe(t, dialer(address))
			var got []string
			for _, s := range support(o, c.version).Suites {
				got = append(got, s.String())
			}
			want := negotiable(t, address, c.flag)
			if !sameSet(got, want) || len(want) == 0 {
				t.Errorf("%d suites: %v\nopenssl s_client has %d: %v", len(got), got, len(want), want)
			}
			if !o.Complete {
				t.Errorf("not complete: %q", o.Reasons)
			}
			serverOrder := support(o, c.version).ServerOrder == Yes
			if serverOrder != slices.Contains(c.args, "-serverpref") {
				t.Errorf("server's order: %v", serverOrder)
			}
			t.Logf("%s: %d suites in %d handshakes", accepted(o), len(got), o.Handshakes)
		})
	}
}

// TestReplayShowsIt runs the command of each issue: it connects where the
// server accepts too much, and not where something is missing.
func TestReplayShowsIt(t *testing.T) {
	address := openssl(t, "-tls1", "-cipher", "AES128-SHA:aNULL:@SECLEVEL=0")
	seen := map[string]bool{}
	o := probe(t, dialer(address))
	for _, i := range Judge(o, nil, host, day()) {
		seen[i.Rule] = true
		c := exec.CommandContext(t.Context(), "sh", "-c", i.Replay)
		c.Env = append(os.Environ(), "HOST="+address)
		out, err := c.CombinedOutput()
		connected := err == nil && !strings.Contains(string(out), "Cipher is (NONE)")
		if missing := i.Rule == ruleForward; connected == missing {
			t.Errorf("%s: %s\nconnected: %v %v\n%s", i.Rule, i.Replay, connected, err, out)
		}
		if i.Rule == ruleObsolete && !strings.Contains(string(out), "TLSv1") {
			t.Errorf("no TLS 1.0 in %s", out)
		}
	}
	if !seen[ruleObsolete] || !seen[ruleBroken] {
		t.Errorf("reported %v", seen)
	}
	// A server with certificates of static RSA only.
	static := openssl(t, "-tls1_2", "-cipher", "AES128-SHA")
	for _, i := range Judge(probe(t, dialer(static)), nil, host, day()) {
		c := exec.CommandContext(t.Context(), "sh", "-c", i.Replay)
		c.Env = append(os.Environ(), "HOST="+static)
		if out, err := c.CombinedOutput(); err == nil && !strings.Contains(string(out), "Cipher is (NONE)") {
			t.Errorf("%s: %s connects", i.Rule, i.Replay)
		}
		seen[i.Rule] = true
	}
	for _, r := range []string{ruleOnly12, ruleCBC, ruleForward} {
		if !seen[r] {
			t.Errorf("%s is not reported", r)
		}
	}
}

func FuzzServerHello(f *testing.F) {
	good := slices.Concat([]byte{3, 3}, make([]byte, 32), []byte{0, 0xc0, 0x2f, 0, 0, 5, 0xff, 1, 0, 1, 0})
	f.Add(append([]byte{22, 3, 3}, prefix16(append([]byte{2, 0}, prefix16(good)...))...))
	f.Add([]byte{21, 3, 3, 0, 2, 2, 40})
	f.Add([]byte{22, 3, 3, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &counter{b: b}
		h, err := readServerHello(r)
		if r.read > maxFlight {
			t.Fatalf("read %d bytes", r.read)
		}
		if err == nil && r.read < 5+4+38 {
			t.Fatalf("a hello of %d bytes: %+v", r.read, h)
		}
		// Nothing that was read from the wire is in a reason.
		if err != nil && len(reason(err)) > 60 {
			t.Fatalf("reason %q", reason(err))
		}
	})
}

// counter serves b again and again, and counts.
type counter struct {
	b    []byte
	read int
}

func (c *counter) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.b[c.read%len(c.b):])
	c.read += n
	return n, nil
}
