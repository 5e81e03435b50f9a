// Package git is the only place that runs git, always in the parent, with
// fixed arguments. The repository is hostile: its configuration may name
// programs (fsmonitor, hooks, filters, textconv, pagers, gpg), so every one of
// those is switched off, no configuration of the machine is read, no object
// is fetched lazily, and output is bounded.
package git

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/proc"
)

// ErrNotFound says that no git command was given (it is not installed).
var ErrNotFound = errors.New("git is not installed")

// ErrNoRepository says that the directory belongs to no git repository.
var ErrNoRepository = errors.New("not a git repository")

// maxOutput bounds what one git command may print into memory: a listing of a
// million files with long names.
const maxOutput = 512 << 20

// killDelay is how long the end of a killed command is waited for.
const killDelay = 5 * time.Second

// Repo is a repository with a work tree (or a bare one, then Top is empty).
type Repo struct {
	git string
	// Dir is the absolute git directory, Top the root of the work tree.
	Dir, Top string
	Bare     bool
	env      []string
	// group is for commands that start others (git-remote-https, ssh), which
	// would outlive one that is killed and hold what it wrote to.
	group bool
}

// Open finds the repository that dir belongs to. program is the git command's
// path ("" gives ErrNotFound).
func Open(ctx context.Context, program, dir string) (*Repo, error) {
	if program == "" {
		return nil, ErrNotFound
	}
	r := &Repo{git: program, env: baseEnv(dir)}
	out, err := r.output(ctx, dir, "rev-parse", "--absolute-git-dir", "--is-bare-repository")
	if err != nil {
		if strings.Contains(err.Error(), "not a git repository") {
			return nil, ErrNoRepository
		}
		return nil, err
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 2 {
		return nil, fmt.Errorf("git rev-parse in %s: answered %d lines, not 2", dir, len(lines))
	}
	r.Dir, r.Bare = lines[0], lines[1] == "true"
	if !r.Bare {
		top, err := r.output(ctx, dir, "rev-parse", "--show-toplevel")
		if err != nil {
			return nil, err
		}
		r.Top = strings.TrimSuffix(string(top), "\n")
	}
	return r, r.disarm(ctx)
}

// baseEnv is the whole environment of every git command.
func baseEnv(dir string) []string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		abs = dir
	}
	env := []string{
		"LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=",
		"GIT_PAGER=cat", "GIT_EDITOR=false", "GIT_ASKPASS=false", "GIT_SSH_COMMAND=false", "GIT_NO_REPLACE_OBJECTS=1",
		// A directory owned by somebody else is the normal case in CI
		// containers. What safe.directory protects from is switched off here.
		"GIT_CEILING_DIRECTORIES=", "HOME=/nonexistent",
	}
	return append(env, configEnv([][2]string{
		{"safe.directory", "*"}, {"safe.directory", abs},
		{"core.fsmonitor", "false"}, {"core.hooksPath", "/dev/null"}, {"core.pager", "cat"},
		{"core.attributesFile", "/dev/null"}, {"core.excludesFile", "/dev/null"}, {"core.untrackedCache", "false"},
		{"protocol.allow", "never"}, {"log.showSignature", "false"}, {"log.mailmap", "false"},
		{"diff.external", ""}, {"core.quotePath", "true"}, {"diff.renames", "true"}, {"diff.mnemonicPrefix", "false"},
		{"diff.noprefix", "false"}, {"diff.algorithm", "default"}, {"diff.orderFile", "/dev/null"}, {"color.ui", "false"},
		{"diff.submodule", "short"}, {"diff.suppressBlankEmpty", "false"}, {"diff.context", "3"}, {"diff.interHunkContext", "0"},
	})...)
}

// configEnv writes settings in the form that wins over every file
// (git-config(1), GIT_CONFIG_COUNT).
func configEnv(kv [][2]string) []string {
	env := []string{"GIT_CONFIG_COUNT=" + strconv.Itoa(len(kv))}
	for i, p := range kv {
		n := strconv.Itoa(i)
		env = append(env, "GIT_CONFIG_KEY_"+n+"="+p[0], "GIT_CONFIG_VALUE_"+n+"="+p[1])
	}
	return env
}

