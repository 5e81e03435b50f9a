package dast

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// callbacks is a server that only a flaw of the application asks. It answers
// with nothing, and sends nobody anywhere.
type callbacks struct {
	base   string
	server *http.Server

	mu     sync.Mutex
	called map[string]chan struct{}
}

const (
	// callWait is how long a call may take after the answer has come.
	callWait = time.Second
	// maxCalls bounds what is remembered: marks that nobody asked for are not.
	maxCalls = 100000
)

// newCallbacks serves on a listener until it is closed.
func newCallbacks(l net.Listener) *callbacks {
	c := &callbacks{base: "http://" + l.Addr().String() + "/", called: map[string]chan struct{}{}}
	c.server = &http.Server{
		Handler: http.HandlerFunc(c.answer), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second,
		WriteTimeout: 5 * time.Second, IdleTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10,
	}
	go func() {
		if err := c.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return // nobody can call any more: nothing is found that way
		}
	}()
	return c
}

func (c *callbacks) answer(w http.ResponseWriter, r *http.Request) {
	mark, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	c.mu.Lock()
	if seen := c.called[mark]; seen != nil {
		select {
		case <-seen:
		default:
			close(seen)
		}
	}
	c.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// URL implements probe.Callback.
func (c *callbacks) URL(mark string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.called) < maxCalls {
		c.called[mark] = make(chan struct{})
	}
	return c.base + mark
}

// Called implements probe.Callback.
func (c *callbacks) Called(ctx context.Context, mark string) bool {
	c.mu.Lock()
	seen := c.called[mark]
	c.mu.Unlock()
	if seen == nil {
		return false
	}
	late := time.NewTimer(callWait)
	defer late.Stop()
	select {
	case <-seen:
		return true
	case <-late.C:
	case <-ctx.Done():
	}
	return false
}

func (c *callbacks) close() { _ = c.server.Close() }
