package image

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// pushed is an image in a registry of this process.
func pushed(t *testing.T) name.Digest {
	t.Helper()
	s := httptest.NewServer(ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	d, err := name.NewDigest(strings.TrimPrefix(s.URL, "http://") + "/clinic/portal@" + sum.String())
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(d, img); err != nil {
		t.Fatal(err)
	}
	return d
}

// What cosign signed and saved is on disk what it is in the registry.
func TestFetchLayoutOfCosign(t *testing.T) {
	cosign := os.Getenv("VITALSIGN_COSIGN")
	if cosign == "" {
		t.Skip("VITALSIGN_COSIGN names no cosign (tools/evidence-servers.sh builds one)")
	}
	d, home, dir := pushed(t), t.TempDir(), filepath.Join(t.TempDir(), "saved")
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command(cosign, args...)
		cmd.Dir, cmd.Env = home, append(os.Environ(), "HOME="+home, "COSIGN_PASSWORD=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("cosign %q: %v\n%s", args, err, out)
		}
	}
	if err := os.WriteFile(filepath.Join(home, "p.json"), []byte(`{"a":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	run("generate-key-pair")
	run("sign", "--yes", "--key", "cosign.key", "--tlog-upload=false", "--allow-http-registry", d.String())
	run("attest", "--yes", "--key", "cosign.key", "--tlog-upload=false", "--allow-http-registry", "--type", "custom", "--predicate", "p.json", d.String())
	run("save", "--allow-http-registry", "--dir", dir, d.String())
	want, err := Registry{}.Fetch(t.Context(), d)
	if err != nil || len(want) != 2 {
		t.Fatalf("in the registry there are %d, %v", len(want), err)
	}
	got, err := FetchLayout(dir)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d of %d on disk, %v", len(got), len(want), err)
	}
	for i := range want {
		if !bytes.Equal(got[i].Bundle, want[i].Bundle) || !bytes.Equal(got[i].Payload, want[i].Payload) {
			t.Errorf("%d differs", i)
		}
	}
	if sum, err := LayoutDigest(dir); err != nil || "sha256:"+sum != d.DigestStr() {
		t.Errorf("the image is %s, %v; want %s", sum, err, d.DigestStr())
	}
	breakLayout(t, dir)
}

// breakLayout changes one byte of each blob that was read: none passes.
func breakLayout(t *testing.T, dir string) {
	t.Helper()
	broken := 0
	blobs, err := filepath.Glob(filepath.Join(dir, "blobs", "sha256", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, blob := range blobs {
		content, err := os.ReadFile(blob)
		if err != nil {
			t.Fatal(err)
		}
		changed := append([]byte(nil), content...)
		changed[len(changed)/2] ^= 1
		if err := os.WriteFile(blob, changed, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := FetchLayout(dir); err != nil {
			broken++
		}
		if err := os.WriteFile(blob, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if broken != 4 { // two manifests with one layer each
		t.Errorf("%d of %d blobs were read and held to their digest, not 4", broken, len(blobs))
	}
}

func TestFetchLayoutRefuses(t *testing.T) {
	if _, err := FetchLayout(filepath.Join(t.TempDir(), "nothing")); err == nil {
		t.Error("a directory that is not there")
	}
	zeros := strings.Repeat("0", 64)
	index := `{"manifests":[{"digest":"sha256:` + zeros + `","annotations":{"kind":"dev.cosignproject.cosign/sigs"}}]}`
	for name, prepare := range map[string]func(dir string) error{
		"no list": func(string) error { return nil },
		"no JSON": func(dir string) error { return os.WriteFile(filepath.Join(dir, "index.json"), []byte("{"), 0o600) },
		"no blob": func(dir string) error { return os.WriteFile(filepath.Join(dir, "index.json"), []byte(index), 0o600) },
		"large list": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "index.json"), make([]byte, maxManifest+1), 0o600)
		},
		"a link out": func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "index.json")) },
		"a device":   func(dir string) error { return os.Symlink("/dev/zero", filepath.Join(dir, "index.json")) },
	} {
		dir := t.TempDir()
		if err := prepare(dir); err != nil {
			t.Fatal(err)
		}
		if got, err := FetchLayout(dir); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}
