package dast

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/checks/supervise"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// noSecrets finds nothing: what is tested here is what the check shows by itself.
type noSecrets struct{}

func (noSecrets) Values(context.Context, string, string) []string { return nil }

// engine runs the check in this process, behind a real gate and without walls.
type engine struct{ said *bytes.Buffer }

func (engine) Name() string { return "test" }

func (e engine) Exec(ctx context.Context, job checks.Job, key checks.IdentityKey, out io.Writer) (pipelines.Usage, error) {
	gate, err := supervise.Supervisor{}.Gate(job)
	if err != nil {
		return pipelines.Usage{}, err
	}
	in, gateOut, err := os.Pipe()
	if err != nil {
		return pipelines.Usage{}, err
	}
	gateIn, childOut, err := os.Pipe()
	if err != nil {
		return pipelines.Usage{}, err
	}
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() { served <- gate.Run(within, pipe{gateIn, gateOut}) }()
	secret, err := json.Marshal(job.Credentials)
	if err != nil {
		return pipelines.Usage{}, err
	}
	program := child.Program{
		Checks: []child.Check{New()}, Redactor: noSecrets{}, Build: "test", Key: key.Text(), Credentials: string(secret), Now: time.Now,
		Pipe: func() (io.ReadWriteCloser, error) { return pipe{in, childOut}, nil },
	}
	doc, err := json.Marshal(job)
	if err != nil {
		return pipelines.Usage{}, err
	}
	err = program.Run(ctx, job.Check, bytes.NewReader(doc), io.MultiWriter(out, e.said))
	cancel()
	<-served
	return pipelines.Usage{}, err
}

type pipe struct {
	io.ReadCloser
	w io.WriteCloser
}

func (p pipe) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p pipe) Close() error                { _ = p.ReadCloser.Close(); return p.w.Close() }

// look scans an application and gives the run and all that the child said.
func look(t *testing.T, live checks.Live, credentials map[string]string, data ...pipelines.DataSet) (checks.Run, string) {
	t.Helper()
	return lookIn(t, t.TempDir(), &inventory.Inventory{}, live, credentials, data...)
}

// lookIn is look with files of a target.
func lookIn(t *testing.T, dir string, inv *inventory.Inventory, live checks.Live, credentials map[string]string, data ...pipelines.DataSet) (checks.Run, string) {
	t.Helper()
	key, err := checks.NewIdentityKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	limits := checks.DefaultLimits()
	plan := pipelines.Plan{
		Root: dir, Inventory: inv, Build: "test", Key: key, Target: checks.Target{Kind: "url"},
		Steps: []pipelines.PlannedStep{{Check: New().Describe(), Limits: limits, Live: &live, Credentials: credentials, Data: data}},
	}
	e := engine{&bytes.Buffer{}}
	run := pipelines.Execute(t.Context(), plan, e, pipelines.Options{Parallel: 1, Now: time.Now})
	return run, e.said.String()
}

func found(run checks.Run) map[string]checks.Finding {
	out := map[string]checks.Finding{}
	for _, f := range run.Findings {
		out[f.Rule.ID+" "+f.Location.Path+" "+f.Location.Symbol] = f
	}
	return out
}

func show(t *testing.T, run checks.Run) {
	t.Helper()
	s := run.Steps[0]
	t.Logf("step %s (%s) claimed %d read %d skipped %v", s.Status, s.Reason, s.Coverage.Claimed, s.Coverage.Read, s.Coverage.Skipped)
	for _, f := range run.Findings {
		t.Logf("%s %s %s %s: %s", f.Rule.Severity, f.Rule.ID, f.Location.Path, f.Location.Symbol, f.Evidence.Message)
	}
}

func TestFlawsOfAnApplication(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<a href="/hello?name=you">hello</a> <a href="/go?to=/">go</a><form action="/file"><input name="document" value="a.txt"></form>`)
	})
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<input value="%s">`, strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(r.FormValue("name")))
	})
	mux.HandleFunc("GET /go", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.FormValue("to"), http.StatusFound) })
	mux.HandleFunc("GET /file", func(w http.ResponseWriter, r *http.Request) {
		b, err := os.ReadFile("/srv/" + r.FormValue("document"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(b)
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	live := checks.DefaultLive()
	live.URL, live.PerSecond = s.URL, 0
	run, _ := look(t, live, nil)
	show(t, run)
	got := found(run)
	for _, want := range []string{
		"web-xss-reflected /hello GET query:name", "web-open-redirect /go GET query:to", "web-path-traversal /file GET query:document",
	} {
		if _, ok := got[want]; !ok {
			t.Errorf("not found: %s", want)
		}
	}
	if run.Steps[0].Status != checks.OK {
		t.Errorf("step is %s: %s", run.Steps[0].Status, run.Steps[0].Reason)
	}
}
