package dagger

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/proc"
)

// session is a `dagger session` process: Dagger's own client, which carries
// our requests to the engine. The SDK would start it with our whole
// environment, and download it where it is not installed; here it gets the
// variables that it needs and no other, and is never downloaded. It implements
// engineconn.EngineConn.
type session struct {
	client *http.Client
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *proc.Tail
	gone   chan struct{} // closed when the process is
}

// closeGrace is how long a session may take to end: it flushes its logs.
const closeGrace = 10 * time.Second

// params is the line that a session writes when it is connected.
type params struct {
	Port         int    `json:"port"`
	SessionToken string `json:"session_token"`
}

// startSession runs the CLI and waits until it is connected to the engine, at
// most for timeout. What it has to say goes to log.
func startSession(ctx context.Context, c Config) (*session, error) {
	if err := knock(ctx, c.Address); err != nil {
		return nil, err
	}
	s := &session{
		cmd: exec.Command(c.CLI, "session", "--label", "dagger.io/sdk.name:go"),
		// A session ends by itself when its standard input is closed, also
		// when we are killed.
		gone: make(chan struct{}), stderr: &proc.Tail{},
	}
	s.cmd.Env = append([]string{}, c.Env...)
	if c.Address != "" {
		s.cmd.Env = append(s.cmd.Env, "_EXPERIMENTAL_DAGGER_RUNNER_HOST="+c.Address)
	}
	// Nothing of a scan leaves the house: no traces, no statistics.
	s.cmd.Env = append(s.cmd.Env, "DO_NOT_TRACK=1", "DAGGER_NO_NAG=1", "DAGGER_CLOUD_TOKEN=", "OTEL_SDK_DISABLED=true")
	s.cmd.Stderr = io.MultiWriter(c.log(), s.stderr)
	proc.Group(s.cmd)
	stdin, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	s.stdin = stdin
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s could not be started: %w", c.CLI, err)
	}
	p, err := s.await(ctx, stdout, c.timeout())
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.client = httpClient(p)
	return s, nil
}

// knockTimeout bounds the look whether anybody listens at an address.
const knockTimeout = 5 * time.Second

// knock finds out at once that nobody listens, which the CLI would go on
// trying for a while. Only addresses that are a socket's can be asked.
func knock(ctx context.Context, address string) error {
	scheme, rest, _ := strings.Cut(address, "://")
	if scheme != "unix" && scheme != "tcp" {
		return nil
	}
	d := net.Dialer{Timeout: knockTimeout}
	conn, err := d.DialContext(ctx, scheme, rest)
	if err != nil {
		return fmt.Errorf("nobody listens: %w", err)
	}
	return conn.Close()
}

// await reads the connection's parameters.
func (s *session) await(ctx context.Context, stdout io.Reader, timeout time.Duration) (params, error) {
	type answer struct {
		p   params
		err error
	}
	got := make(chan answer, 1)
	go func() {
		defer close(s.gone)
		r := bufio.NewReader(io.LimitReader(stdout, 1<<20))
		var a answer
		line, err := r.ReadBytes('\n')
		if err == nil {
			err = json.Unmarshal(line, &a.p)
		}
		a.err = err
		got <- a
		_, _ = io.Copy(io.Discard, stdout) // it says nothing more that we need
		_ = s.cmd.Wait()                   // how it ends says nothing about the engine
	}()
	select {
	case a := <-got:
		if a.err != nil {
			return a.p, fmt.Errorf("no connection: %s", lastLine(s.stderr))
		}
		return a.p, nil
	case <-ctx.Done():
		return params{}, ctx.Err()
	case <-time.After(timeout):
		return params{}, fmt.Errorf("no connection within %d s: %s", int(timeout.Seconds()), lastLine(s.stderr))
	}
}

// httpClient speaks to the session on loopback, with its token.
func httpClient(p params) *http.Client {
	var d net.Dialer
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", p.Port))
	}}
	return &http.Client{Transport: authorized{transport, p.SessionToken}}
}

type authorized struct {
	next  http.RoundTripper
	token string
}

func (a authorized) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(a.token, "")
	return a.next.RoundTrip(r)
}

// Do implements graphql.Doer.
func (s *session) Do(r *http.Request) (*http.Response, error) { return s.client.Do(r) }

// Host implements engineconn.EngineConn.
func (s *session) Host() string { return "dagger" }

// Close ends the session, and with it what the engine does for it.
func (s *session) Close() error {
	_ = s.stdin.Close() // closed already when the process is gone
	select {
	case <-s.gone:
	case <-time.After(closeGrace):
		proc.Kill(s.cmd)
		<-s.gone
	}
	return nil
}

// lastLine is the last line of a log that is not empty.
func lastLine(log *proc.Tail) string {
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return "the dagger command said nothing"
}
