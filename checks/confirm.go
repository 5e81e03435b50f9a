package checks

import (
	"slices"
	"strings"
)

// Confirm makes one finding of a weakness that was read in the sources and the
// same one seen in the running application: where the application's finding has a
// route that reaches the place in the sources, and both name one CWE. The place
// and identity in the sources stay, so that a waiver holds; the witness, the
// exchanges and the replay of the application come to it, and the confidence is
// high. Where several places in the sources fit, all get the witness and none
// more confidence, because nobody knows which it was. Findings must be in
// Compare's order, and are afterwards.
func Confirm(in []Finding) []Finding {
	out := make([]Finding, 0, len(in))
	var live []Finding
	for _, f := range in {
		if f.Location.Live() && f.Rule.Severity > Info {
			live = append(live, f)
		} else {
			out = append(out, f)
		}
	}
	for _, f := range live {
		places := fitting(out, f)
		for _, i := range places {
			confirm(&out[i], f, len(places) == 1)
		}
		if len(places) == 0 {
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, Compare)
	return out
}

// fitting gives the indices of findings in sources that f may be.
func fitting(all []Finding, f Finding) []int {
	var found []int
	for i, s := range all {
		if !s.Location.Live() && s.Ignored == nil && sharesCWE(s.Rule, f.Rule) && reached(s.Routes, f.Routes) {
			found = append(found, i)
		}
	}
	return found
}

func confirm(s *Finding, f Finding, sure bool) {
	for _, w := range f.SeenBy {
		if !slices.Contains(s.SeenBy, w) {
			s.SeenBy = append(slices.Clone(s.SeenBy), w)
		}
	}
	if sure {
		s.Confidence = "high"
	}
	s.Exchanges = slices.Concat(s.Exchanges, f.Exchanges)
	s.Exchanges = s.Exchanges[:min(len(s.Exchanges), MaxExchanges)]
	if s.Replay == "" {
		s.Replay = f.Replay
	}
	s.Routes = slices.Concat(s.Routes, f.Routes)
	slices.Sort(s.Routes)
	s.Routes = slices.Compact(s.Routes)
	// The worst of them gives the rule, as in Merge.
	if f.Rule.Severity > s.Rule.Severity {
		s.Rule, s.Check = f.Rule, f.Check
	}
}

func sharesCWE(a, b Rule) bool {
	return slices.ContainsFunc(a.CWE, func(c string) bool { return slices.Contains(b.CWE, c) })
}

func reached(sources, live []string) bool {
	return slices.ContainsFunc(sources, func(s string) bool {
		return slices.ContainsFunc(live, func(l string) bool { return SameRoute(s, l) })
	})
}

// SameRoute says whether a route in sources ("GET /patients/{id}", or without a
// method for any) is the one that was asked for. Names of parameters do not
// matter; a router may have put a prefix before the route of the sources; "{x...}"
// at its end takes the rest (Go's net/http.ServeMux), and "{$}" nothing.
func SameRoute(source, live string) bool {
	sm, sp := splitRoute(source)
	lm, lp := splitRoute(live)
	if sm != "" && lm != "" && sm != lm {
		return false
	}
	s, l := segments(sp), segments(lp)
	if n := len(s); n > 0 && strings.HasSuffix(s[n-1], "...}") {
		s = s[:n-1]
		return len(s) == 0 || matchAnywhere(s, l)
	}
	if len(s) == 0 {
		return len(l) == 0
	}
	return len(l) >= len(s) && matchAt(s, l, len(l)-len(s))
}

func matchAnywhere(s, l []string) bool {
	for at := 0; at+len(s) <= len(l); at++ {
		if matchAt(s, l, at) {
			return true
		}
	}
	return false
}

// matchAt compares from one segment on. At least one must be the same word: two
// parameters alone are no likeness, unless that is all there is.
func matchAt(s, l []string, at int) bool {
	words := 0
	for i, seg := range s {
		other := l[at+i]
		switch {
		case isParameter(seg), isParameter(other):
		case seg != other:
			return false
		default:
			words++
		}
	}
	return words > 0 || len(s) == len(l) && at == 0
}

func isParameter(segment string) bool { return strings.HasPrefix(segment, "{") }

func splitRoute(route string) (method, path string) {
	if strings.HasPrefix(route, "/") {
		return "", route
	}
	method, path, _ = strings.Cut(route, " ")
	path, _, _ = strings.Cut(path, " ") // an operation's own name may follow
	return method, path
}

func segments(path string) []string {
	var out []string
	for s := range strings.SplitSeq(path, "/") {
		if s != "" && s != "{$}" {
			out = append(out, s)
		}
	}
	return out
}
