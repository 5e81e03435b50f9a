package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/egress"
	"github.com/vitalsign-dev/vitalsign/internal/proc"
)

// The child's ends of the pipes to the gate: the first descriptors after the
// standard ones (os/exec.Cmd.ExtraFiles).
const (
	GateIn  = 3
	GateOut = 4
)

// Bounds of the gate that nobody asks about: several times what the budget of
// requests can need.
const (
	openConnections = 256
	gateBytes       = 64 << 30
	sayGrace        = 30 * time.Second
)

// live runs a child that looks at a running application. The child has no
// network: it asks a gate here for every connection.
func (s Supervisor) live(ctx context.Context, job checks.Job, cmd *exec.Cmd, limits proc.Limits, out io.Writer) (proc.Usage, error) {
	gate, err := s.Gate(job)
	if err != nil {
		return proc.Usage{}, err
	}
	if job.Credentials == nil {
		job.Credentials = s.Credentials
	}
	if len(job.Credentials) > 0 {
		secret, err := json.Marshal(job.Credentials)
		if err != nil {
			return proc.Usage{}, err
		}
		cmd.Env = append(cmd.Env, checks.CredentialsEnv+"="+string(secret))
	}
	childIn, gateOut, err := os.Pipe()
	if err != nil {
		return proc.Usage{}, err
	}
	gateIn, childOut, err := os.Pipe()
	if err != nil {
		return proc.Usage{}, errors.Join(err, childIn.Close(), gateOut.Close())
	}
	cmd.ExtraFiles = []*os.File{childIn, childOut}
	served := make(chan error, 1)
	within, end := context.WithCancel(ctx)
	go func() { served <- gate.Run(within, duplex{gateIn, gateOut}) }()
	if job.Live.WallMS > 0 {
		// The check keeps to its time by itself, and says what it did not reach.
		limits.Wall = time.Duration(job.Live.WallMS)*time.Millisecond + sayGrace
	}
	usage, ended := proc.Run(ctx, cmd, limits, out)
	end()
	err = errors.Join(<-served, childIn.Close(), childOut.Close())
	switch {
	case ended != nil:
		return usage, ended
	case err != nil:
		return usage, fmt.Errorf("the gate: %w", err)
	case gate.Reached() == 0:
		return usage, fmt.Errorf("it never reached %s", job.Live.URL)
	}
	return usage, nil
}

// Gate holds what a job allows: the application's own host, the hosts of its
// list, and the canary.
func (s Supervisor) Gate(job checks.Job) (*egress.Gate, error) {
	own, err := HostOf(job.Live.URL)
	if err != nil {
		return nil, err
	}
	g := &egress.Gate{
		Allow: []egress.Host{own}, Open: openConnections, Bytes: gateBytes, Proxy: s.Proxy, Callback: job.Live.Callback,
		Serve: map[string]func(net.Conn){job.CanaryDir + checks.CanaryZone: canary},
	}
	if strings.HasPrefix(job.Live.URL, "https:") && own.Port == 443 {
		// Whether it answers without TLS beside it is a part of the question.
		g.Allow = append(g.Allow, egress.Host{Name: own.Name, Port: 80})
	}
	for _, text := range job.Live.Allow {
		h, err := egress.ParseHost(text)
		if err != nil {
			return nil, err
		}
		g.Allow = append(g.Allow, h)
	}
	return g, nil
}

// HostOf gives host and port of an application's URL, which must be http or
// https and hold no credentials.
func HostOf(text string) (egress.Host, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return egress.Host{}, errors.New("the address of the application is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return egress.Host{}, fmt.Errorf("the application's URL begins with %q, not with http:// or https://", u.Scheme)
	case u.User != nil:
		return egress.Host{}, errors.New("the application's URL holds credentials: name them by identities")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return egress.ParseHost(net.JoinHostPort(u.Hostname(), port))
}

// duplex is a pipe each way.
type duplex struct {
	io.ReadCloser
	w io.WriteCloser
}

func (d duplex) Write(p []byte) (int, error) { return d.w.Write(p) }
func (d duplex) Close() error                { return errors.Join(d.ReadCloser.Close(), d.w.Close()) }

// Inherited gives a child the pipes to its gate.
func Inherited() (io.ReadWriteCloser, error) {
	in, out := os.NewFile(GateIn, "gate"), os.NewFile(GateOut, "gate")
	if in == nil || out == nil {
		return nil, errors.New("no pipes were inherited")
	}
	if _, err := in.Stat(); err != nil {
		return nil, err
	}
	return duplex{in, out}, nil
}
