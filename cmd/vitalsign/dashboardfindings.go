package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/fleet"
	"github.com/vitalsign-dev/vitalsign/internal/git"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/search"
	"github.com/vitalsign-dev/vitalsign/internal/store"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
	"github.com/vitalsign-dev/vitalsign/tui"
)

// keptFindings gives the findings of kept runs.
type keptFindings struct {
	app  *app
	kept *store.Store
	// shown are the repositories that the dashboard shows.
	shown func(context.Context) ([]tui.Repository, error)
}

// Index reads the newest run of each target, of all that are shown where none
// is named.
func (k keptFindings) Index(ctx context.Context, targets []string) (*search.Index, error) {
	all, err := k.shown(ctx)
	if err != nil {
		return nil, err
	}
	names, wanted, n := map[string]string{}, []string{}, 0
	for _, r := range all {
		if len(targets) > 0 && !slices.Contains(targets, r.Target) {
			continue
		}
		names[r.Target] = r.Name
		wanted = append(wanted, r.Target)
		n += r.Findings
	}
	// Columns that are made as long as they will be need not grow, which takes
	// twice the memory.
	b := search.NewBuilder(n)
	if err := k.kept.Rows(ctx, wanted, func(batch search.Batch) error {
		batch.Repo = names[batch.Target]
		b.AddBatch(batch)
		return ctx.Err()
	}); err != nil {
		return nil, err
	}
	x := b.Index()
	// Half of what was needed to read them is not needed to look at them. It
	// is given back beside the first frame, not before it.
	go debug.FreeOSMemory()
	return x, nil
}

// seenRuns is how many runs are asked about a finding.
const seenRuns = 20

// Detail is all about one finding.
func (k keptFindings) Detail(ctx context.Context, run string, ordinal int) (tui.Detail, error) {
	whole, err := k.kept.Load(ctx, run)
	if err != nil {
		return tui.Detail{}, err
	}
	if ordinal < 0 || ordinal >= len(whole.Findings) {
		return tui.Detail{}, fmt.Errorf("run %s has no finding %d", run, ordinal)
	}
	f := whole.Findings[ordinal]
	d := tui.Detail{Finding: f, Target: whole.Target, Run: run, Ended: whole.Ended, Source: k.source(ctx, whole, f)}
	past, err := k.kept.History(ctx, whole.Target.Path, f.Fingerprint, seenRuns)
	for _, s := range past.Runs {
		d.History = append(d.History, tui.Seen{Run: s.Run.RunID, Ended: s.Run.Ended, Commit: s.Run.Commit, There: s.Count > 0})
	}
	return d, err
}

// Bounds of the source that is shown.
const (
	sourceAround = 12       // lines before and after
	maxSource    = 16 << 20 // bytes of a file
)

// source reads the text around a finding, as it was scanned: from the commit
// where that is what was scanned. Lines in which a credential was found are not
// shown, and none is where nobody has looked for credentials.
func (k keptFindings) source(ctx context.Context, run checks.Run, f checks.Finding) tui.Source {
	kept := excerptOf(f)
	switch {
	case f.Location.StartLine == 0:
		kept.Why = "The finding is about the whole file."
		return kept
	case !lookedForSecrets(run):
		kept.Why = "No more is shown: the check for secrets did not look at the whole of this target."
		return kept
	case f.Location.Commit != "":
		kept.Why = "It lies in the history, in commit " + f.Location.Commit + "."
		return kept
	}
	text, from, err := k.read(ctx, run.Target, f.Location.Path)
	if err != nil {
		kept.Why = "No more is shown: " + err.Error() + "."
		return kept
	}
	lines := strings.Split(text, "\n")
	first := max(1, f.Location.StartLine-sourceAround)
	last := min(len(lines), max(f.Location.EndLine, f.Location.StartLine)+sourceAround)
	if first > last {
		kept.Why = "The file has changed since: it has no such line any more."
		return kept
	}
	shown := tui.Source{From: from, First: first, Lines: lines[first-1 : last], Withheld: secretLines(run, f.Location.Path)}
	// What the run kept is redacted: it can stand where the lines may not.
	for i, l := range kept.Lines {
		n := kept.First + i
		if slices.Contains(shown.Withheld, n) && n >= first && n <= last {
			shown.Lines[n-first] = l
			shown.Withheld = slices.DeleteFunc(shown.Withheld, func(w int) bool { return w == n })
		}
	}
	for _, n := range shown.Withheld {
		if n >= first && n <= last {
			shown.Lines[n-first] = "" // no value leaves this function
		}
	}
	return shown
}

// excerptOf is what the run itself kept of the place, redacted.
func excerptOf(f checks.Finding) tui.Source {
	s := tui.Source{First: f.Evidence.ExcerptLine}
	if f.Evidence.Excerpt != "" {
		s.Lines = strings.Split(strings.TrimRight(f.Evidence.Excerpt, "\n"), "\n")
	}
	return s
}

