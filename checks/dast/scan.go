package dast

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/checks/dast/exposed"
	"github.com/vitalsign-dev/vitalsign/checks/dast/fhir"
	"github.com/vitalsign-dev/vitalsign/checks/dast/inject"
	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/login"
	"github.com/vitalsign-dev/vitalsign/checks/dast/passive"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// scan is one application being looked at.
type scan struct {
	in     child.Input
	out    *child.Sink
	live   checks.Live
	base   *url.URL
	client *web.Client
	target probe.Target
	reader *passive.Reader
	set    *surface.Set
	canary string
	calls  *callbacks
	// who are those who are logged in; fhir is the FHIR endpoint, nil for none.
	who  []*login.Result
	fhir *fhir.Server

	mu sync.Mutex
	// reported are the issues so far, so that each is told once; failed is the
	// first error of the sink.
	reported map[string]bool
	failed   error
	// pages are the paths of documents that were seen, for what lies beside them.
	pages []string
	// cut are operations whose answer was longer than what is read.
	cut map[string]bool
	// lost counts, by operation, requests that got no answer.
	lost map[string]int
	// notes are weaknesses of the scan itself, told at its end.
	notes []checks.Unread
}

func newScan(in child.Input, out *child.Sink, base *url.URL) *scan {
	s := &scan{
		in: in, out: out, live: in.Live.Filled(), base: base, reader: passive.NewReader(),
		set: surface.NewSet(surface.DefaultLimits()), reported: map[string]bool{}, cut: map[string]bool{}, lost: map[string]int{},
	}
	roots, err := s.roots()
	if err != nil {
		s.note("authorities of certificates", err.Error())
	}
	s.client = web.NewClient(web.Options{
		Dial: in.Network.Dial, Now: in.Now, Requests: s.live.Requests, PerSecond: s.live.PerSecond,
		Concurrency: s.live.Concurrency, Roots: roots, Local: local,
		Timeout: time.Duration(s.live.RequestMS) * time.Millisecond,
	})
	s.target = probe.Target{
		Web: s.client, Base: base, Active: s.live.Active, Report: s.report, Now: in.Now,
		Marks: probe.NewMarks(in.Tree.CanaryDir() + base.String()), Seen: s.seen,
	}
	s.listen()
	return s
}

// listen waits for calls of the application, where that is allowed.
func (s *scan) listen() {
	if s.live.Callback == "" {
		return
	}
	l, err := s.in.Network.Listen(context.Background())
	if err != nil {
		s.note("requests that the application can be made to send", plainly(err))
		return
	}
	s.calls = newCallbacks(l)
	s.target.Callback = s.calls
}

// roots are the authorities that the job names, nil for the system's alone,
// which a child behind its walls does not read.
func (s *scan) roots() (*x509.CertPool, error) {
	path, ok := s.in.Data[s.live.Trust]
	if s.live.Trust == "" || !ok {
		return x509.NewCertPool(), nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return x509.NewCertPool(), errors.New("the file of trusted authorities could not be read")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return pool, errors.New("the file of trusted authorities holds no certificate")
	}
	return pool, nil
}

func (s *scan) close() {
	s.client.Close()
	if s.calls != nil {
		s.calls.close()
	}
}

// errTime ends a scan whose time is over.
var errTime = errors.New("the time for the scan is over")

// run looks at the application. What was not reached is told as skipped; an
// application that does not answer at all is an error.
func (s *scan) run(ctx context.Context) error {
	within, cancel := context.WithTimeoutCause(ctx, time.Duration(s.live.WallMS)*time.Millisecond, errTime)
	defer cancel()
	if err := s.await(within); err != nil {
		return err
	}
	first, err := s.target.Get(within, "/")
	if err != nil {
		return fmt.Errorf("nothing answers at %s: %s", s.live.URL, plainly(err))
	}
	why := s.phases(within, first)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ops := s.set.Operations()
	for _, i := range s.reader.Issues() {
		// What was seen at an address is about its operation.
		if method, path, ok := strings.Cut(i.Route, " "); ok && !strings.Contains(path, "{") {
			i.Route = probe.Template(ops, method, path)
		}
		s.report(i)
	}
	s.account(why)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.notes {
		s.failed = errors.Join(s.failed, s.out.Unread(n))
	}
	return s.failed
}

// askAgain is the time between two questions whether the application is up.
const askAgain = 200 * time.Millisecond

// await waits until an application that is being started says that it is up.
func (s *scan) await(ctx context.Context) error {
	if s.live.Ready == "" || s.canary != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.live.ReadyMS)*time.Millisecond)
	defer cancel()
	for {
		e, err := s.target.Ask(ctx, web.Request{Method: http.MethodGet, URL: s.target.At(s.live.Ready)}, "whether it is up")
		if err == nil && e.Response.Status < 400 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the application was not ready after %d s (%s does not answer below 400)", s.live.ReadyMS/1000, s.live.Ready)
		case <-time.After(askAgain):
		}
	}
}

// phases are what is done in turn. The error says why it ended before its end.
func (s *scan) phases(ctx context.Context, first web.Exchange) error {
	s.seen("GET /", first, true)
	for _, phase := range []func(context.Context) error{
		s.transport, s.login, s.specifications, s.endpoint, s.crawl, s.origin, s.templates, s.operations, s.access, s.clinical, s.sessions,
	} {
		if err := phase(ctx); err != nil {
			return err
		}
		if err := s.alive(ctx); err != nil {
			return err
		}
	}
	return nil
}

// seen is called for each answer.
func (s *scan) seen(route string, e web.Exchange, usual bool) {
	s.reader.Read(route, e, usual)
	if usual && e.Response.Truncated && readable(e.Response) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cut[route] = true
	}
}

