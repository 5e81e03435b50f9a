package supervise

import (
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// canary answers one connection as an application whose flaws every check of
// running applications must find: a page that links to a search, which writes
// what it was asked into the page as it is.
func canary(c net.Conn) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		page(w, `<a href="/search?q=1">search</a> <a href="/safe?q=1">safe</a>`)
	})
	mux.HandleFunc("GET /search", func(w http.ResponseWriter, r *http.Request) {
		page(w, "<p>nothing found for "+r.FormValue("q")+"</p>")
	})
	mux.HandleFunc("GET /safe", func(w http.ResponseWriter, r *http.Request) {
		page(w, "<p>nothing found for "+html.EscapeString(r.FormValue("q"))+"</p>")
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	l := &oneConn{c: c, closed: make(chan struct{})}
	s.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			_ = l.Close()
		}
	}
	_ = s.Serve(l) // ends with the connection
}

func page(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!doctype html><title>canary</title><body>%s</body>", body)
}

// oneConn is a listener for the one connection that is there already.
type oneConn struct {
	c      net.Conn
	once   sync.Once
	end    sync.Once
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	var c net.Conn
	l.once.Do(func() { c = l.c })
	if c != nil {
		return c, nil
	}
	<-l.closed
	return nil, errors.Join(net.ErrClosed, io.EOF)
}

func (l *oneConn) Close() error {
	l.end.Do(func() { close(l.closed) })
	return nil
}

func (l *oneConn) Addr() net.Addr { return l.c.LocalAddr() }
