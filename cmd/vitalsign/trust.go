package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/git"
	"github.com/vitalsign-dev/vitalsign/internal/inline"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// trusted is what a target may say about how it is judged. Where a change is
// judged (a pull request, a merge queue, --baseline), that is what the commit
// it starts from says, and the change can only tighten it.
type trusted struct {
	// base is the commit that is believed, "" when the tree itself is.
	base string
	// why it is that one.
	why  string
	repo config.Layer
	// ignore holds the lines of .vitalsignignore that count.
	ignore []string
	// attributes gives roles by .gitattributes.
	attributes config.Attributes
	// own are those of the change itself, which can only take a role away.
	own config.Attributes
	// touched gives what of the tree is not as the base has it; git is asked
	// once, for all projects of a repository.
	touched func() (func(path string) bool, error)
	// hidden are what the change keeps from being read.
	hidden []string
	// loosened are findings about what the change tried to loosen.
	loosened []checks.Finding
}

// The rules of the step "trust".
func trustRules() map[string]checks.Rule {
	rule := func(id, title, advice string) checks.Rule {
		return checks.Rule{ID: id, Title: title, Severity: checks.Medium, Advice: advice, Class: checks.ClassJudging + id, CWE: []string{"CWE-693"}}
	}
	return map[string]checks.Rule{
		"loosened-configuration": rule("loosened-configuration", "The change loosens its own gate in the configuration",
			"It does not count before it is on the base branch. Have it reviewed there by itself."),
		"loosened-ignore-file": rule("loosened-ignore-file", "The change keeps more files from being read",
			"The new line does not count before it is on the base branch. Have it reviewed there by itself."),
		"loosened-waiver": rule("loosened-waiver", "The change waives a finding",
			"The waiver does not count before it is on the base branch. Have it reviewed there by itself."),
		"loosened-baseline": rule("loosened-baseline", "The change accepts more findings as debt",
			"It does not count before it is on the base branch, and a debt may only shrink. Correct the findings, or waive them one by one."),
		"loosened-role": rule("loosened-role", "The change calls code generated or vendored, which would not block",
			"The role does not count before the base branch gives it. Have it reviewed there by itself."),
		"loosened-sight": rule("loosened-sight", "The change puts content where it is not read",
			"Bring the content (git submodule update --init --recursive, git lfs pull) and scan again."),
		"loosened-inline-ignore": rule("loosened-inline-ignore", "The change ignores a finding in its own code",
			"The ignore does not count before it is on the base branch. Correct the finding, or have the ignore reviewed there."),
	}
}

const trustCheck = "trust"

// trust reads what counts for a target. A base that cannot be read means that
// nobody can tell: exit 3.
func (s *scanner) trust(ctx context.Context, tree *pipelines.Tree) (trusted, error) {
	root, err := os.OpenRoot(tree.Root)
	if err != nil {
		return trusted{}, usageError("%w", err)
	}
	defer root.Close() // read only
	work := config.WorkTree(root)
	dir := configDirOf(tree)
	head, headErr := config.Load(work, dir)
	if headErr == nil {
		headErr = head.MissingProjects(root)
	}
	headIgnore, ignoreErr := ignoreLines(work)
	base, why, err := s.baseCommit(ctx, tree)
	if err != nil {
		return trusted{}, exitError{judge.ExitUnknown, err}
	}
	if base == "" {
		if err := errors.Join(headErr, ignoreErr); err != nil {
			return trusted{}, exitError{judge.ExitUsage, err}
		}
		return trusted{repo: head, ignore: headIgnore, attributes: attributesOf(work)}, nil
	}
	t := trusted{base: base, why: why}
	t.touched = sync.OnceValues(func() (func(string) bool, error) { return touchedSince(ctx, tree.Repo, base) })
	at := commitTree(ctx, tree.Repo, base)
	if t.repo, err = config.Load(at, dir); err != nil {
		return t, exitError{judge.ExitUnknown, fmt.Errorf("the configuration at %.12s: %w", base, err)}
	}
	baseIgnore, err := ignoreLines(at)
	if err != nil {
		return t, exitError{judge.ExitUnknown, fmt.Errorf("%s at %.12s: %w", config.IgnoreFile, base, err)}
	}
	// A head that cannot be read is a mistake of its author, told as such.
	if err := errors.Join(headErr, ignoreErr); err != nil {
		return t, exitError{judge.ExitUsage, err}
	}
	for _, c := range config.Loosenings(t.repo, head) {
		t.loosen("loosened-configuration", c.Origin.Name, c.Origin.Line, fmt.Sprintf("%s: %s would become %s", c.Key, c.From, c.To))
	}
	t.repo = config.Tighten(t.repo, head)
	t.attributes, t.own = attributesOf(at), attributesOf(work)
	t.tightenIgnore(baseIgnore, headIgnore)
	return t, nil
}

