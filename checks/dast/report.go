package dast

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// hit makes a finding of an issue. Its identity is the rule's class, the
// route, the parameter and the anchor: neither host, nor port, nor any value.
func (s *scan) hit(i issue.Issue) child.Hit {
	method, path, routed := strings.Cut(i.Route, " ")
	if !routed {
		method, path = "", "/"
	}
	path, operation, _ := strings.Cut(path, " ") // a name of its own: "query patient"
	if strings.HasSuffix(i.Parameter, ":") {
		i.Parameter = "" // about the lack of one
	}
	h := child.Hit{
		Rule: i.Rule, Message: i.Message, Confidence: i.Confidence,
		Location: checks.Location{Path: path, Symbol: symbol(method, strings.TrimSpace(operation+" "+i.Parameter))},
		Anchor:   strings.Join([]string{i.Route, i.Parameter, i.Anchor}, "\n"), Replay: i.Replay,
	}
	if routed {
		h.Routes = []string{i.Route}
	}
	shown := i.Exchanges[max(0, len(i.Exchanges)-checks.MaxExchanges):]
	for _, e := range shown {
		h.Exchanges = append(h.Exchanges, s.client.Show(e))
	}
	if n := len(shown); n > 0 && h.Replay == "" {
		h.Replay = s.client.Curl(shown[n-1].Request)
	}
	if s.canary != "" {
		h.Path = s.canary + "/" + strings.TrimPrefix(h.Path, "/")
		if !routed {
			h.Path = s.canary + "/-"
		}
		h.Routes, h.Exchanges, h.Replay = nil, nil, ""
	}
	return h
}

// symbol is method and parameter; a parameter of no method has one all the same,
// so that the first word is always the method.
func symbol(method, parameter string) string {
	if method == "" && parameter != "" {
		method = "ANY"
	}
	return strings.TrimSpace(method + " " + parameter)
}

// probed records an operation that was tested to the end.
func (s *scan) probed(o surface.Operation) {
	if s.canary == "" {
		s.in.Tree.Probed(routePath(o))
	}
}

// routePath is an operation's place in the coverage.
func routePath(o surface.Operation) string { return o.Path + " " + o.Method + nameOf(o) }

func nameOf(o surface.Operation) string {
	if o.Name == "" {
		return ""
	}
	return " " + o.Name
}

// account says of every operation that was not tested why. ended is why the
// scan stopped before its end, nil when it did not.
func (s *scan) account(ended error) {
	if s.canary != "" {
		return
	}
	reason, detail := checks.SkipUnreadable, plainly(ended)
	switch {
	case ended == nil:
		detail = "it was not reached"
	case errors.Is(ended, web.ErrBudget):
		reason = checks.SkipBudget
	case errors.Is(ended, errTime), errors.Is(ended, context.DeadlineExceeded):
		reason, detail = checks.SkipTimeout, errTime.Error()
	}
	left := 0
	for _, o := range s.set.Operations() {
		p := routePath(o)
		switch {
		case s.in.Tree.WasProbed(p):
		case s.lost[p] > 0:
			left++
			s.out.Skip(p, checks.SkipUnreadable, fmt.Sprintf("%d of its requests got no answer", s.lost[p]))
		case s.excluded(o):
			s.out.Skip(p, checks.SkipScope, "left out by the configuration, or it ends the session")
		case !s.target.May(o):
			s.out.Skip(p, checks.SkipUnsafe, "it changes state, which was not allowed (dast mode: active)")
		default:
			left++
			s.out.Skip(p, reason, detail)
		}
	}
	if ended != nil && left == 0 {
		// Every operation was done, and something that comes after was not.
		s.out.Skip("/", reason, detail)
	}
	for _, route := range slices.Sorted(maps.Keys(s.cut)) {
		_, p, _ := strings.Cut(route, " ")
		s.out.Skip(p, checks.SkipTooLarge, "its answer was cut off, at 8 MiB or because its time was over")
	}
	if n := s.set.Dropped(); n > 0 {
		s.out.Skip("/", checks.SkipTooLarge, "operations beyond the limit were dropped")
	}
}

// plainly gives an error's first line; a network error may be long.
func plainly(err error) string {
	if err == nil {
		return ""
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
