package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/linehash"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/store"
)

// storeForScan opens the store before the scan: one that a later vitalsign
// wrote is found out first, by name. Without one (no home directory, a
// read-only disk) the scan goes on and says so: the verdict does not hang on it.
func (a *app) storeForScan(ctx context.Context, p report.Progress) (*store.Store, error) {
	s, err := a.openStore(ctx)
	if errors.Is(err, store.ErrNewer) {
		return nil, err
	}
	if err != nil {
		p.Say("this run will not be kept: " + err.Error())
		return nil, nil
	}
	return s, nil
}

// keep saves a run. It is kept even when the user has interrupted: what had
// finished is worth having.
func (s *scanner) keep(to *store.Store, run checks.Run) {
	if to == nil {
		return
	}
	if err := to.Save(context.WithoutCancel(s.cmd.Context()), run); err != nil {
		s.progress.Say("this run could not be kept: " + err.Error())
	}
}

// lineHash gives GitHub's line hash of a finding. It is an unkeyed hash over
// the text, so there is none where that text may hold a secret: when a
// credential was found within it, and when nobody looked for credentials.
func (s *scanner) lineHash(run checks.Run, f checks.Finding) string {
	if !lookedForSecrets(run) || f.ValueBound || f.Location.StartLine == 0 {
		return ""
	}
	lines := s.hashesOf(run.Target.Path, f.Location.Path)
	if f.Location.StartLine >= len(lines) {
		return ""
	}
	h := lines[f.Location.StartLine]
	for _, s := range secretSpans(run, f.Location.Path) {
		if s.first <= h.Last && s.last >= f.Location.StartLine {
			return ""
		}
	}
	return h.Value
}

// lookedForSecrets says whether the check for them came to its end: only then
// is a line in which none was found one without.
func lookedForSecrets(run checks.Run) bool {
	return slices.ContainsFunc(run.Steps, func(st checks.Step) bool { return st.Check == "secrets" && st.Status == checks.OK })
}

// lineSpan is lines of a file, both ends with it.
type lineSpan struct{ first, last int }

// secretSpans are the lines of a file in which a value was found that nobody
// should see, nor an unkeyed hash of it.
func secretSpans(run checks.Run, path string) []lineSpan {
	var out []lineSpan
	for _, f := range run.Findings {
		if f.Location.Path == path && (f.ValueBound || f.Rule.Class == checks.ClassCredential) {
			out = append(out, lineSpan{f.Location.StartLine, max(f.Location.EndLine, f.Location.StartLine)})
		}
	}
	return out
}

// hashesOf reads a file of a target and keeps the hashes of the last one: the
// findings of a file come together.
func (s *scanner) hashesOf(target, path string) []linehash.Hash {
	if s.hashed.target == target && s.hashed.path == path {
		return s.hashed.lines
	}
	s.hashed = hashedFile{target: target, path: path}
	for _, o := range s.trees {
		if o.tree.Target.Path != target {
			continue
		}
		root, err := os.OpenRoot(o.tree.Root)
		if err != nil {
			return nil
		}
		defer root.Close() // read only
		f, err := root.Open(filepath.FromSlash(path))
		if err != nil {
			return nil // GitHub computes it where it is absent
		}
		defer f.Close() // read only
		if lines, err := linehash.Hashes(f); err == nil {
			s.hashed.lines = lines
		}
	}
	return s.hashed.lines
}

type hashedFile struct {
	target, path string
	lines        []linehash.Hash
}