// disarm empties every filter and diff driver that the repository's own
// configuration defines, since those are commands. It is asked without --local,
// which passes over .git/config.worktree; every other command reads that.
func (r *Repo) disarm(ctx context.Context) error {
	out, err := r.output(ctx, r.Dir, "config", "--includes", "--null", "--name-only", "--list")
	if err != nil {
		return err
	}
	var kv [][2]string
	for _, key := range strings.Split(string(out), "\x00") {
		lower := strings.ToLower(key)
		switch {
		case strings.HasPrefix(lower, "filter.") && strings.HasSuffix(lower, ".required"):
			kv = append(kv, [2]string{key, "false"})
		case strings.HasPrefix(lower, "filter."), strings.HasPrefix(lower, "diff.") && strings.Count(lower, ".") > 1,
			strings.HasPrefix(lower, "gpg."):
			kv = append(kv, [2]string{key, ""})
		}
	}
	if len(kv) == 0 {
		return nil
	}
	// The count comes first and is replaced; the keys go on from where the
	// base settings ended.
	base := 0
	for i, e := range r.env {
		if n, ok := strings.CutPrefix(e, "GIT_CONFIG_COUNT="); ok {
			base, _ = strconv.Atoi(n)
			r.env[i] = "GIT_CONFIG_COUNT=" + strconv.Itoa(base+len(kv))
		}
	}
	for i, p := range kv {
		n := strconv.Itoa(base + i)
		r.env = append(r.env, "GIT_CONFIG_KEY_"+n+"="+p[0], "GIT_CONFIG_VALUE_"+n+"="+p[1])
	}
	return nil
}

func (r *Repo) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.git, append([]string{"--no-pager", "--literal-pathspecs"}, args...)...)
	cmd.Dir = dir
	cmd.Env = r.env
	if r.group {
		proc.Group(cmd)
		cmd.Cancel = func() error { proc.Kill(cmd); return nil }
		cmd.WaitDelay = killDelay
	}
	return cmd
}

// output runs git and returns what it printed, or an error with its words.
func (r *Repo) output(ctx context.Context, dir string, args ...string) ([]byte, error) {
	var out bytes.Buffer
	if err := r.stream(ctx, dir, &out, maxOutput, args...); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// stream runs git and copies at most limit bytes of its output; more is an error.
func (r *Repo) stream(ctx context.Context, dir string, w io.Writer, limit int64, args ...string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return r.run(ctx, cancel, r.command(ctx, dir, args...), w, limit, args[0])
}

// run is one command, which ends when cancel is called; verb is what it is
// called in an error.
func (r *Repo) run(ctx context.Context, cancel func(), cmd *exec.Cmd, w io.Writer, limit int64, verb string) error {
	var words bytes.Buffer
	cmd.Stderr = &limitedWriter{w: &words, left: 4096}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("git %s: %w", verb, err)
	}
	n, copyErr := io.Copy(w, io.LimitReader(pipe, limit+1))
	if n > limit {
		cancel()
		_ = cmd.Wait() // it was killed; the limit is the news
		return fmt.Errorf("git %s in %s: printed more than %d bytes", verb, cmd.Dir, limit)
	}
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("git %s in %s: %s", verb, cmd.Dir, cmp.Or(strings.TrimSpace(words.String()), err.Error()))
	}
	return copyErr
}

// limitedWriter keeps the first bytes and swallows the rest.
type limitedWriter struct {
	w    io.Writer
	left int
}

func (l *limitedWriter) Write(p []byte) (int, error) {
	keep := min(len(p), l.left)
	l.left -= keep
	if _, err := l.w.Write(p[:keep]); err != nil {
		return 0, err
	}
	return len(p), nil
}
