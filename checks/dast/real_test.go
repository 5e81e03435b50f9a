package dast

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// freePort is one of this machine that nobody had a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// serve starts a server that answers at a port of this machine, until the test
// is over.
func serve(t *testing.T, port, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it is told to end
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		_ = log.Close()
	})
	for range 1200 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ended:
		case <-time.After(50 * time.Millisecond):
			continue
		}
		break
	}
	said, err := os.ReadFile(log.Name())
	t.Fatalf("%s does not answer at port %s: %s (%v)", program, port, said, err)
}

// certificate writes cert.pem and key.pem: of this machine and from an
// authority in ca.pem, or of another name, out of date and signed by itself.
func certificate(t *testing.T, dir string, good bool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "clinic.example"}, NotBefore: now.AddDate(-2, 0, 0), NotAfter: now.AddDate(0, -1, 0),
		DNSNames: []string{"clinic.example"}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	parent, by := leaf, key
	if good {
		leaf.NotBefore, leaf.NotAfter, leaf.IPAddresses = now.Add(-time.Hour), now.AddDate(0, 3, 0), []net.IP{net.IPv4(127, 0, 0, 1)}
		if by, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
		parent = &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
			IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		}
		write(t, filepath.Join(dir, "ca.pem"), "CERTIFICATE", signed(t, parent, parent, by, by))
	}
	write(t, filepath.Join(dir, "cert.pem"), "CERTIFICATE", signed(t, leaf, parent, key, by))
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "key.pem"), "PRIVATE KEY", der)
}

func signed(t *testing.T, c, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func write(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// nginx starts one with a configuration, over a few files, and gives its URL
// and directory.
func nginx(t *testing.T, configuration string, good bool) (url, dir string) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Skip("nginx is not installed (Debian: nginx-light)")
	}
	dir, port := t.TempDir(), freePort(t)
	for name, text := range map[string]string{
		"www/index.html":           `<!doctype html><html lang=en><title>Clinic</title><link rel=stylesheet href="/files/a.css"><script src="/files/a.js"></script><a href="/files/letter.txt?copy=1">letter</a></html>`,
		"www/files/letter.txt":     "The clinic is closed today.\n",
		"www/files/letter.txt.bak": "The clinic was closed.\n",
		"www/files/a.css":          "p { color: black }\n",
		"www/files/a.js":           "document.title = 'Clinic';\n",
		"www/.git/HEAD":            "ref: refs/heads/main\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	certificate(t, dir, good)
	b, err := os.ReadFile(filepath.Join("..", "..", "cmd", "vitalsign", "testdata", "nginx", configuration))
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, []byte(strings.NewReplacer("DIR", dir, "PORT", port).Replace(string(b))), 0o600); err != nil {
		t.Fatal(err)
	}
	serve(t, port, program, "-e", "stderr", "-p", dir, "-c", conf)
	return "https://127.0.0.1:" + port, dir
}

// complete fails a test whose scan did not come to its end.
func complete(t *testing.T, run checks.Run) {
	t.Helper()
	if s := run.Steps[0]; s.Status != checks.OK {
		t.Errorf("step is %s: %s", s.Status, s.Reason)
	}
}

// A server that is set up well has nothing to be told.
func TestNginxGood(t *testing.T) {
	url, dir := nginx(t, "good.conf", true)
	live := checks.DefaultLive()
	live.URL, live.PerSecond, live.Trust = url, 0, "trust"
	run, _ := look(t, live, nil, pipelines.DataSet{Data: checks.Data{Name: "trust"}, Path: filepath.Join(dir, "ca.pem")})
	complete(t, run)
	if len(run.Findings) > 0 {
		show(t, run)
		t.Errorf("%d findings on a server without flaws", len(run.Findings))
	}
}

// One that is set up badly is told each flaw, and nothing else.
func TestNginxBad(t *testing.T) {
	url, _ := nginx(t, "bad.conf", false)
	live := checks.DefaultLive()
	live.URL, live.PerSecond = url, 0
	run, _ := look(t, live, nil)
	complete(t, run)
	same(t, run,
		"tls-certificate-expired / ", "tls-certificate-name / ", "tls-certificate-untrusted / ", "tls-only-1.2 / ", "tls-suite-broken / ", "tls-version-obsolete / ",
		"web-content-type-options / ", "web-cors-open / ", "web-csp / ", "web-framing / ", "web-hsts / ", "web-referrer-policy / ", "web-server-version / ",
		"web-directory-listing /files/ GET", "web-exposed-backup /files/letter.txt.bak GET", "web-exposed-operations /nginx_status GET", "web-exposed-vcs /.git/HEAD GET",
	)
}

// same holds findings to a list in both directions.
func same(t *testing.T, run checks.Run, want ...string) {
	t.Helper()
	got := found(run)
	for _, w := range want {
		if _, ok := got[w]; !ok {
			t.Errorf("not found: %s", w)
		}
		delete(got, w)
	}
	for k, f := range got {
		t.Errorf("found, and not so: %q: %s", k, f.Evidence.Message)
	}
	if t.Failed() {
		show(t, run)
	}
}

// The clinic done right, with all that it asks for and answers, is told nothing
// but that it signs its own certificate.
func TestHardenedClinic(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the clinic")
	}
	program := filepath.Join(t.TempDir(), "clinic-api")
	build := exec.Command("go", "-C", filepath.Join("..", "..", "examples", "clinic", "services", "api"), "build", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	plain, secure := freePort(t), freePort(t)
	serve(t, secure, program, "-hardened", "-addr", "127.0.0.1:"+plain, "-tls-addr", "127.0.0.1:"+secure)
	live := checks.DefaultLive()
	live.URL, live.PerSecond, live.Active, live.Callback = "https://127.0.0.1:"+secure, 0, true, "127.0.0.1:0"
	live.Specifications = []checks.Specification{{Kind: "openapi", Path: "/openapi.yaml"}}
	run, _ := look(t, live, nil)
	complete(t, run)
	same(t, run, "tls-certificate-untrusted / ")
	if n := run.Steps[0].Coverage.Read; n < 40 {
		t.Errorf("%d operations were tested", n)
	}
}

// A FHIR server that others wrote: it is open to everybody, and has none of the
// flaws that answers to our payloads could be taken for.
func TestHAPI(t *testing.T) {
	dir := os.Getenv("VITALSIGN_HAPI")
	if dir == "" {
		t.Skip("VITALSIGN_HAPI is not set (tools/hapi.sh)")
	}
	port := freePort(t)
	serve(t, port, "java", "-cp", filepath.Join(dir, "lib", "*"), "example.hapi.Main", port)
	live := checks.DefaultLive()
	live.URL, live.PerSecond, live.Active, live.Callback, live.FHIR = fmt.Sprintf("http://127.0.0.1:%s", port), 0, true, "127.0.0.1:0", "/fhir"
	live.Specifications = []checks.Specification{{Kind: "openapi", Path: "/fhir/api-docs"}}
	run, _ := look(t, live, nil)
	complete(t, run)
	// It is open: anybody reads what is about patients.
	same(t, run, "web-content-type-options / ", "web-server-version / ", "fhir-read-anonymous /fhir/Observation GET", "fhir-read-anonymous /fhir/Patient GET", "fhir-no-smart /fhir/metadata GET")
	if n := run.Steps[0].Coverage.Read; n < 25 {
		t.Errorf("%d operations were tested", n)
	}
}
