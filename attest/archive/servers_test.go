package archive

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-containerregistry/pkg/registry"
)

// serve starts a server, waits for its port, and ends it with the test.
func serve(t *testing.T, port string, cmd *exec.Cmd) {
	t.Helper()
	words := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = words, words
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has no other end
		_ = cmd.Wait()         // killed
		if t.Failed() && words.Len() > 0 {
			t.Logf("%s says:\n%.4000s", cmd.Path, words)
		}
	})
	for range 200 {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = c.Close() // it answers
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s does not listen", cmd.Path)
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // only its number is wanted
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// registries gives the hosts of an in-process registry and of a real one.
func registries(t *testing.T) map[string]func(t *testing.T) string {
	return map[string]func(t *testing.T) string{
		"in process": func(t *testing.T) string {
			s := httptest.NewServer(registry.New(registry.Logger(quiet())))
			t.Cleanup(s.Close)
			return strings.TrimPrefix(s.URL, "http://")
		},
		"docker-registry": dockerRegistry,
	}
}

// dockerRegistry is Debian's package of the CNCF distribution 2.8, which has no
// referrers API.
func dockerRegistry(t *testing.T) string {
	program, err := exec.LookPath(cmp.Or(os.Getenv("VITALSIGN_REGISTRY"), "docker-registry"))
	if err != nil {
		t.Skip("docker-registry is not installed (apt-get install docker-registry), and VITALSIGN_REGISTRY names none")
	}
	dir, port := t.TempDir(), freePort(t)
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: warn}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: '127.0.0.1:%s'}\n", dir, port)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	serve(t, port, exec.Command(program, "serve", config))
	return "127.0.0.1:" + port
}

// s3Server starts the S3 server that VITALSIGN_S3_SERVER names (versitygw) and
// gives the location of a new bucket in it.
func s3Server(t *testing.T) string {
	program := os.Getenv("VITALSIGN_S3_SERVER")
	if program == "" {
		t.Skip("VITALSIGN_S3_SERVER names no S3 server (tools/evidence-servers.sh brings one)")
	}
	port, secret := freePort(t), rand.Text()
	t.Setenv("AWS_ACCESS_KEY_ID", "vitalsign")
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	cmd := exec.Command(program, "--port", "127.0.0.1:"+port, "--quiet", "posix", "--sidecar", t.TempDir(), t.TempDir())
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY=vitalsign", "ROOT_SECRET_KEY="+secret)
	serve(t, port, cmd)
	location := "s3://clinic/PREFIX?path_style=true&endpoint=http://127.0.0.1:" + port
	b := openAt(t, location, Options{}).(*bucket)
	if _, err := b.client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("clinic")}); err != nil {
		t.Fatal(err)
	}
	return location
}

func openAt(t *testing.T, location string, o Options) Archive {
	t.Helper()
	a, err := Open(t.Context(), location, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// unconditional is a server that knows no conditional writes, and says so or
// passes them over in silence.
type unconditional struct {
	says    bool
	objects map[string][]byte
}

func (u unconditional) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	content, there := u.objects[r.URL.Path]
	switch {
	case r.Method == http.MethodPut && u.says && r.Header.Get("If-None-Match") != "":
		answer.WriteHeader(http.StatusNotImplemented)
		fmt.Fprint(answer, "<Error><Code>NotImplemented</Code></Error>")
	case r.Method == http.MethodPut:
		var b bytes.Buffer
		if r.Body != nil {
			if _, err := b.ReadFrom(r.Body); err != nil {
				return nil, err
			}
		}
		u.objects[r.URL.Path] = b.Bytes()
	case !there:
		answer.WriteHeader(http.StatusNotFound)
		fmt.Fprint(answer, "<Error><Code>NoSuchKey</Code></Error>")
	default:
		_, _ = answer.Write(content) // into memory
	}
	return answer.Result(), nil
}
