// Package probe is what the parts of dast have in common: the application as
// it is asked, markers that nothing else in the world holds, and when two
// answers are the same.
package probe

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// Target is a running application.
type Target struct {
	Web *web.Client
	// Base is where it begins; a path without a final slash.
	Base *url.URL
	// Active allows what changes state.
	Active bool
	// As is the usual identity, "" for nobody; Others are those to compare with.
	As     string
	Others []string
	// Seen takes each answer with the route that was asked, for what it says by
	// itself; usual says that it was asked as any client does. May be nil.
	Seen func(route string, e web.Exchange, usual bool)
	// Report takes an issue, from several goroutines at once.
	Report func(issue.Issue)
	// Marks makes words that are in no answer by chance.
	Marks *Marks
	// Callback is where the application may be made to call; nil for nowhere.
	Callback Callback
	Now      func() time.Time
}

// Callback waits for requests that only a flaw of the application sends.
type Callback interface {
	// URL is an address that nobody else knows, for one mark.
	URL(mark string) string
	// Called says whether that address was asked for, waiting a little.
	Called(ctx context.Context, mark string) bool
}

// May says whether an operation may be sent: it is safe, or a specification
// says of a method that is not idempotent by itself that it may be repeated, or
// changing state is allowed. That PUT and DELETE may be repeated (RFC 9110,
// 9.2.2) does not make them harmless.
func (t Target) May(o surface.Operation) bool {
	repeatable := o.Idempotent && o.Method != http.MethodPut && o.Method != http.MethodDelete
	return t.Active || o.Safe || repeatable
}

// Build makes the request of an operation as the usual identity; values
// override parameters by "in:name".
func (t Target) Build(o surface.Operation, values map[string]string) (web.Request, error) {
	r, err := o.Build(t.Base, values)
	r.As = t.As
	return r, err
}

// Get asks for a path below the base as the usual identity.
func (t Target) Get(ctx context.Context, path string) (web.Exchange, error) {
	return t.Ask(ctx, web.Request{Method: http.MethodGet, URL: t.At(path), As: t.As}, "")
}

// At is the URL of a path (and query) below the base.
func (t Target) At(path string) *url.URL {
	u := *t.Base
	path, u.RawQuery, _ = strings.Cut(path, "?")
	u.Path, u.RawPath = strings.TrimSuffix(t.Base.Path, "/")+path, ""
	if p, err := url.PathUnescape(u.Path); err == nil && p != u.Path {
		u.RawPath, u.Path = u.Path, p
	}
	return &u
}

// Ask sends a request and gives it with its answer.
func (t Target) Ask(ctx context.Context, r web.Request, note string) (web.Exchange, error) {
	resp, err := t.Web.Do(ctx, r)
	return web.Exchange{Request: r, Response: resp, Note: note}, err
}

// Marks makes words that nothing else holds: keyed by what only this run
// knows, and the same in the same run's order.
type Marks struct {
	seed string
	n    atomic.Int64
}

// NewMarks makes them from a seed that nobody outside can foresee.
func NewMarks(seed string) *Marks { return &Marks{seed: seed} }

// Word is a new one: letters and digits, beginning with a letter.
func (m *Marks) Word() string {
	h := hmac.New(sha256.New, []byte(m.seed))
	fmt.Fprintf(h, "mark/%d", m.n.Add(1))
	return "vs" + hex.EncodeToString(h.Sum(nil))[:10]
}

// Numbers are two whose product or sum nobody writes by chance: from 1,000 to
// 9,999, not round.
func (m *Marks) Numbers() (int, int) {
	h := hmac.New(sha256.New, []byte(m.seed))
	fmt.Fprintf(h, "numbers/%d", m.n.Add(1))
	s := h.Sum(nil)
	number := func(b []byte) int { return 1000 + (int(b[0])<<8|int(b[1]))%8999 | 1 }
	return number(s), number(s[2:])
}