// readable says whether an answer is text, of which every word may matter: a
// picture or an archive is not.
func readable(r web.Response) bool {
	t := probe.MediaType(r)
	return t == "" || strings.HasPrefix(t, "text/") || strings.Contains(t, "json") || strings.Contains(t, "xml") || strings.Contains(t, "javascript")
}

// origin asks for what holds for the whole application.
func (s *scan) origin(ctx context.Context) error {
	if s.canary != "" {
		return nil
	}
	paths := s.documents()
	for _, part := range []func(context.Context) error{
		func(ctx context.Context) error { return exposed.Doors(ctx, s.target) },
		func(ctx context.Context) error { return exposed.Listings(ctx, s.target, paths) },
		func(ctx context.Context) error {
			return exposed.Backups(ctx, s.target, paths[:min(len(paths), maxBackups)])
		},
		s.cors,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

const (
	maxBackups = 100
	maxCORS    = 30
)

// documents are paths that the application was seen to have.
func (s *scan) documents() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	paths := slices.Clone(s.pages)
	slices.Sort(paths)
	return slices.Compact(paths)
}

// cors asks the first operations: one policy holds for most applications.
func (s *scan) cors(ctx context.Context) error {
	asked := 0
	for _, o := range s.set.Operations() {
		if !o.Safe || s.excluded(o) || asked == maxCORS {
			continue
		}
		r, err := s.target.Build(o, nil)
		if err != nil {
			continue
		}
		asked++
		if err := exposed.CORS(ctx, s.target, "", r); err != nil {
			return err
		}
	}
	return nil
}

// operations tests what the application offers, several at once, and records
// of each that it was done.
func (s *scan) operations(ctx context.Context) error {
	ops := s.set.Operations()
	var stored inject.Stored
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	turn := make(chan struct{}, s.live.Concurrency)
	done := 0
	for _, o := range ops {
		if s.excluded(o) || !s.target.May(o) {
			continue
		}
		mu.Lock()
		stop := first
		mu.Unlock()
		if stop != nil {
			break
		}
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			lost, err := s.operation(ctx, o, &stored)
			mu.Lock()
			defer mu.Unlock()
			if err != nil && first == nil {
				first = err
			}
			if err == nil && lost > 0 {
				s.lose(o, lost)
			}
			if err == nil && lost == 0 {
				done++
				s.probed(o)
				if s.canary == "" {
					s.out.Progress(done, len(ops))
				}
			}
		})
	}
	wg.Wait()
	if first != nil || !s.live.Active {
		return first
	}
	return s.reap(ctx, &stored)
}

func (s *scan) operation(ctx context.Context, o surface.Operation, stored *inject.Stored) (lost int, err error) {
	t := s.target
	if s.logsIn(&o) {
		t.As = ""
	}
	if lost, err = inject.Operation(ctx, t, o); err != nil {
		return lost, err
	}
	if s.live.Active && !o.Safe {
		return lost, stored.Sow(ctx, t, o)
	}
	return lost, nil
}

// logsIn says whether an operation is the login of one of our identities. Wrong
// passwords for its account would lock it out, so that a made-up one takes its
// place, and nobody's session is at stake.
func (s *scan) logsIn(o *surface.Operation) bool {
	i := slices.IndexFunc(s.live.Identities, func(i checks.Identity) bool { return i.Login == o.Path })
	if i < 0 {
		return false
	}
	o.Parameters = slices.Clone(o.Parameters)
	for j, p := range o.Parameters {
		if slices.Contains(slices.Collect(maps.Values(s.in.Credentials)), p.Example) {
			o.Parameters[j].Example = s.target.Marks.Word()
		}
	}
	return true
}

// lose records an operation of which requests got no answer.
func (s *scan) lose(o surface.Operation, lost int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost[routePath(o)] = lost
}

// reap visits every page once more for what was sown.
func (s *scan) reap(ctx context.Context, stored *inject.Stored) error {
	for _, o := range s.set.Operations() {
		if o.Method != http.MethodGet || s.excluded(o) {
			continue
		}
		r, err := s.target.Build(o, nil)
		if err != nil {
			continue
		}
		page, err := s.target.Ask(ctx, r, "a page, afterwards")
		if err == nil {
			err = stored.Reap(ctx, s.target, page)
		}
		if err != nil && over(ctx, err) {
			return err
		}
	}
	return nil
}

// over says whether nothing more can be asked after an error.
func over(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, web.ErrBudget) || errors.Is(err, web.ErrGone)
}

// leaves says whether a path ends a session: asking for it would end ours.
func leaves(path string) bool {
	lower := strings.ToLower(path)
	for _, word := range []string{"logout", "log-out", "log_out", "signout", "sign-out", "sign_out", "logoff", "abmelden"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}

// excluded says whether an operation is left out: by the configuration, or
// because it ends the session.
func (s *scan) excluded(o surface.Operation) bool {
	return s.target.As != "" && leaves(o.Path) || s.leftOut(o.Path)
}

// leftOut says whether the configuration leaves a path out.
func (s *scan) leftOut(path string) bool {
	return slices.ContainsFunc(s.live.Exclude, func(p string) bool {
		ok, err := doublestar.Match(p, path)
		return err != nil || ok
	})
}

func (s *scan) note(what, why string) {
	if s.canary == "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.notes = append(s.notes, checks.Unread{What: what, Count: 1, Why: why})
	}
}

// report tells an issue once.
func (s *scan) report(i issue.Issue) {
	hit := s.hit(i)
	key := strings.Join([]string{i.Rule, hit.Path, hit.Symbol, hit.Anchor}, "\n")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reported[key] || s.failed != nil {
		return
	}
	s.reported[key] = true
	s.failed = s.out.Hit(hit)
}
