package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// realRegistry starts the registry that Debian has, and gives its address.
func realRegistry(t *testing.T) string {
	t.Helper()
	program := os.Getenv("VITALSIGN_REGISTRY")
	if program == "" {
		var err error
		if program, err = exec.LookPath("docker-registry"); err != nil {
			t.Skip("docker-registry is not installed (apt-get install docker-registry)")
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n", filepath.Join(dir, "data"), addr)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", config)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 200 {
		if r, err := http.Get("http://" + addr + "/v2/"); err == nil {
			r.Body.Close()
			return addr
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the registry does not answer")
	return ""
}

// An image is signed and attested by us and by cosign, in a real registry, and
// each verifies what the other stored.
func TestImages(t *testing.T) {
	memory := httptest.NewServer(ggcr.New(ggcr.WithReferrersSupport(true), ggcr.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(memory.Close)
	for kind, start := range map[string]func(*testing.T) string{
		"with referrers": func(*testing.T) string { return strings.TrimPrefix(memory.URL, "http://") },
		"docker":         realRegistry,
	} {
		t.Run(kind, func(t *testing.T) { testImages(t, start(t)) })
	}
}

func testImages(t *testing.T, registry string) {
	ref, err := name.ParseReference(registry + "/clinic/portal:v1")
	if err != nil {
		t.Fatal(err)
	}
	img, err := random.Image(1024, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	sum, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	whole := registry + "/clinic/portal@" + sum.String()
	d := newDesk(t)
	d.write("bom.json", `{"bomFormat":"CycloneDX","specVersion":"1.6"}`)
	d.must("vitalsign", "key", "create", "ours")
	d.must("vitalsign", "key", "create", "other")
	d.must("vitalsign", "sign", "image:"+ref.String(), "--key", "ours.key")
	d.must("vitalsign", "sign", "image:"+ref.String(), "--key", "ours.key") // changes nothing
	d.must("vitalsign", "attest", "image:"+whole, "--type", "cyclonedx", "--predicate", "bom.json", "--key", "ours.key")
	d.must("vitalsign", "attest", "pull", "image:"+whole, "--out", "ours")
	if out := d.must("vitalsign", "verify", "image:"+whole, "--bundle", "ours", "--key", "ours.pub"); !strings.Contains(out, "SIGNATURE VERIFIED") {
		t.Errorf("%s", out)
	}
	another := strings.Replace(whole, sum.Hex, strings.Repeat("0", 64), 1)
	if out, code := d.run("vitalsign", "verify", "image:"+another, "--bundle", "ours", "--key", "ours.pub"); code != 4 || !strings.Contains(out, "digest: ") {
		t.Errorf("another image: exit %d\n%s", code, out)
	}
	if out, code := d.run("vitalsign", "verify", "image:"+whole, "--bundle", "ours", "--key", "other.pub"); code != 4 {
		t.Errorf("another key: exit %d\n%s", code, out)
	}
	if out, code := d.run("vitalsign", "verify", "image:"+ref.String(), "--bundle", "ours", "--key", "ours.pub"); code != 4 {
		t.Errorf("a tag, which nobody is asked about: exit %d\n%s", code, out)
	}
	cosign := cosignProgram(t)
	d.must(cosign, "verify", "--key", "ours.pub", "--insecure-ignore-tlog=true", "--allow-http-registry", whole)
	d.must(cosign, "verify-attestation", "--key", "ours.pub", "--insecure-ignore-tlog=true", "--allow-http-registry", "--type", "cyclonedx", whole)
	d.must(cosign, "generate-key-pair", "--output-key-prefix", "theirs")
	d.must(cosign, "sign", "--yes", "--key", "theirs.key", "--tlog-upload=false", "--allow-http-registry", whole)
	d.must(cosign, "attest", "--yes", "--key", "theirs.key", "--tlog-upload=false", "--allow-http-registry", "--type", "spdxjson", "--predicate", "bom.json", whole)
	d.must("vitalsign", "attest", "pull", "image:"+whole, "--out", "both")
	d.must("vitalsign", "verify", "image:"+whole, "--bundle", "both", "--key", "theirs.pub")
	d.must("vitalsign", "verify", "image:"+whole, "--bundle", "both", "--key", "ours.pub")
	d.must(cosign, "save", "--dir", "saved", whole)
	d.must("vitalsign", "verify", "image:saved", "--bundle", "both", "--key", "theirs.pub")
	d.must("mkdir", "empty")
	d.must("vitalsign", "verify", "image:saved", "--bundle", "empty", "--key", "ours.pub")
	// What cosign attested alone, without its signature.
	matches, err := filepath.Glob(filepath.Join(d.dir, "both", "image-*", "*.simplesigning.json.sigstore.json"))
	if err != nil || len(matches) != 2 {
		t.Fatalf("signatures %v, %v", matches, err)
	}
	for _, m := range matches {
		if err := os.Remove(m); err != nil {
			t.Fatal(err)
		}
	}
	if out := d.must("vitalsign", "verify", "image:"+whole, "--bundle", "both", "--key", "theirs.pub", "-f", "json"); !strings.Contains(out, "spdx.dev/Document") {
		t.Errorf("%s", out)
	}
	// The newer way to store them, which cosign prefers where it is there.
	d.must("vitalsign", "sign", "image:"+whole, "--key", "ours.key", "--new-bundle-format")
	d.must("vitalsign", "attest", "image:"+whole, "--type", "cyclonedx", "--predicate", "bom.json", "--key", "ours.key", "--new-bundle-format")
	newer := []string{"--key", "ours.pub", "--insecure-ignore-tlog=true", "--allow-http-registry", "--new-bundle-format", "--trusted-root", trustedRoot(t)}
	d.must(cosign, append(append([]string{"verify"}, newer...), whole)...)
	d.must(cosign, append(append([]string{"verify-attestation", "--type", "cyclonedx"}, newer...), whole)...)
	d.must(cosign, "sign", "--yes", "--key", "theirs.key", "--tlog-upload=false", "--allow-http-registry", "--new-bundle-format", whole)
	d.must("vitalsign", "attest", "pull", "image:"+whole, "--out", "newer")
	for _, key := range []string{"ours", "theirs"} {
		d.must("vitalsign", "verify", "image:"+whole, "--bundle", "newer", "--key", key+".pub")
	}
}
