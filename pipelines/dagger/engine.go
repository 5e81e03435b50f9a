// Package dagger is the engine that runs each check as a container of a Dagger
// engine: the same vitalsign-check with the same job, the target and its data
// mounted, the answer taken back as files. It is the only package that knows
// Dagger.
//
// What it relies on was measured on v0.16.0: an exec is answered from the
// engine's cache when its program, its mounts' content and its arguments are
// the same; the value of a secret is no part of that. The engine has no limits
// for one exec and lets containers reach the network, so both are the
// program's own business (package supervise, internal/sandbox).
package dagger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"dagger.io/dagger"
	"golang.org/x/mod/semver"

	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// Config says which engine, and what runs there.
type Config struct {
	// CLI is the path of the dagger command.
	CLI string
	// Address is the engine's, as Dagger writes it (unix://PATH, tcp://HOST:PORT,
	// docker-container://NAME ...); "" leaves it to the CLI, which starts one
	// with Docker.
	Address string
	// Env is the whole environment of the CLI.
	Env []string
	// Program is the path of vitalsign-check, a static program for the
	// engine's system.
	Program string
	// Temp is the directory in which targets are laid out for the engine.
	Temp string
	// Local runs the external tools that are programs of this machine.
	Local pipelines.Engine
	// Log takes the CLI's and the engine's noise; nil drops it.
	Log io.Writer
}

// Times to connect: to an engine that is there, and to one that the CLI has to
// start.
const (
	connectTimeout   = 20 * time.Second
	provisionTimeout = 5 * time.Minute
)

func (c Config) timeout() time.Duration {
	if c.Address == "" {
		return provisionTimeout
	}
	return connectTimeout
}

func (c Config) log() io.Writer {
	if c.Log == nil {
		return io.Discard
	}
	return c.Log
}

// name is the engine for people.
func (c Config) name() string {
	if c.Address == "" {
		return "dagger"
	}
	return c.Address
}

// minVersion is the oldest engine that was tried.
const minVersion = "v0.16.0"

// Engine is one connected Dagger engine; see Pool for what runs plans on it.
type Engine struct {
	config  Config
	session *session
	client  *dagger.Client
	version string
}

// ErrEngine says that an engine cannot be used; the words say which and why.
var ErrEngine = errors.New("no Dagger engine")

// Open connects to the engine and asks for its version.
func Open(ctx context.Context, c Config) (*Engine, error) {
	s, err := startSession(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("%w at %s: %w", ErrEngine, c.name(), err)
	}
	client, err := dagger.Connect(ctx, dagger.WithConn(s))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w at %s: %w", ErrEngine, c.name(), err), s.Close())
	}
	e := &Engine{config: c, session: s, client: client}
	if e.version, err = e.askVersion(ctx, c.timeout()); err != nil {
		return nil, errors.Join(fmt.Errorf("%w at %s: %w", ErrEngine, c.name(), err), s.Close())
	}
	return e, nil
}

func (e *Engine) askVersion(ctx context.Context, timeout time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	v, err := e.client.Version(ctx)
	if err != nil {
		return "", err
	}
	if !semver.IsValid(v) || semver.Compare(v, minVersion) < 0 {
		return "", fmt.Errorf("it is of version %q; %s or later is needed", v, minVersion)
	}
	return v, nil
}

// Close ends the session, and what the engine still does for it.
func (e *Engine) Close() error { return e.session.Close() }

// alive asks the engine a question that costs nothing.
func (e *Engine) alive(ctx context.Context) bool {
	_, err := e.askVersion(ctx, aliveTimeout)
	return err == nil
}

const aliveTimeout = 5 * time.Second

// bound is an engine with one plan's target.
type bound struct {
	*Engine
	stage *stage
}
