package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func TestRegistry(t *testing.T) {
	for kind, start := range registries(t) {
		t.Run(kind, func(t *testing.T) {
			location := "oci://" + start(t) + "/team/evidence"
			open := func(t *testing.T) Archive { return openAt(t, location, Options{}) }
			conform(t, open)
			r := open(t).(*repository)
			img, err := random.Image(10, 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, tag := range []string{"latest", "v1.", "v1._x"} { // somebody else's
				if err := remote.Write(r.repo.Tag(tag), img); err != nil {
					t.Fatal(err)
				}
			}
			if err := remote.Write(r.repo.Tag(tagOf("foreign.json")), img); err != nil {
				t.Fatal(err)
			}
			if b, err := r.Get(t.Context(), "foreign.json"); err == nil {
				t.Errorf("an image was read as evidence: %q", b)
			}
			if names, err := r.List(t.Context(), "top"); err != nil || !slices.Equal(names, []string{"top.json"}) {
				t.Errorf("%q, %v", names, err)
			}
		})
	}
}

// An artifact that was tagged anew under another name is not that evidence.
func TestRegistryMovedTag(t *testing.T) {
	ctx := t.Context()
	r := openAt(t, "oci://"+registries(t)["in process"](t)+"/e", Options{}).(*repository)
	if err := r.Put(ctx, "a.json", []byte("a")); err != nil {
		t.Fatal(err)
	}
	m, err := r.manifest(ctx, tagOf("a.json"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Put(r.repo.Tag(tagOf("b.json")), manifest(raw)); err != nil {
		t.Fatal(err)
	}
	if b, err := r.Get(ctx, "b.json"); err == nil {
		t.Errorf("b.json is %q", b)
	}
}

// A server that answers without an end is left.
func TestRegistryEndless(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		_, err := io.WriteString(w, `{"tags":["`)
		for chunk := []byte(strings.Repeat("x", 1<<20)); err == nil; {
			_, err = w.Write(chunk)
		}
	}))
	defer s.Close()
	a := openAt(t, "oci://"+strings.TrimPrefix(s.URL, "http://")+"/e", Options{})
	if _, err := a.List(t.Context(), ""); err == nil || !strings.Contains(err.Error(), "more than was agreed") {
		t.Errorf("%v", err)
	}
}

// roundTrip is a server in a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A list is told without an end, in pieces with nothing in them.
func TestEndlessPages(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "vitalsign")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "vitalsign")
	n := 0
	o := Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Scheme == "https" {
			return nil, errors.New("there is no TLS here")
		}
		answer := httptest.NewRecorder()
		n++
		switch {
		case strings.HasSuffix(r.URL.Path, "/tags/list"):
			answer.Header().Set("Link", fmt.Sprintf("</v2/e/tags/list?n=%d>; rel=next", n))
			fmt.Fprint(answer, `{"tags":[]}`)
		case r.URL.Query().Get("list-type") == "2":
			fmt.Fprintf(answer, "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>%d</NextContinuationToken></ListBucketResult>", n)
		}
		resp := answer.Result()
		resp.Request = r
		return resp, nil
	})}
	for _, location := range []string{"oci://127.0.0.1:1/e", "s3://clinic/x?path_style=true&endpoint=http://127.0.0.1:1"} {
		if names, err := openAt(t, location, o).List(t.Context(), ""); !errors.Is(err, errPages) {
			t.Errorf("%s: %q, %v", location, names, err)
		}
	}
}

// To list what is below one commit, the long names below others are not looked
// at, nor what is somebody else's and looks a little like ours.
func TestRegistryListIsCheap(t *testing.T) {
	ctx, location := t.Context(), "oci://"+registries(t)["in process"](t)+"/e"
	var manifests atomic.Int32
	o := Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "/manifests/") {
			manifests.Add(1)
		}
		return http.DefaultTransport.RoundTrip(r)
	})}
	r := openAt(t, location, o).(*repository)
	img, err := random.Image(10, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"h1.latest", "h1.1.0", "h1." + strings.Repeat("0", 64), "h2.x"} {
		if err := remote.Write(r.repo.Tag(tag), img); err != nil {
			t.Fatal(err)
		}
	}
	commits := []string{strings.Repeat("a", 40), strings.Repeat("b", 40), strings.Repeat("c", 64)}
	for _, commit := range commits {
		for _, name := range []string{commit + "/short.json", commit + "/" + strings.Repeat("l", 120) + ".json"} {
			if err := r.Put(ctx, name, []byte(name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, commit := range commits {
		manifests.Store(0)
		if names, err := r.List(ctx, commit+"/"); err != nil || len(names) != 2 {
			t.Errorf("%q, %v", names, err)
		}
		if n := manifests.Load(); n != 1 {
			t.Errorf("%d manifests were read for one long name", n)
		}
	}
	if names, err := r.List(ctx, ""); err != nil || len(names) != 6 {
		t.Errorf("all: %q, %v", names, err)
	}
}

func TestBucket(t *testing.T) {
	location := s3Server(t)
	at := func(prefix string) Archive {
		return openAt(t, strings.Replace(location, "PREFIX", prefix, 1), Options{})
	}
	conform(t, func(*testing.T) Archive { return at("a/b") })
	// The whole bucket holds the others as well, and a prefix ends at a slash.
	if names, err := at("").List(t.Context(), "a/b/top"); err != nil || !slices.Equal(names, []string{"a/b/top.json"}) {
		t.Errorf("%q, %v", names, err)
	}
	if names, err := at("a").List(t.Context(), "top"); err != nil || len(names) != 0 {
		t.Errorf("%q, %v", names, err)
	}
}

func TestBucketWithoutConditions(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "vitalsign")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "vitalsign")
	for _, says := range []bool{false, true} {
		o := Options{Transport: unconditional{says, map[string][]byte{}}}
		a := openAt(t, "s3://clinic/x?path_style=true&endpoint=http://127.0.0.1:1", o)
		conformPutGet(t, a, a)
		conformNeverReplaced(t, a, a)
	}
}

func TestBucketWantsARegion(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	if _, err := Open(t.Context(), "s3://clinic/x", Options{}); err == nil || !strings.Contains(err.Error(), "region") {
		t.Errorf("%v", err)
	}
}
