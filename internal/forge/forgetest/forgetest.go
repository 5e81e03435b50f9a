// Package forgetest is a GitHub for tests: the few answers that vitalsign asks
// for, with pages, ETags, limits and faults. Where GitHub's published OpenAPI
// description lies on this machine (tools/github-openapi.sh), every request and
// every answer is held to it, so that neither the client nor this fake can be
// something that GitHub is not.
package forgetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// DescriptionEnv names the file with the description.
const DescriptionEnv = "VITALSIGN_GITHUB_OPENAPI"

// Repo is a repository as a test says it.
type Repo struct {
	Name                    string
	Topics                  []string
	Archived, Fork, Private bool
	// Clone is what the server says to clone it from, "" for its own address.
	Clone string
}

// Answer is one that a fault gives. Its zero value is none.
type Answer struct {
	Status int
	Header http.Header
	Body   any
	// Delay comes before the answer; Cut breaks it off in the middle.
	Delay time.Duration
	Cut   bool
}

// Seen is a request that came.
type Seen struct {
	Path, Query, Token string
	Conditional        bool
	Status             int
}

// Server is the forge. Its fields may be set before it is asked, and later
// through Change.
type Server struct {
	URL string
	// Orgs and Users have repositories by name; Login is whose the token is.
	Orgs, Users map[string][]Repo
	Login       string
	// Token is asked for everywhere when it is set.
	Token string
	// Header is added to every answer.
	Header http.Header
	// Fault may answer the n-th request itself, counted from 1.
	Fault func(n int, r *http.Request) *Answer
	// Git serves what is below /OWNER/REPO.git.
	Git http.Handler

	t           testing.TB
	description *description
	mu          sync.Mutex
	seen        []Seen
}

// New starts a server. It ends with the test.
func New(t testing.TB) *Server {
	t.Helper()
	s, h := prepare(t)
	h.Start()
	s.URL = h.URL
	return s
}

// NewTLS starts a server with a certificate that nobody vouches for. It is in
// the file at caFile.
func NewTLS(t testing.TB) (s *Server, caFile string) {
	t.Helper()
	s, h := prepare(t)
	h.StartTLS()
	s.URL = h.URL
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw}
	if err := os.WriteFile(caFile, pem.EncodeToMemory(block), 0o644); err != nil {
		t.Fatal(err)
	}
	return s, caFile
}

func prepare(t testing.TB) (*Server, *httptest.Server) {
	t.Helper()
	s := &Server{t: t, Orgs: map[string][]Repo{}, Users: map[string][]Repo{}}
	if os.Getenv(DescriptionEnv) != "" {
		d, err := described()
		if err != nil {
			t.Fatalf("%s: %v", DescriptionEnv, err)
		}
		s.description = d
	}
	h := httptest.NewUnstartedServer(s)
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that do not trust it
	t.Cleanup(h.Close)
	return s, h
}

// described reads the description once for all servers of a test binary.
var described = sync.OnceValues(func() (*description, error) { return load(os.Getenv(DescriptionEnv)) })

// NeedDescription skips where there is none.
func NeedDescription(t testing.TB) {
	t.Helper()
	if os.Getenv(DescriptionEnv) == "" {
		t.Skipf("%s is not set: tools/github-openapi.sh brings GitHub's description", DescriptionEnv)
	}
}

// Change changes the world between two requests.
func (s *Server) Change(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// Seen gives the requests so far, and forgets them.
func (s *Server) Seen() []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.Git != nil && strings.Contains(r.URL.Path, ".git/") {
		s.Git.ServeHTTP(w, r)
		return
	}
	s.mu.Lock()
	s.seen = append(s.seen, Seen{Path: r.URL.Path, Query: r.URL.RawQuery, Token: strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), Conditional: r.Header.Get("If-None-Match") != ""})
	at := len(s.seen) - 1
	var a *Answer
	if s.Fault != nil {
		a = s.Fault(len(s.seen), r)
	}
	if a == nil {
		a = s.answer(r)
	}
	if at < len(s.seen) {
		s.seen[at].Status = a.Status
	}
	s.mu.Unlock()
	s.write(w, r, a)
}

