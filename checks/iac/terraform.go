package iac

import (
	"context"
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/aquasecurity/trivy/pkg/iac/scan"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// terraform judges every root module with all that it calls.
func (s *run) terraform(ctx context.Context, paths []string) error {
	var canary, target []string
	for _, p := range paths {
		if s.in.Tree.Canary(p) {
			canary = append(canary, p)
		} else {
			target = append(target, p)
		}
	}
	if err := s.terraformFiles(ctx, canary, true); err != nil {
		return err
	}
	if len(target) == 0 {
		return nil
	}
	// A module is judged with all that it calls, also where an earlier answer
	// about that holds.
	for _, p := range s.in.Tree.Known() {
		if terraformFile(p) && !s.in.Tree.Canary(p) {
			target = append(target, p)
		}
	}
	slices.Sort(target)
	target = slices.Compact(target)
	return s.terraformFiles(ctx, target, false)
}

func (s *run) terraformFiles(ctx context.Context, paths []string, canary bool) error {
	m, err := s.modules(ctx, paths)
	if err != nil {
		return err
	}
	v := &view{ctx: ctx, tree: s.in.Tree, canary: canary, looked: map[string]int{}, asked: map[string]bool{}, refuse: m.circular(), most: m.maxLoads()}
	defer func() { s.asked = append(s.asked, v.uses(m)...) }()
	for dir := range v.refuse {
		s.skipDir(m, dir, checks.SkipUnparsable, "its modules call each other in a circle")
	}
	var out []finding
	judge := func(dir string) error {
		if v.refuse[dir] || !m.good[dir] || !s.readable(m, dir) {
			return nil
		}
		found, err := s.root(ctx, v, m, dir)
		out = append(out, found...)
		return err
	}
	for _, dir := range m.roots() {
		if err := judge(dir); err != nil {
			return err
		}
	}
	// What is called but was never loaded (count = 0, a for_each that nobody
	// knows, a caller that broke) would count as read and have been seen by
	// nobody: it is judged by itself.
	for _, dir := range sortedKeys(m.good) {
		if !v.seen(dir) && !strings.Contains(dir, ".terraform/modules/") {
			if err := judge(dir); err != nil {
				return err
			}
		}
	}
	return s.report(out)
}

func sortedKeys(m map[string]bool) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// readable says whether trivy takes a directory for a module: OpenTofu's own
// file names alone do not make one.
func (s *run) readable(m *modules, dir string) bool {
	for _, p := range m.files[dir] {
		if strings.HasSuffix(p, ".tf") || strings.HasSuffix(p, ".tf.json") {
			return true
		}
	}
	for _, p := range m.files[dir] {
		s.cannotRead("OpenTofu files without a Terraform file beside them", "trivy 0.66 does not look into such a directory", "", p)
	}
	return false
}

// root judges one root module. An error is one of the run.
func (s *run) root(ctx context.Context, v *view, m *modules, dir string) ([]finding, error) {
	v.begin()
	var kept scan.Results
	err := s.guard.run(ctx, func() error {
		all, err := s.engine.scanner(terraformKind).ScanFS(ctx, v, dir)
		kept = results(all)
		return err
	})
	words := s.engine.log.take()
	switch {
	case errors.Is(err, context.Canceled):
		return nil, err
	case err != nil:
		s.skipDir(m, dir, skipReason(err), err.Error())
		return nil, nil
	case v.exceeded():
		s.skipDir(m, dir, checks.SkipTooLarge, errLoads.Error())
	}
	s.terraformWords(m, dir, words)
	var out []finding
	for _, r := range kept {
		out = append(out, s.terraformFinding(m, dir, r))
	}
	return out, nil
}

// terraformWords records what trivy logged while it judged a root module.
func (s *run) terraformWords(m *modules, dir string, words []said) {
	for _, w := range words {
		switch {
		case strings.HasPrefix(w.message, "Failed to load module"):
			s.missingModule(m, w)
		case w.message == "Error parsing file", w.message == "Encountered HCL parse error":
			// Said when the files were parsed here.
		default:
			s.listen(m.files[dir][0], []said{w})
		}
	}
}

// missingModule counts a call that leads out of the tree. Its source is not
// repeated: the address of a repository may hold a password.
func (s *run) missingModule(m *modules, w said) {
	file, line := position(w.attrs["loc"])
	c := call{path: file, line: line, label: "?"}
	for _, known := range m.calls[path.Dir(file)] {
		if known.path == file && known.line == line {
			c = known
		}
	}
	switch {
	case strings.HasPrefix(c.source, "."):
		s.cannotRead("local Terraform modules that are not in the target", "the directory holds no file of Terraform that can be read, or lies outside", "", c.place())
	default:
		s.cannotRead("Terraform modules not on disk", "nothing is downloaded", "terraform init", c.place())
	}
}

// position reads trivy's file:line or file:line-line.
func position(s string) (file string, line int) {
	file, lines, _ := cutLast(s, ":")
	first, _, _ := strings.Cut(lines, "-")
	line, err := strconv.Atoi(first)
	if err != nil {
		return s, 0
	}
	return file, line
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// terraformFinding places a result in the innermost file around it that is
// in the tree. A result without any is about the root module.
func (s *run) terraformFinding(m *modules, dir string, r scan.Result) finding {
	f := found(r)
	f.address, f.anchor = terraformAddress(references(r)), "terraform:module"
	for _, c := range chain(r) {
		rng := c.Range()
		if p := rng.GetLocalFilename(); s.in.Tree.Size(p) >= 0 {
			f.path, f.start, f.end = p, rng.GetStartLine(), rng.GetEndLine()
			return f
		}
	}
	f.path = m.files[dir][0]
	return f
}