// configDirOf is the directory in which the search for a configuration begins.
func configDirOf(tree *pipelines.Tree) string {
	if tree.Only == "" {
		return "."
	}
	if info, err := os.Stat(path.Join(tree.Root, tree.Only)); err == nil && info.IsDir() {
		return tree.Only
	}
	return path.Dir(tree.Only)
}

func commitTree(ctx context.Context, repo *git.Repo, commit string) config.Tree {
	return config.Tree{Read: func(name string) ([]byte, error) {
		b, err := repo.Show(ctx, commit, name, config.MaxSize)
		if errors.Is(err, git.ErrAbsent) {
			return nil, fs.ErrNotExist
		}
		return b, err
	}}
}

func ignoreLines(t config.Tree) ([]string, error) {
	b, err := t.Read(config.IgnoreFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", config.IgnoreFile, err)
	}
	return config.ParseIgnore(config.Source{Name: config.IgnoreFile, Data: b})
}

// attributesOf reads the roles that .gitattributes gives. A file that cannot
// be read gives none, which only means that more blocks.
func attributesOf(t config.Tree) config.Attributes {
	b, err := t.Read(config.AttributesFile)
	if err != nil {
		return config.Attributes{}
	}
	return config.ParseAttributes(b)
}

// loosen records what the change tried.
func (t *trusted) loosen(rule, file string, line int, what string) {
	t.loosened = append(t.loosened, checks.Finding{
		Fingerprint: checks.Fingerprint(checks.ClassJudging+rule, what), Rule: trustRules()[rule], Check: trustCheck,
		Location: checks.Location{Path: file, StartLine: line}, Evidence: checks.Evidence{Message: what}, Confidence: "high",
	})
}

// tightenIgnore keeps the base's lines that the head still has, and of the
// head's own only those that bring files back.
func (t *trusted) tightenIgnore(base, head []string) {
	for _, l := range base {
		back := strings.HasPrefix(l, "!")
		if back || slices.Contains(head, l) {
			t.ignore = append(t.ignore, l)
		}
		if back && !slices.Contains(head, l) {
			t.loosen("loosened-ignore-file", config.IgnoreFile, 0, "the line "+l+" would go")
		}
	}
	for i, l := range head {
		switch {
		case slices.Contains(base, l):
		case strings.HasPrefix(l, "!"):
			t.ignore = append(t.ignore, l)
		default:
			t.loosen("loosened-ignore-file", config.IgnoreFile, i+1, "the line "+l+" is new")
		}
	}
}

// step is the run's account of trust, where there was a base.
func (t trusted) step() []checks.Step {
	if t.base == "" {
		return nil
	}
	st := checks.Step{Check: trustCheck, Status: checks.OK, Reason: "judged by what " + t.base[:min(12, len(t.base))] + " says"}
	if n := len(t.hidden); n > 0 {
		st.Status = checks.Partial
		st.Reason = fmt.Sprintf("the change puts content in %s where it cannot be read: %s", plural(n, "place", "places"), strings.Join(t.hidden[:min(3, n)], ", "))
		st.Advice = "git submodule update --init --recursive, git lfs pull or git sparse-checkout disable brings it"
	}
	return []checks.Step{st}
}

// baseCommit finds the commit whose word counts: the flag, else the event's
// base (GitHub's pull requests and merge queues, GitLab's merge requests).
// Empty means that the tree is judged by itself.
func (s *scanner) baseCommit(ctx context.Context, tree *pipelines.Tree) (commit, why string, err error) {
	name, why := s.flags.baseline, "--baseline"
	if isBaselineFile(name) {
		name = "" // what is compared with is in it; who is believed, the event says
	}
	if name == "" && !s.elsewhere {
		if name, why, err = s.app.eventBase(); err != nil {
			return "", "", err
		}
	}
	if name == "" {
		return "", "", nil
	}
	if tree.Repo == nil {
		return "", "", fmt.Errorf("%s names %s, but %s is no repository that git can read", why, name, tree.Target.Path)
	}
	for _, candidate := range []string{name, "origin/" + name} {
		if commit, err = tree.Repo.Resolve(ctx, candidate); err == nil {
			break
		}
	}
	if err != nil {
		return "", "", fmt.Errorf("%s: %w; in CI, check out with fetch-depth: 0", why, err)
	}
	commit, err = tree.Repo.MergeBase(ctx, commit, "HEAD")
	return commit, why, err
}

