package probe

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// Ended keeps the errors after which nothing more can be asked; one request
// that was lost is none of them.
func Ended(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, web.ErrBudget), errors.Is(err, web.ErrGone), errors.Is(err, web.ErrUntrusted):
		return err
	}
	return nil
}

// AskAs asks for a path below the base as somebody, "" for nobody. foreign are the
// values in it that came from the target.
func (t Target) AskAs(ctx context.Context, who, path, note string, foreign ...string) (web.Exchange, error) {
	return t.Ask(ctx, web.Request{Method: http.MethodGet, URL: t.At(path), As: who, Foreign: Foreign(foreign...)}, note)
}

// Foreign gives values in the forms that a request may hold them in: as they
// are, and encoded for a query or a path (RFC 3986, 2.1).
func Foreign(values ...string) []string {
	var out []string
	for _, v := range values {
		if v == "" {
			continue
		}
		out = append(out, v)
		for _, e := range []string{url.QueryEscape(v), url.PathEscape(v)} {
			if e != v {
				out = append(out, e)
			}
		}
	}
	return out
}

// Template is the route of a path that somebody named: that of the operation
// which takes it, or what is left when everything that looks like an id is gone.
func Template(ops []surface.Operation, method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	for _, exact := range []bool{true, false} {
		for _, o := range ops {
			if _, ok := surface.Match(o.Path, path); ok && o.Method == method && (!exact || o.Path == path) {
				return o.Route()
			}
		}
	}
	s := surface.NewSet(surface.DefaultLimits())
	s.Observe(method, &url.URL{Path: path}, "link")
	for _, o := range s.Operations() {
		return o.Route()
	}
	return method + " /"
}