func (s *Server) write(w http.ResponseWriter, r *http.Request, a *Answer) {
	body, err := json.Marshal(a.Body)
	if err != nil {
		s.t.Errorf("forgetest: %v", err)
	}
	select {
	case <-time.After(a.Delay):
	case <-r.Context().Done():
		return
	}
	h := w.Header()
	for _, from := range []http.Header{s.Header, a.Header} {
		for k, v := range from {
			h[k] = v
		}
	}
	if a.Status == http.StatusNotModified {
		w.WriteHeader(a.Status)
		return
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	if s.description != nil {
		if err := s.description.check(r, a.Status, h, body); err != nil {
			s.t.Errorf("forgetest: %s %s, answered %d: GitHub's description says otherwise: %v", r.Method, r.URL, a.Status, err)
			http.Error(w, "not as described", http.StatusNotImplemented)
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.Status)
	if a.Cut {
		body = body[:len(body)/2] // the server closes the connection: fewer bytes than it promised
	}
	_, _ = w.Write(body) // a client that has gone is what some tests are about
}

// answer is what GitHub would say.
func (s *Server) answer(r *http.Request) *Answer {
	if s.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.Token {
		return Failure(http.StatusUnauthorized, "Bad credentials")
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) == 3 && parts[0] == "orgs" && parts[2] == "repos":
		return s.list(r, parts[1], s.Orgs, false)
	case len(parts) == 3 && parts[0] == "users" && parts[2] == "repos":
		return s.list(r, parts[1], s.Users, true)
	case r.URL.Path == "/user" && s.Login == "":
		return Failure(http.StatusForbidden, "Resource not accessible by integration")
	case r.URL.Path == "/user":
		return tagged(r, user(s.Login), nil)
	case r.URL.Path == "/user/repos":
		return s.list(r, s.Login, s.Users, false)
	case len(parts) == 3 && parts[0] == "repos":
		for _, all := range []map[string][]Repo{s.Orgs, s.Users} {
			for _, one := range all[parts[1]] {
				if one.Name == parts[2] {
					return tagged(r, s.repository(parts[1], one), nil)
				}
			}
		}
	}
	return Failure(http.StatusNotFound, "Not Found")
}

// list gives a page, with a Link header as GitHub writes it.
func (s *Server) list(r *http.Request, owner string, from map[string][]Repo, public bool) *Answer {
	all, ok := from[owner]
	if !ok {
		return Failure(http.StatusNotFound, "Not Found")
	}
	var shown []any
	for _, one := range all {
		if !public || !one.Private {
			shown = append(shown, s.repository(owner, one))
		}
	}
	size, page := number(r, "per_page", 30), number(r, "page", 1)
	last := max(1, (len(shown)+size-1)/size)
	begin, end := min(len(shown), (page-1)*size), min(len(shown), page*size)
	var links []string
	link := func(n int, rel string) {
		q := r.URL.Query()
		q.Set("page", strconv.Itoa(n))
		links = append(links, fmt.Sprintf(`<%s%s?%s>; rel=%q`, s.URL, r.URL.Path, q.Encode(), rel))
	}
	if page < last {
		link(page+1, "next")
		link(last, "last")
	}
	if page > 1 {
		link(page-1, "prev")
		link(1, "first")
	}
	h := http.Header{}
	if len(links) > 0 {
		h.Set("Link", strings.Join(links, ", "))
	}
	return tagged(r, append([]any{}, shown[begin:end]...), h)
}

func number(r *http.Request, name string, otherwise int) int {
	if n, err := strconv.Atoi(r.URL.Query().Get(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// tagged answers with an ETag, and with 304 to who has that already.
func tagged(r *http.Request, body any, h http.Header) *Answer {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // made of strings here
	}
	if h == nil {
		h = http.Header{}
	}
	tag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(bytes.Join([][]byte{b, []byte(r.Header.Get("Authorization"))}, nil)))
	h["Etag"] = []string{tag}
	if r.Header.Get("If-None-Match") == tag {
		h.Del("Link")
		return &Answer{Status: http.StatusNotModified, Header: h}
	}
	return &Answer{Status: http.StatusOK, Header: h, Body: body}
}

// Failure is an answer in the form of GitHub's errors.
func Failure(status int, message string) *Answer {
	return &Answer{Status: status, Body: map[string]any{"message": message, "documentation_url": "https://docs.github.com/rest", "status": strconv.Itoa(status)}}
}
