// Package application starts a program to be looked at, waits until it is
// ready, fills it, and ends it with all that it started.
package application

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/proc"
)

// Command is an application that a command of this machine starts. It
// implements pipelines.Application. The zero value is not usable.
type Command struct {
	// Args are program and arguments, Dir where it runs, Env its whole
	// environment.
	Args []string
	Dir  string
	Env  []string
	// URL is where it answers.
	URL string
	// HTTP is a path that must answer below 400, Log a text that it must write,
	// before it is ready; without either it must take a connection.
	HTTP, Log string
	// Timeout is how long that may take, and how long a seed may.
	Timeout time.Duration
	// Seed are commands that fill it.
	Seed [][]string
}

const (
	// askEvery is how often a starting application is asked whether it is ready.
	askEvery = 50 * time.Millisecond
	// askTime bounds one question, grace the time to end by itself.
	askTime = 2 * time.Second
	grace   = 5 * time.Second
)

// Start implements pipelines.Application. That something answers at the URL
// before it was started is an error: it would be looked at instead.
func (c Command) Start(ctx context.Context, say func(string)) (string, func() error, error) {
	if len(c.Args) == 0 {
		return "", nil, errors.New("no command to start the application with")
	}
	if conn, err := c.connect(ctx); err == nil {
		_ = conn.Close()
		return "", nil, fmt.Errorf("something answers at %s already, before the application was started: end it, or name another port", c.URL)
	}
	run, end := context.WithCancel(context.WithoutCancel(ctx))
	log := &watched{want: []byte(c.Log), found: make(chan struct{})}
	ended := make(chan error, 1)
	go func() {
		_, err := proc.Run(run, c.command(c.Args), proc.Limits{Grace: grace}, log)
		if err == nil {
			err = errors.New("it ended by itself")
		}
		ended <- err
	}()
	stop := func() error {
		end()
		<-ended // how it ends does not matter any more
		return nil
	}
	say("starting " + filepath.Base(c.Args[0]))
	began := make(chan error, 1)
	within, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	go func() { began <- c.ready(within, log) }()
	select {
	case err := <-ended:
		end()
		return "", nil, fmt.Errorf("the application did not start: %w", err)
	case err := <-began:
		if err != nil {
			return "", nil, errors.Join(err, stop())
		}
	}
	for _, args := range c.Seed {
		if err := c.seed(ctx, args); err != nil {
			return "", nil, errors.Join(err, stop())
		}
	}
	return c.URL, stop, nil
}

func (c Command) command(args []string) *exec.Cmd {
	name := args[0]
	// A name with a slash is of the repository: its root is where it runs.
	if strings.Contains(name, "/") && !filepath.IsAbs(name) {
		name = filepath.Join(c.Dir, name)
	}
	cmd := exec.Command(name, args[1:]...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	return cmd
}

// seed runs a command that fills the application.
func (c Command) seed(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if _, err := proc.Run(ctx, c.command(args), proc.Limits{Wall: c.Timeout, Grace: grace}, io.Discard); err != nil {
		return fmt.Errorf("the application could not be filled: %s: %w", filepath.Base(args[0]), err)
	}
	return nil
}

// ready waits until the application can be looked at.
func (c Command) ready(ctx context.Context, log *watched) error {
	for {
		if c.up(ctx, log) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the application was not ready after %s (%s)", c.Timeout, c.sign())
		case <-time.After(askEvery):
		}
	}
}

func (c Command) sign() string {
	switch {
	case c.Log != "":
		return "ready.log was not in its output"
	case c.HTTP != "":
		return "ready.http: " + c.HTTP + " does not answer below 400"
	}
	return "nothing listens at " + c.URL
}

func (c Command) up(ctx context.Context, log *watched) bool {
	if c.Log != "" {
		select {
		case <-log.found:
		default:
			return false
		}
	}
	conn, err := c.connect(ctx)
	if err != nil {
		return false
	}
	defer conn.Close()
	return c.HTTP == "" || c.answers(conn)
}

func (c Command) connect(ctx context.Context) (net.Conn, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	var d net.Dialer
	return d.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
}

// answers asks for a path and reads no more than the status (RFC 9112, 4):
// what it is about is parsed where a parser's bug does no harm. Over TLS a
// connection has to do.
func (c Command) answers(conn net.Conn) bool {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme == "https" {
		return err == nil
	}
	late := time.AfterFunc(askTime, func() { _ = conn.Close() })
	defer late.Stop()
	if _, err := fmt.Fprintf(conn, "GET %s%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", strings.TrimSuffix(u.Path, "/"), c.HTTP, u.Host); err != nil {
		return false
	}
	line := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, line); err != nil {
		return false
	}
	return bytes.HasPrefix(line, []byte("HTTP/1.")) && (line[9] == '2' || line[9] == '3')
}

// watched looks for a text in what goes by, and keeps no more than it needs.
type watched struct {
	mu    sync.Mutex
	want  []byte
	tail  []byte
	once  sync.Once
	found chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.want) == 0 {
		return len(p), nil
	}
	w.tail = append(w.tail, p...)
	if bytes.Contains(w.tail, w.want) {
		w.once.Do(func() { close(w.found) })
	}
	if over := len(w.tail) - len(w.want); over > 0 {
		w.tail = append(w.tail[:0], w.tail[over:]...)
	}
	return len(p), nil
}

// Environ keeps of an environment what a program needs to run, and nothing
// that is ours.
func Environ(getenv func(string) string, more map[string]string) []string {
	env := []string{}
	for _, name := range []string{"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SYSTEMROOT"} {
		if v := getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	for name, v := range more {
		env = append(env, name+"="+v)
	}
	return env
}