// secretLines are the lines of a file that are not shown.
func secretLines(run checks.Run, path string) []int {
	var out []int
	for _, s := range secretSpans(run, path) {
		for n := s.first; n <= s.last; n++ {
			out = append(out, n)
		}
	}
	return out
}

// errChanged says that what is on disk is not what was scanned.
var errChanged = errors.New("the work tree was not that of a commit when it was scanned, or is not here any more")

// read gives a file as it was scanned.
func (k keptFindings) read(ctx context.Context, t checks.Target, path string) (text, from string, err error) {
	if t.Commit == "" || t.Dirty {
		return "", "", errChanged
	}
	repo, err := git.Open(ctx, k.app.gitProgram(), k.copyOf(ctx, t.Path))
	if err != nil {
		return "", "", errChanged
	}
	b, err := repo.Show(ctx, t.Commit, path, maxSource)
	if err != nil {
		return "", "", err
	}
	return string(b), "commit " + t.Commit[:min(7, len(t.Commit))], nil
}

// copyOf is where the commits of a target are: beside where it is scanned, for
// one that was brought here.
func (k keptFindings) copyOf(ctx context.Context, target string) string {
	all, err := k.kept.FleetRepositories(ctx)
	if err != nil {
		return target
	}
	for _, r := range all {
		if r.Target != target || r.CloneURL == "" {
			continue
		}
		root, err := filepath.EvalSymlinks(filepath.Join(k.app.cacheDir(), "fleet"))
		if err != nil {
			return target
		}
		if p, err := fleet.PlaceOf(root, r); err == nil {
			return p.Clone
		}
	}
	return target
}

// Export writes findings to a file that is not there yet, or is replaced whole.
func (k keptFindings) Export(ctx context.Context, x *search.Index, ids []uint32, filter, file string) (string, error) {
	write := map[string]func(io.Writer, *search.Index, []uint32, string) error{".md": exportMarkdown, ".json": exportJSON}[strings.ToLower(filepath.Ext(file))]
	if write == nil {
		return "", fmt.Errorf("%s: the name must end in .md or .json", file)
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is no regular file", path)
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	return path, wholefile.Write(path, 0o600, func(w io.Writer) error { return write(w, x, ids, filter) })
}

// exported is one finding of an export. It is a list for people and their
// tools, and no evidence: a filter decides what is in it.
type exported struct {
	Repository  string          `json:"repository"`
	Target      string          `json:"target"`
	Run         string          `json:"run"`
	Fingerprint string          `json:"fingerprint"`
	Severity    checks.Severity `json:"severity"`
	Check       string          `json:"check"`
	Rule        string          `json:"rule"`
	Title       string          `json:"title"`
	Path        string          `json:"path"`
	Line        int             `json:"line,omitempty"`
	CWE         []string        `json:"cwe,omitempty"`
	Package     string          `json:"package,omitempty"`
	New         *bool           `json:"new,omitempty"`
	Waived      bool            `json:"waived,omitempty"`
	Ignored     bool            `json:"ignored,omitempty"`
}

func exportJSON(w io.Writer, x *search.Index, ids []uint32, filter string) error {
	out := struct {
		Filter   string     `json:"filter"`
		Of       int        `json:"of"`
		Findings []exported `json:"findings"`
	}{filter, x.Len(), make([]exported, 0, len(ids))}
	for _, id := range ids {
		r := x.Row(id)
		e := exported{r.Repo, r.Target, r.Run, r.Fingerprint, r.Severity, r.Check, r.Rule, r.Title, r.Path, r.Line, r.CWE, r.Package, nil, r.Waived, r.Ignored}
		if r.NewKnown {
			e.New = &r.New
		}
		out.Findings = append(out.Findings, e)
	}
	return writeJSON(w, out)
}

func exportMarkdown(w io.Writer, x *search.Index, ids []uint32, filter string) error {
	if _, err := fmt.Fprintf(w, "# Findings\n\n%d of %d, filter: %s\n\n| Severity | Where | Rule | What | Repository |\n| --- | --- | --- | --- | --- |\n",
		len(ids), x.Len(), safetext.Markdown(cmp.Or(filter, "none"))); err != nil {
		return err
	}
	for _, id := range ids {
		r := x.Row(id)
		where := r.Path
		if r.Line > 0 {
			where = fmt.Sprintf("%s:%d", r.Path, r.Line)
		}
		if _, err := fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", r.Severity, safetext.Markdown(where), safetext.Markdown(r.Rule), safetext.Markdown(r.Title), safetext.Markdown(r.Repo)); err != nil {
			return err
		}
	}
	return nil
}
