package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/egress"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/pipelines"
	"github.com/vitalsign-dev/vitalsign/pipelines/dagger"
	"github.com/vitalsign-dev/vitalsign/pipelines/local"
)

// Variables by which Dagger's own tools find their command and their engine.
const (
	daggerCLIEnv  = "_EXPERIMENTAL_DAGGER_CLI_BIN"
	daggerHostEnv = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
)

// openedEngine is an engine and what ends it.
type openedEngine struct {
	engine pipelines.Engine
	// factor is how many times the work of one machine it can take.
	factor int
	close  func() error
	// versions names the engines and their versions.
	versions string
	// log is the file with Dagger's own words, "" without one.
	log string
}

// openEngine gives the engine that a choice means. A Dagger engine that was
// asked for and cannot be had fails every step: nobody asked for another one.
// Left to choose, the local engine takes its place and one line says so.
func (a *app) openEngine(ctx context.Context, choice config.Engine, tool local.Tool, p report.Progress) openedEngine {
	inside := local.Engine{Program: tool.Program, Temp: os.TempDir(), Path: a.getenv("PATH"), Proxy: egress.Through(a.proxies(), nil)}
	here := openedEngine{engine: inside, factor: 1, close: func() error { return nil }}
	switch choice.Kind {
	case config.EngineLocal:
		return here
	case config.EngineAuto:
		if a.getenv(daggerHostEnv) == "" {
			p.Say("engine: local (no Dagger engine is named)")
			return here
		}
	}
	e, err := a.openDagger(ctx, choice, inside, p)
	switch {
	case err == nil:
		return e
	case choice.Kind == config.EngineAuto:
		p.Say("engine: local (" + err.Error() + ")")
		return here
	}
	return openedEngine{engine: pipelines.Unavailable("dagger", err), factor: 1, close: here.close}
}

func (a *app) openDagger(ctx context.Context, choice config.Engine, inside local.Engine, p report.Progress) (openedEngine, error) {
	cli, err := a.daggerCLI()
	if err != nil {
		return openedEngine{}, err
	}
	log, name := a.daggerLog()
	addresses := choice.Addresses
	if len(addresses) == 0 {
		addresses = []string{a.getenv(daggerHostEnv)}
	}
	var configs []dagger.Config
	for _, address := range addresses {
		configs = append(configs, dagger.Config{
			CLI: cli, Address: address, Env: a.daggerEnviron(), Program: inside.Program, Temp: inside.Temp, Local: inside, Log: log,
		})
	}
	pool, err := dagger.OpenPool(ctx, configs, p.Say)
	if err != nil {
		return openedEngine{}, errors.Join(err, log.Close())
	}
	versions := strings.Join(pool.Versions(), ", ")
	p.Say("engine: " + versions)
	return openedEngine{engine: pool, factor: pool.Size(), versions: versions, log: name, close: func() error { return errors.Join(pool.Close(), log.Close()) }}, nil
}

// closeEngine ends the engine, and names the file with Dagger's own words when
// a step may need them to be understood.
func (s *scanner) closeEngine(runs []checks.Run) {
	if err := s.engine.close(); err != nil {
		s.progress.Say("the engine did not end as it should: " + err.Error())
	}
	failed := func(r checks.Run) bool {
		return slices.ContainsFunc(r.Steps, func(st checks.Step) bool { return st.Status == checks.Failed })
	}
	if s.engine.log != "" && slices.ContainsFunc(runs, failed) {
		s.progress.Say("Dagger's own log: " + s.engine.log)
	}
}

// daggerCLI is Dagger's command: where its variable says, or on the PATH. It
// is never downloaded.
func (a *app) daggerCLI() (string, error) {
	name := a.getenv(daggerCLIEnv)
	if name == "" {
		name = "dagger"
	}
	p, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%w: the dagger command is not installed (%s); install it, or use --engine local", dagger.ErrEngine, name)
	}
	return filepath.Abs(p)
}

// daggerEnviron is what Dagger's command may know: how to reach an engine,
// and nothing of ours (keys, tokens).
func (a *app) daggerEnviron() []string {
	return a.environ(
		"HOME", "USER", "PATH", "TMPDIR", "SSH_AUTH_SOCK", "KUBECONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
		"DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	)
}

// keptLogs is how many logs of Dagger stay, and maxLog how large one grows.
const (
	keptLogs = 10
	maxLog   = 16 << 20 // bytes
)

// daggerLog opens a file for what Dagger itself has to say. Without one its
// words are dropped: they decide nothing.
func (a *app) daggerLog() (io.WriteCloser, string) {
	dir := filepath.Join(a.stateDir(), "logs")
	if a.stateDir() == "" || os.MkdirAll(dir, 0o700) != nil {
		return nowhere{}, ""
	}
	old, _ := filepath.Glob(filepath.Join(dir, "dagger-*.log")) // the pattern is well formed
	slices.Sort(old)
	for len(old) >= keptLogs {
		_ = os.Remove(old[0]) // another scan may have removed it
		old = old[1:]
	}
	name := filepath.Join(dir, "dagger-"+a.now().UTC().Format("20060102T150405.000000000")+".log")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nowhere{}, ""
	}
	return &boundedLog{f: f, left: maxLog}, name
}

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Close() error                { return nil }

// boundedLog drops what is too much, since nobody waits for a log.
type boundedLog struct {
	mu   sync.Mutex // several sessions write
	f    *os.File
	left int
}

func (b *boundedLog) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(p), b.left)
	b.left -= n
	if _, err := b.f.Write(p[:n]); err != nil {
		b.left = 0
	}
	return len(p), nil
}

func (b *boundedLog) Close() error { return b.f.Close() }
