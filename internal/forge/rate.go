package forge

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// waits is how often one request waits for a limit.
	waits = 5
	// secondaryPause is the wait after a secondary limit that names none ("at
	// least one minute", in GitHub's rate limits for the REST API); it doubles.
	secondaryPause = time.Minute
)

// LimitError says that a rate limit ends later than anybody wants to wait.
type LimitError struct {
	Until time.Time
	// Secondary is the limit on how fast one asks, not on how often an hour.
	Secondary bool
}

func (e *LimitError) Error() string {
	kind := "rate limit"
	if e.Secondary {
		kind = "secondary rate limit"
	}
	return fmt.Sprintf("the %s is used up until %s", kind, e.Until.UTC().Format(time.RFC3339))
}

// rated keeps GitHub's rate limits: it waits as it is told, within a bound, and
// does not ask while nothing is left. It takes the headers away when it has
// heard them: go-github reads them too, by another clock, and would refuse.
type rated struct {
	base     http.RoundTripper
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	progress func(string)
	most     time.Duration

	mu sync.Mutex
	// empty is until when nothing is left.
	empty time.Time
}

var _ http.RoundTripper = (*rated)(nil)

func (t *rated) RoundTrip(r *http.Request) (*http.Response, error) {
	pause := secondaryPause
	for range waits {
		t.mu.Lock()
		empty := t.empty
		t.mu.Unlock()
		if err := t.wait(r.Context(), LimitError{Until: empty}); err != nil {
			return nil, err
		}
		resp, err := t.base.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		limit, refused := t.heard(resp, pause)
		if !refused {
			for _, h := range []string{"Remaining", "Reset", "Limit", "Used", "Resource"} {
				resp.Header.Del("X-Ratelimit-" + h)
			}
			return resp, nil
		}
		if err := t.wait(r.Context(), limit); err != nil {
			return nil, err
		}
		pause *= 2
	}
	return nil, &LimitError{Until: t.now().Add(pause), Secondary: true}
}

// wait waits until a limit ends, if that is soon enough.
func (t *rated) wait(ctx context.Context, l LimitError) error {
	d := l.Until.Sub(t.now())
	switch {
	case d <= 0:
		return ctx.Err()
	case d > t.most:
		return &l
	}
	t.progress(fmt.Sprintf("%s; waiting %s", l.Error(), d.Round(time.Second)))
	return t.sleep(ctx, d)
}

// heard reads what an answer says of limits: until when to wait, and whether it
// was refused for one.
func (t *rated) heard(resp *http.Response, pause time.Duration) (limit LimitError, refused bool) {
	empty, ok := t.reset(resp)
	if ok {
		t.mu.Lock()
		t.empty = empty
		t.mu.Unlock()
	}
	if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests {
		return LimitError{}, false
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s >= 0 {
		return LimitError{t.now().Add(time.Duration(s) * time.Second), true}, true
	}
	switch {
	case ok:
		return LimitError{Until: empty}, true
	case resp.StatusCode == http.StatusTooManyRequests, speaksOf(resp, "rate limit"):
		return LimitError{t.now().Add(pause), true}, true
	}
	return LimitError{}, false // forbidden for another reason
}

// reset gives when the primary limit begins anew, where nothing of it is left.
// The time is the server's, so it is counted from the server's own Date.
func (t *rated) reset(resp *http.Response) (time.Time, bool) {
	left, err := strconv.Atoi(resp.Header.Get("X-Ratelimit-Remaining"))
	at, err2 := strconv.ParseInt(resp.Header.Get("X-Ratelimit-Reset"), 10, 64)
	if err != nil || err2 != nil || left > 0 {
		return time.Time{}, false
	}
	here := t.now()
	there, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		there = here
	}
	// A second more: both times are cut to the second.
	return here.Add(time.Unix(at, 0).Sub(there) + time.Second), true
}

// speaksOf looks for words in the body, and leaves it to be read.
func speaksOf(resp *http.Response, words string) bool {
	body, err := io.ReadAll(resp.Body) // whole made it bytes in memory
	if err != nil {
		return false
	}
	setBody(resp, body)
	return bytes.Contains(bytes.ToLower(body), []byte(strings.ToLower(words)))
}
