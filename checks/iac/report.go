package iac

import (
	"cmp"
	"slices"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
)

// finding is a result of trivy in our words.
type finding struct {
	rule, path string
	start, end int // 0 for the file as a whole
	// address names the resource, "" where there is none.
	address string
	// anchor is the identity where neither address nor text serves.
	anchor  string
	message string
}

func compare(a, b finding) int {
	return cmp.Or(
		cmp.Compare(a.path, b.path), cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end),
		cmp.Compare(a.rule, b.rule), cmp.Compare(a.address, b.address), cmp.Compare(a.message, b.message),
	)
}

// report writes findings in an order that does not depend on trivy's, which
// walks maps. One rule says one thing of a resource at a place: instances of
// count and for_each, and a module that several others call, are one.
func (s *run) report(found []finding) error {
	slices.SortFunc(found, compare)
	found = slices.CompactFunc(found, func(a, b finding) bool {
		a.message, b.message = "", ""
		return a == b
	})
	for _, f := range found {
		anchor := f.address
		if anchor == "" && f.start == 0 {
			anchor = f.anchor
		}
		err := s.out.Hit(child.Hit{
			Rule: f.rule, Message: f.message, Confidence: "high", Anchor: anchor,
			Location: checks.Location{Path: f.path, StartLine: f.start, EndLine: f.end, Symbol: f.address},
		})
		if err != nil {
			return err
		}
	}
	return nil
}
