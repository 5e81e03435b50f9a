package judge

import (
	"slices"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Before is what was there before: the findings of the commit that a change
// starts from, seen by the same checks under the same identity key.
type Before struct {
	Findings []checks.Finding
	// Renamed gives for a path of now the one that it had.
	Renamed map[string]string
	// Reached says whether a commit was in the history already.
	Reached func(commit string) bool
}

// MarkNew says of each finding whether it was there before. A finding was, if
// the same path had one of its fingerprint that no other finding of now stands
// for, or the path that it was renamed from. Whatever is more is new, and so is
// what a running application showed: nobody saw the one of before.
func MarkNew(findings []checks.Finding, b Before) []checks.Finding {
	type place struct{ fingerprint, path string }
	left := map[place]int{}
	for _, f := range b.Findings {
		if f.Location.Commit == "" && !f.Location.Live() {
			left[place{f.Fingerprint, f.Location.Path}]++
		}
	}
	out := slices.Clone(findings)
	take := func(i int, path string) {
		if at := (place{out[i].Fingerprint, path}); *out[i].New && left[at] > 0 {
			left[at]--
			*out[i].New = false
		}
	}
	for i, f := range out {
		fresh := true
		if f.Location.Commit != "" {
			fresh = b.Reached == nil || !b.Reached(f.Location.Commit)
		}
		out[i].New = &fresh
	}
	for i, f := range out {
		if f.Location.Commit == "" && !f.Location.Live() {
			take(i, f.Location.Path)
		}
	}
	for i, f := range out {
		if was, renamed := b.Renamed[f.Location.Path]; renamed && f.Location.Commit == "" {
			take(i, was)
		}
	}
	return out
}
