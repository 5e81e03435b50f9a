package inject

import (
	"context"
	"sync"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// Stored looks for cross-site scripting that is kept (CWE-79): what one
// operation took becomes an element of a page of another. It changes state, so
// that only an active scan has one. The zero value is ready.
type Stored struct {
	mu   sync.Mutex
	sown []seed
}

type seed struct {
	mark string
	at   spot
	e    web.Exchange
}

// Sow sends every text input of an operation an element with a mark of its own.
func (st *Stored) Sow(ctx context.Context, t probe.Target, o surface.Operation) error {
	for _, p := range inputs(o) {
		if p.In != surface.InForm && p.In != surface.InJSON && p.In != surface.InXML && p.In != surface.InGraphQL || p.Type == "integer" || p.Type == "boolean" || p.Type == "number" {
			continue
		}
		s := spot{Target: t, o: o, p: p, lost: new(int)}
		mark := t.Marks.Word()
		e, err := s.send(ctx, breakout{}.payload(mark), "an element of ours")
		if err := probe.Ended(ctx, err); err != nil {
			return err
		}
		st.mu.Lock()
		st.sown = append(st.sown, seed{mark, s, e})
		st.mu.Unlock()
	}
	return nil
}

// Reap looks at a page for what was sown. Each is confirmed by being sown
// again and found again on the same page.
func (st *Stored) Reap(ctx context.Context, t probe.Target, page web.Exchange) error {
	if !probe.HTML(page.Response) {
		return nil
	}
	st.mu.Lock()
	var found []seed
	rest := st.sown[:0:0]
	for _, s := range st.sown {
		if hasElement(page.Response.Body, s.mark) {
			found = append(found, s)
			continue
		}
		rest = append(rest, s)
	}
	st.sown = rest
	st.mu.Unlock()
	for _, s := range found {
		if err := s.confirm(ctx, t, page); err != nil {
			return err
		}
	}
	return nil
}

func (s seed) confirm(ctx context.Context, t probe.Target, page web.Exchange) error {
	mark := t.Marks.Word()
	e, err := s.at.send(ctx, breakout{}.payload(mark), "an element of ours, again")
	if err != nil {
		return probe.Ended(ctx, err)
	}
	again, err := t.Ask(ctx, page.Request, "the page")
	if err != nil {
		return probe.Ended(ctx, err)
	}
	if hasElement(again.Response.Body, mark) {
		found := s.at.found("web-xss-stored", "high", seen("what is sent is kept, and becomes an element that runs script in another page"), s.e, page, e, again)
		found.Anchor = "stored"
		t.Report(issue.Issue(*found))
	}
	return nil
}
