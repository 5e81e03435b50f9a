package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/forge/forgetest"
)

// bench is a client with a clock that a test moves.
type bench struct {
	mu    sync.Mutex
	at    time.Time
	slept []time.Duration
	said  []string
	cache memory
}

func newBench() *bench {
	return &bench{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), cache: memory{kept: map[string][]byte{}}}
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

func (b *bench) sleep(ctx context.Context, d time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at, b.slept = b.at.Add(d), append(b.slept, d)
	return ctx.Err()
}

func (b *bench) say(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.said = append(b.said, line)
}

func (b *bench) client(t *testing.T, s *forgetest.Server, token string) *Client {
	t.Helper()
	c, err := New(Options{BaseURL: s.URL, Token: token, Cache: &b.cache, Now: b.now, Sleep: b.sleep, Progress: b.say, MaxWait: 10 * time.Minute, Agent: "vitalsign/test"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// memory is a Cache.
type memory struct {
	mu   sync.Mutex
	kept map[string][]byte
	err  error
}

func (m *memory) Get(_ context.Context, address, who string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept[who+" "+address], m.err
}

func (m *memory) Put(_ context.Context, address, who string, entry []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept[who+" "+address] = entry
	return m.err
}

func repos(n int) []forgetest.Repo {
	out := make([]forgetest.Repo, n)
	for i := range out {
		out[i] = forgetest.Repo{Name: fmt.Sprintf("service-%03d", i), Private: i%2 == 0}
	}
	return out
}

// statuses of the requests so far, and how many asked conditionally.
func statuses(s *forgetest.Server) (codes []int, conditional int) {
	for _, seen := range s.Seen() {
		codes = append(codes, seen.Status)
		if seen.Conditional {
			conditional++
		}
	}
	return codes, conditional
}

func count(codes []int, code int) (n int) {
	for _, c := range codes {
		if c == code {
			n++
		}
	}
	return n
}

func TestOrganisationOfManyPages(t *testing.T) {
	s, b := forgetest.New(t), newBench()
	s.Token, s.Orgs["acme"] = "token-1", repos(250)
	c := b.client(t, s, "token-1")
	l, err := c.Account(t.Context(), "acme")
	if err != nil || len(l.Repositories) != 250 || len(l.Notes) != 0 {
		t.Fatalf("%d repositories, notes %q, %v", len(l.Repositories), l.Notes, err)
	}
	first := l.Repositories[0]
	if first.FullName != "acme/service-000" || first.CloneURL != s.URL+"/acme/service-000.git" || !first.Private || first.Branch != "main" || first.Pushed.IsZero() {
		t.Errorf("the first: %+v", first)
	}
	// Three pages, and the same three again, unchanged.
	codes, _ := statuses(s)
	if count(codes, 200) != 3 || count(codes, 304) != 3 {
		t.Errorf("answers %v, want three of 200 and three of 304", codes)
	}
	if l, err = c.Account(t.Context(), "acme"); err != nil || len(l.Repositories) != 250 {
		t.Fatalf("again: %d, %v", len(l.Repositories), err)
	}
	if codes, _ = statuses(s); count(codes, 200) != 0 || count(codes, 304) != 6 {
		t.Errorf("again, answers %v, want six of 304", codes)
	}
}

// What one token was shown is not for another, and nothing that was kept tells
// of a token, or of a password that the forge gave.
func TestCacheKeepsNoSecrets(t *testing.T) {
	s, b := forgetest.New(t), newBench()
	s.Orgs["acme"] = repos(3)
	for _, token := range []string{"token-one", "token-two", ""} {
		if _, err := b.client(t, s, token).Account(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		if _, conditional := statuses(s); conditional != 0 {
			t.Errorf("token %q: asked with what was kept for another", token)
		}
	}
	if _, err := b.client(t, s, "token-one").Repository(t.Context(), "acme/service-000"); err != nil {
		t.Fatal(err)
	}
	if len(b.cache.kept) != 4 {
		t.Fatalf("%d entries, want 4", len(b.cache.kept))
	}
	for key, entry := range b.cache.kept {
		for _, secret := range []string{"token-one", "token-two", "temporary-service", "Bearer"} {
			if strings.Contains(key+string(entry), secret) {
				t.Errorf("%q is in what was kept: %s %s", secret, key, entry)
			}
		}
	}
}

func TestUsers(t *testing.T) {
	s, b := forgetest.New(t), newBench()
	s.Users["maria"] = []forgetest.Repo{{Name: "open"}, {Name: "secret", Private: true}}
	l, err := b.client(t, s, "").Account(t.Context(), "maria")
	if err != nil || len(l.Repositories) != 1 || len(l.Notes) != 1 {
		t.Errorf("without a token: %+v, %v", l, err)
	}
	s.Login = "maria"
	if l, err = b.client(t, s, "hers").Account(t.Context(), "Maria"); err != nil || len(l.Repositories) != 2 {
		t.Errorf("her own: %+v, %v", l, err)
	}
	s.Login = "" // a workflow's token: GET /user is 403
	if l, err = b.client(t, s, "robot").Account(t.Context(), "maria"); err != nil || len(l.Repositories) != 1 {
		t.Errorf("of a workflow: %+v, %v", l, err)
	}
	if _, err = b.client(t, s, "").Account(t.Context(), "nobody"); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "GH_ENTERPRISE_TOKEN") {
		t.Errorf("nobody: %v", err)
	}
}

// A list that changes while it is read is read again until it stands still.
func TestListThatChanges(t *testing.T) {
	s, b := forgetest.New(t), newBench()
	s.Orgs["acme"] = repos(250)
	s.Fault = func(n int, _ *http.Request) *forgetest.Answer {
		if n == 2 { // page 1 was read; its first is deleted, so 100 moves to page 1
			s.Orgs["acme"] = s.Orgs["acme"][1:]
		}
		return nil
	}
	l, err := b.client(t, s, "t").Account(t.Context(), "acme")
	if err != nil || len(l.Repositories) != 249 || l.Repositories[99].FullName != "acme/service-100" {
		t.Fatalf("%d repositories, %v", len(l.Repositories), err)
	}
	s.Fault = func(n int, _ *http.Request) *forgetest.Answer {
		s.Orgs["acme"] = repos(250 - n%40)
		return nil
	}
	if l, err = b.client(t, s, "t").Account(t.Context(), "acme"); !errors.Is(err, ErrPartial) || len(l.Repositories) != 0 {
		t.Errorf("one that never stands still: %d, %v", len(l.Repositories), err)
	}
}

// A full last page that is unchanged may have a successor that nobody names.
func TestFullPageGrows(t *testing.T) {
	s, b := forgetest.New(t), newBench()
	s.Orgs["acme"] = repos(100)
	c := b.client(t, s, "t")
	if l, err := c.Account(t.Context(), "acme"); err != nil || len(l.Repositories) != 100 {
		t.Fatalf("%d, %v", len(l.Repositories), err)
	}
	s.Orgs["acme"] = repos(101)
	if l, err := c.Account(t.Context(), "acme"); err != nil || len(l.Repositories) != 101 {
		t.Errorf("one more: %d, %v", len(l.Repositories), err)
	}
}

func TestListsThatAreNotWhole(t *testing.T) {
	short := func(link string) func(int, *http.Request) *forgetest.Answer {
		return func(n int, r *http.Request) *forgetest.Answer {
			return &forgetest.Answer{Status: 200, Body: []any{}, Header: http.Header{"Link": {link}}}
		}
	}
	for name, fault := range map[string]func(int, *http.Request) *forgetest.Answer{
		"a page is left out": short(`<http://x/?page=3>; rel="next"`),
		"no end":             short(`<http://x/?page=1>; rel="next"`),
		"a last page never seen": func(n int, r *http.Request) *forgetest.Answer {
			if n == 1 {
				return &forgetest.Answer{Status: 200, Body: []any{}, Header: http.Header{"Link": {`<http://x/?page=2>; rel="next", <http://x/?page=3>; rel="last"`}}}
			}
			return &forgetest.Answer{Status: 200, Body: []any{}}
		},
		"a part, by single sign-on": func(n int, r *http.Request) *forgetest.Answer {
			return &forgetest.Answer{Status: 200, Body: []any{}, Header: http.Header{"X-Github-Sso": {"partial-results; organizations=1,2"}}}
		},
	} {
		s, b := forgetest.New(t), newBench()
		s.Fault = fault
		if l, err := b.client(t, s, "t").Account(t.Context(), "acme"); !errors.Is(err, ErrPartial) {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
}

func limited(status int, h map[string]string) *forgetest.Answer {
	a := forgetest.Failure(status, "You have exceeded a secondary rate limit.")
	a.Header = http.Header{}
	for k, v := range h {
		a.Header.Set(k, v)
	}
	return a
}

func TestRateLimits(t *testing.T) {
	b := newBench()
	at := func(d time.Duration) string { return strconv.FormatInt(b.at.Add(d).Unix(), 10) }
	date := b.at.Format(http.TimeFormat)
	for name, c := range map[string]struct {
		answer *forgetest.Answer
		wait   time.Duration
		until  bool
	}{
		"primary":                  {limited(403, map[string]string{"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": at(90 * time.Second), "Date": date}), 91 * time.Second, false},
		"primary, another clock":   {limited(429, map[string]string{"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "1090", "Date": time.Unix(1000, 0).UTC().Format(http.TimeFormat)}), 91 * time.Second, false},
		"primary, too long":        {limited(403, map[string]string{"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": at(59 * time.Minute), "Date": date}), 0, true},
		"secondary, told":          {limited(403, map[string]string{"Retry-After": "7"}), 7 * time.Second, false},
		"secondary, 429":           {limited(429, map[string]string{"Retry-After": "3"}), 3 * time.Second, false},
		"secondary, told too long": {limited(429, map[string]string{"Retry-After": "3600"}), 0, true},
		"secondary, by words":      {limited(403, nil), time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, b := forgetest.New(t), newBench()
			s.Orgs["acme"] = repos(2)
			s.Fault = func(n int, _ *http.Request) *forgetest.Answer {
				if n == 1 {
					return c.answer
				}
				return nil
			}
			l, err := b.client(t, s, "t").Account(t.Context(), "acme")
			var limit *LimitError
			switch {
			case c.until && (!errors.As(err, &limit) || !limit.Until.After(b.at) || len(b.slept) != 0):
				t.Errorf("%v, slept %v", err, b.slept)
			case !c.until && (err != nil || len(l.Repositories) != 2 || len(b.slept) != 1 || b.slept[0] != c.wait):
				t.Errorf("%d repositories, %v, slept %v, want %v", len(l.Repositories), err, b.slept, c.wait)
			case !c.until && !strings.Contains(strings.Join(b.said, "\n"), "rate limit"):
				t.Errorf("nobody was told: %q", b.said)
			}
		})
	}
}

// With the last request of the hour used up, the next one is not sent before
// the hour ends.
func TestLastRequestOfTheHour(t *testing.T) {
	s, b := forgetest.New(t), newBench()
	s.Orgs["acme"] = repos(150)
	s.Header = http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {strconv.FormatInt(b.at.Add(time.Minute).Unix(), 10)}, "Date": {b.at.Format(http.TimeFormat)}}
	s.Fault = func(n int, _ *http.Request) *forgetest.Answer {
		if n > 1 {
			s.Header = nil
		}
		return nil
	}
	l, err := b.client(t, s, "t").Account(t.Context(), "acme")
	if err != nil || len(l.Repositories) != 150 || len(b.slept) != 1 || b.slept[0] != 61*time.Second {
		t.Errorf("%d, %v, slept %v", len(l.Repositories), err, b.slept)
	}
}

// Limits without end are given up.
func TestLimitsWithoutEnd(t *testing.T) {
	s, b := forgetest.New(t), newBench()
	s.Fault = func(int, *http.Request) *forgetest.Answer { return limited(429, map[string]string{"Retry-After": "1"}) }
	var limit *LimitError
	if _, err := b.client(t, s, "t").Account(t.Context(), "acme"); !errors.As(err, &limit) || len(b.slept) != waits {
		t.Errorf("%v, slept %v", err, b.slept)
	}
}

func TestWhatPasses(t *testing.T) {
	for name, fault := range map[string]*forgetest.Answer{
		"502":        forgetest.Failure(502, "Server Error"),
		"503":        forgetest.Failure(503, "Service unavailable"),
		"broken off": {Status: 200, Body: []any{}, Cut: true},
	} {
		for _, often := range []int{2, tries} {
			s, b := forgetest.New(t), newBench()
			s.Orgs["acme"] = repos(2)
			s.Fault = func(n int, _ *http.Request) *forgetest.Answer {
				if n <= often {
					return fault
				}
				return nil
			}
			l, err := b.client(t, s, "t").Account(t.Context(), "acme")
			if ok := err == nil && len(l.Repositories) == 2; ok != (often < tries) {
				t.Errorf("%s, %d times: %d repositories, %v", name, often, len(l.Repositories), err)
			}
			if len(b.slept) != min(often, tries-1) {
				t.Errorf("%s, %d times: slept %v", name, often, b.slept)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	with := func(status int, k, v string) *forgetest.Answer {
		a := forgetest.Failure(status, "Resource not accessible")
		a.Header = http.Header{k: {v}}
		return a
	}
	for _, c := range []struct {
		answer *forgetest.Answer
		want   string
	}{
		{with(403, "X-Github-Sso", "required; url=https://github.com/orgs/acme/sso?x=1"), "https://github.com/orgs/acme/sso?x=1"},
		{with(403, "X-Accepted-Github-Permissions", "metadata=read"), "metadata=read"},
		{with(403, "X-Accepted-Oauth-Scopes", "repo"), `scopes "repo"`},
		{forgetest.Failure(401, "Bad credentials"), "expired"},
	} {
		s, b := forgetest.New(t), newBench()
		s.Fault = func(int, *http.Request) *forgetest.Answer { return c.answer }
		_, err := b.client(t, s, "t").Account(t.Context(), "acme")
		if !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q in it", err, c.want)
		}
		if len(b.slept) != 0 {
			t.Errorf("it was asked again after %v", err)
		}
	}
}

// The forge's word is not taken for names that become paths, nor for another
// place to send the token to.
func TestHostileRepositories(t *testing.T) {
	for _, r := range []forgetest.Repo{
		{Name: ".."}, {Name: "a/../../b"}, {Name: "a\x00b"}, {Name: "x.git"}, {Name: "a b"}, {Name: strings.Repeat("a", 101)}, {Name: "-\n"},
		{Name: "ok", Clone: "https://elsewhere.example/acme/ok.git"}, {Name: "ok", Clone: "ext::sh -c id"}, {Name: "ok", Clone: "http://127.0.0.1:1/acme/ok.git"},
	} {
		s, b := forgetest.New(t), newBench()
		s.Orgs["acme"] = []forgetest.Repo{{Name: "good"}, r}
		if l, err := b.client(t, s, "t").Account(t.Context(), "acme"); err == nil {
			t.Errorf("%+v was taken: %+v", r, l)
		}
	}
}

func TestScopesThatSeeLess(t *testing.T) {
	s, b := forgetest.New(t), newBench()
	s.Orgs["acme"] = repos(1)
	s.Header = http.Header{"X-Oauth-Scopes": {"gist, read:org"}}
	l, err := b.client(t, s, "t").Account(t.Context(), "acme")
	if err != nil || len(l.Notes) != 1 || !strings.Contains(l.Notes[0], "scope repo") {
		t.Errorf("%+v, %v", l.Notes, err)
	}
	s.Header = http.Header{"X-Oauth-Scopes": {"repo, gist"}}
	if l, err = b.client(t, s, "other").Account(t.Context(), "acme"); err != nil || len(l.Notes) != 0 {
		t.Errorf("with it: %+v, %v", l.Notes, err)
	}
}

func TestOneRepository(t *testing.T) {
	s, b := forgetest.New(t), newBench()
	s.Orgs["acme"] = []forgetest.Repo{{Name: "portal", Topics: []string{"phi"}, Archived: true}}
	c := b.client(t, s, "t")
	r, err := c.Repository(t.Context(), "acme/portal")
	if err != nil || !r.Archived || len(r.Topics) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err = c.Repository(t.Context(), "acme/none"); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "may not read") {
		t.Errorf("%v", err)
	}
	if _, err = c.Repository(t.Context(), "acme"); err == nil {
		t.Error("a name without a slash was asked for")
	}
	if codes, _ := statuses(s); len(codes) != 2 {
		t.Errorf("%d requests, want 2", len(codes))
	}
}

// The test of the fake: with the description at hand, it refuses an answer and
// a request that GitHub does not know.
func TestFakeIsHeldToTheDescription(t *testing.T) {
	forgetest.NeedDescription(t)
	for name, fault := range map[string]func(int, *http.Request) *forgetest.Answer{
		"a name that is a number": func(int, *http.Request) *forgetest.Answer {
			return &forgetest.Answer{Status: 200, Body: []any{map[string]any{"full_name": 1}}}
		},
		"an answer that is not":    func(int, *http.Request) *forgetest.Answer { return &forgetest.Answer{Status: 201, Body: []any{}} },
		"an error of another form": func(int, *http.Request) *forgetest.Answer { return &forgetest.Answer{Status: 403, Body: []any{}} },
	} {
		quiet := &recorder{TB: t}
		s := forgetest.New(quiet)
		s.Fault = fault
		if _, err := newBench().client(t, s, "t").Account(t.Context(), "acme"); err == nil || quiet.errors == 0 {
			t.Errorf("%s: passed (%v, %d)", name, err, quiet.errors)
		}
	}
	quiet := &recorder{TB: t}
	s := forgetest.New(quiet)
	for i, path := range []string{"/orgs/acme/repos?per_page=100&colour=blue", "/orgs/acme/repos?sort=size", "/orgs/acme/members", "/user/repos?per_page=many"} {
		resp, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if quiet.errors != i+1 {
			t.Errorf("%s: passed", path)
		}
	}
}

// recorder takes the errors that a test wants to see.
type recorder struct {
	testing.TB
	mu     sync.Mutex
	errors int
}

func (r *recorder) Errorf(string, ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors++
}