// maxEvent bounds the event file, in bytes.
const maxEvent = 16 << 20

// eventBase reads what the CI system says that the change starts from. An
// event that is there and cannot be read is an error: it may be a pull request.
func (a *app) eventBase() (name, why string, err error) {
	if sha := a.getenv("CI_MERGE_REQUEST_DIFF_BASE_SHA"); sha != "" {
		return sha, "CI_MERGE_REQUEST_DIFF_BASE_SHA", nil
	}
	kind := a.getenv("GITHUB_EVENT_NAME")
	switch kind {
	case "pull_request", "pull_request_target", "merge_group":
	default:
		return "", "", nil
	}
	info, err := os.Stat(a.getenv("GITHUB_EVENT_PATH"))
	if err == nil && info.Size() > maxEvent {
		err = errors.New("it is too large")
	}
	var b []byte
	if err == nil {
		b, err = os.ReadFile(a.getenv("GITHUB_EVENT_PATH"))
	}
	var event struct {
		PullRequest struct {
			Base struct {
				SHA string `json:"sha"`
			} `json:"base"`
		} `json:"pull_request"`
		MergeGroup struct {
			BaseSHA string `json:"base_sha"`
		} `json:"merge_group"`
	}
	if err == nil {
		err = json.Unmarshal(b, &event)
	}
	name = event.PullRequest.Base.SHA
	if kind == "merge_group" {
		name = event.MergeGroup.BaseSHA
	}
	if err == nil && name == "" {
		err = errors.New("it names no base commit")
	}
	if err != nil {
		return "", "", fmt.Errorf("this is a %s, but its event (GITHUB_EVENT_PATH) cannot be read: %w", kind, err)
	}
	return name, "the event " + kind, nil
}

// maxInline bounds a file that is searched for inline ignores, in bytes.
const maxInline = 64 << 20

// inlineIgnores applies the inline ignores of the files that hold any.
func (s *scanner) inlineIgnores(ctx context.Context, o opened, marked []string, run *checks.Run) {
	root, err := os.OpenRoot(o.tree.Root)
	if err != nil {
		return // then nothing is ignored
	}
	defer root.Close() // read only
	found := map[string][]inline.Directive{}
	for _, p := range marked {
		f, err := root.Open(p)
		if err != nil {
			continue // then nothing in it is ignored
		}
		ds, err := inline.Scan(f, maxInline)
		f.Close() // read only
		if err != nil {
			run.Notes = append(run.Notes, fmt.Sprintf("%s: inline ignores: %v", p, err))
		}
		if o.trusted.base != "" {
			ds = s.trustedInline(ctx, &o, p, ds)
		}
		found[p] = ds
	}
	run.Findings = append(run.Findings, o.trusted.loosened...)
	bounds := inline.Bounds{MaxSeverity: o.settings.InlineMaxSeverity, MaxDays: o.settings.InlineMaxDays, UnratedAs: o.settings.UnratedAs}
	var notes []inline.Note
	run.Findings, notes = inline.Apply(run.Findings, found, bounds, s.app.now())
	complete := !slices.ContainsFunc(run.Steps, func(st checks.Step) bool { return st.Status != checks.OK && st.Status != checks.NotApplicable })
	for _, n := range notes {
		// Unused means nothing where a check did not finish or was not asked.
		if n.Problem != inline.Unused || complete {
			run.Notes = append(run.Notes, fmt.Sprintf("%s:%d: %s", n.Path, n.Line, n.Message))
		}
	}
}

// trustedInline keeps the directives that the base has in the same file.
func (s *scanner) trustedInline(ctx context.Context, o *opened, p string, now []inline.Directive) []inline.Directive {
	var before []inline.Directive
	if b, err := o.tree.Repo.Show(ctx, o.trusted.base, p, maxInline); err == nil {
		before, _ = inline.Scan(strings.NewReader(string(b)), maxInline) // what could be read is what is believed
	}
	kept, added := inline.Trusted(now, before)
	for _, d := range added {
		o.trusted.loosen("loosened-inline-ignore", p, d.Line, "ignores "+d.Rule)
	}
	return kept
}
