package dast

import (
	"context"
	"fmt"
	"hash/fnv"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/dast/template"
)

// templates runs the checks that the user wrote. One that is outside of the
// subset is named, and makes the step partial: somebody wanted it asked.
func (s *scan) templates(ctx context.Context) error {
	if s.canary != "" {
		return nil
	}
	asked := 0
	for _, f := range s.in.Tree.Paths() {
		if !s.templated(f) {
			continue
		}
		asked++
		doc, err := s.in.Tree.ReadFile(f)
		if err != nil {
			s.in.Tree.SkipError(f, err)
			continue
		}
		t, err := template.Parse(f, doc)
		if err != nil {
			s.out.Skip("/"+f, checks.SkipUnparsable, plainly(err))
			continue
		}
		if err := s.template(ctx, f, t); err != nil {
			return err
		}
	}
	if asked == 0 && len(s.live.Templates) > 0 {
		s.out.Skip("/", checks.SkipUnparsable, "no file is one of the templates that are named")
	}
	return nil
}

func (s *scan) templated(file string) bool {
	for _, p := range s.live.Templates {
		if ok, err := doublestar.Match(p, file); err == nil && ok {
			return true
		}
	}
	return false
}

func (s *scan) template(ctx context.Context, file string, t template.Template) error {
	if err := s.out.Rule(t.Rule()); err != nil {
		return err
	}
	result, err := t.Run(ctx, template.Target{Base: s.base, Safe: !s.live.Active, Confirm: true, Seed: seed(s.in.Tree.CanaryDir())}, s.client)
	for _, i := range result.Issues {
		s.report(i)
	}
	switch {
	case err != nil && over(ctx, err):
		return err
	case err != nil:
		s.out.Skip("/"+file, checks.SkipUnreadable, plainly(err))
	case result.Unanswered > 0:
		s.out.Skip("/"+file, checks.SkipUnreadable, fmt.Sprintf("%d of %d requests got no answer", result.Unanswered, result.Requests))
	case len(result.Refused) > 0:
		s.out.Skip("/"+file, checks.SkipUnsafe, result.Refused[0])
	}
	return nil
}

// seed makes a number of what only this run knows.
func seed(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // a hash never fails
	return h.Sum64()
}
