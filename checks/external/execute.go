package external

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

// Names within the working directory. The tool may write below the first four
// only; the report that is handed on lies beside them, out of its reach.
const (
	sourceDir  = "src"
	homeDir    = "home"
	tempDir    = "tmp"
	outDir     = "out"
	filesDir   = "files"
	reportName = "report.sarif"
)

// Bounds of a tool's process beyond those of the job.
const (
	// memoryFactor: a tool with a language's runtime and its own workers takes
	// more than a child of ours.
	memoryFactor   = 4
	versionTimeout = 60 * time.Second
	maxVersion     = 200
	maxOpenFiles   = 4096
)

// Machine is what Execute needs of its surroundings.
type Machine struct {
	// Work is a directory that exists and is empty, for this step alone.
	Work string
	// Self is vitalsign-check, which is started again to put up the walls
	// (see Enter) as: Self ToolFlag SPEC.
	Self string
	// Path is the PATH in which the tool is looked up, and which it gets.
	// Entries that are not absolute are left out.
	Path string
}

// ToolFlag is the argument by which vitalsign-check calls Enter with the next.
const ToolFlag = "--tool"

// ErrMissing says that a tool's program is not there.
type ErrMissing struct{ Command, Install string }

func (e ErrMissing) Error() string {
	if e.Install == "" {
		return e.Command + " is not installed, or not in the PATH"
	}
	return fmt.Sprintf("%s is not installed, or not in the PATH; to install it: %s", e.Command, e.Install)
}

// Execute runs the job's tool on a copy of the target and returns where its
// report is. It answers only whether there is one; what that says is for the
// check of New, which gets it as job.Data[checks.ToolReport]. ToolRun says what
// is known of the program also when there is an error.
func Execute(ctx context.Context, job checks.Job, at Machine) (report string, run checks.ToolRun, err error) {
	if job.Tool == nil {
		return "", run, errors.New("the job declares no tool")
	}
	if err := Validate(*job.Tool); err != nil {
		return "", run, err
	}
	e, err := prepare(job, at)
	if err != nil {
		return "", run, err
	}
	if run.SHA256, err = wholefile.SHA256(e.program); err != nil {
		return "", run, err
	}
	if err := lay(ctx, job, e.dir(sourceDir)); err != nil {
		return "", run, fmt.Errorf("the target could not be laid out for %s: %w", job.Tool.Name, err)
	}
	run.Version = e.version(ctx)
	ended, err := e.run(ctx)
	run.Exit, run.Walls = ended.exit, ended.walls
	if err != nil {
		return "", run, fmt.Errorf("%s %w", job.Tool.Name, err)
	}
	report, err = e.collect(ended)
	return report, run, err
}

// execution is one tool on one target.
type execution struct {
	tool    checks.Tool
	limits  checks.Limits
	at      Machine
	program string
}

func prepare(job checks.Job, at Machine) (*execution, error) {
	work, err := filepath.Abs(at.Work)
	if err == nil {
		work, err = filepath.EvalSymlinks(work) // as the tool will say it in its report
	}
	if err != nil {
		return nil, err
	}
	at.Work, at.Path = work, absolutePath(at.Path)
	e := &execution{tool: *job.Tool, limits: job.Limits, at: at}
	if e.program, err = lookUp(e.tool.Command, at.Path); err != nil {
		return nil, ErrMissing{e.tool.Command, e.tool.Install}
	}
	for _, d := range []string{sourceDir, homeDir, tempDir, outDir, filesDir} {
		if err := os.Mkdir(e.dir(d), 0o700); err != nil {
			return nil, err
		}
	}
	for name, content := range e.tool.Files {
		if err := os.WriteFile(filepath.Join(e.dir(filesDir), name), []byte(e.words().Replace(content)), 0o600); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *execution) dir(name string) string { return filepath.Join(e.at.Work, name) }

func (e *execution) words() *strings.Replacer {
	return strings.NewReplacer("{target}", e.dir(sourceDir), "{report}", filepath.Join(e.dir(outDir), reportName), "{files}", e.dir(filesDir))
}

// absolutePath drops what a target could answer: the tool runs in it.
func absolutePath(list string) string {
	dirs := slices.DeleteFunc(filepath.SplitList(list), func(d string) bool { return !filepath.IsAbs(d) })
	return strings.Join(dirs, string(filepath.ListSeparator))
}

// lookUp finds a program by name in a PATH, or takes an absolute path.
func lookUp(command, list string) (string, error) {
	dirs := filepath.SplitList(list)
	if filepath.IsAbs(command) {
		dirs = []string{""}
	} else if command != filepath.Base(command) {
		return "", errors.New("a command is a name or an absolute path")
	}
	suffixes := []string{""}
	if runtime.GOOS == "windows" {
		suffixes = []string{"", ".exe", ".cmd"}
	}
	for _, d := range dirs {
		for _, s := range suffixes {
			name := filepath.Join(d, command) + s
			info, err := os.Stat(name)
			if err == nil && info.Mode().IsRegular() && (runtime.GOOS == "windows" || info.Mode()&0o111 != 0) {
				return name, nil
			}
		}
	}
	return "", os.ErrNotExist
}

// env is the whole environment of a tool: nothing of ours but the PATH.
func (e *execution) env() []string {
	vars := map[string]string{
		"PATH": e.at.Path, "HOME": e.dir(homeDir), "TMPDIR": e.dir(tempDir), "LC_ALL": "C.UTF-8", "TZ": "UTC",
	}
	for k, v := range e.tool.Env {
		vars[k] = e.words().Replace(v)
	}
	var out []string
	for k, v := range vars {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return out
}

// command makes the call with the given arguments.
func (e *execution) command(args []string, network bool) call {
	argv := []string{e.program}
	for _, a := range args {
		argv = append(argv, e.words().Replace(a))
	}
	cpu := uint64(max(0, e.limits.CPUSeconds))
	return call{
		self: e.at.Self, dir: e.dir(sourceDir), memory: e.limits.MemoryBytes * memoryFactor,
		spec: spec{
			Program: e.program, Args: argv, Env: e.env(),
			Walls: sandbox.ToolPolicy{
				Writable: []string{e.dir(sourceDir), e.dir(homeDir), e.dir(tempDir), e.dir(outDir)}, Network: network,
				Limits: sandbox.Limits{CPUSeconds: cpu, FileBytes: max(maxReport+1, uint64(max(0, e.limits.ScratchBytes))), OpenFiles: maxOpenFiles},
			},
		},
	}
}

// version asks the program who it is. One that does not say is still one.
func (e *execution) version(ctx context.Context) string {
	if len(e.tool.VersionArgs) == 0 {
		return ""
	}
	c := e.command(e.tool.VersionArgs, false)
	c.timeout, c.dir = versionTimeout, e.dir(homeDir)
	c.stdout = filepath.Join(e.dir(outDir), "version")
	if _, err := c.run(ctx); err != nil {
		return ""
	}
	b, err := readRegular(e.dir(outDir), "version", 64<<10)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		if line = plain(line, maxVersion); line != "" {
			return line
		}
	}
	return ""
}

// run runs the tool itself and judges how it ended.
func (e *execution) run(ctx context.Context) (ended, error) {
	c := e.command(e.tool.Args, e.tool.Network)
	c.timeout, c.limit = time.Duration(e.limits.WallMS)*time.Millisecond, "check_timeout"
	if t := time.Duration(e.tool.TimeoutMS) * time.Millisecond; t > 0 {
		c.timeout, c.limit = t, "the tool's timeout"
	}
	if e.tool.Stdout {
		c.stdout = filepath.Join(e.dir(outDir), reportName)
	}
	end, err := c.run(ctx)
	if err != nil {
		return end, err
	}
	if end.exit != 0 && !slices.Contains(e.tool.FindingsExit, end.exit) {
		return end, fmt.Errorf("ended with exit code %d; %s", end.exit, hint(end.words, e.tool))
	}
	return end, nil
}

// hint says what to do about a failure, from known words of standard error,
// which itself is not shown: it may quote the target.
func hint(words string, t checks.Tool) string {
	lower := strings.ToLower(words)
	for _, w := range []string{"name resolution", "network is unreachable", "no such host", "address family not supported", "connection refused", "econnrefused", "eai_again", "max retries exceeded"} {
		if strings.Contains(lower, w) {
			if t.Network {
				return "it could not reach what it wants from the network"
			}
			return "it wants the network, which its declaration does not allow (network: true would)"
		}
	}
	for _, w := range []string{"out of memory", "memoryerror", "cannot allocate memory"} {
		if strings.Contains(lower, w) {
			return "it ran out of memory"
		}
	}
	return "run it by hand to see what it says (what it writes to standard error may quote the target, and is not kept)"
}

// collect takes the report out of the tool's reach. The tool is gone by now;
// what it left behind as a link or a pipe is not followed.
func (e *execution) collect(end ended) (string, error) {
	b, err := readRegular(e.dir(outDir), reportName, maxReport)
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && len(b) == 0:
		return "", fmt.Errorf("%s exited %d and wrote no report", e.tool.Name, end.exit)
	case err != nil:
		return "", fmt.Errorf("the report of %s: %w", e.tool.Name, err)
	}
	name := filepath.Join(e.at.Work, reportName)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.Write(b)
	return name, errors.Join(err, f.Close())
}

// readRegular reads a file of a directory that somebody else could write.
func readRegular(dir, name string, most int64) ([]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close() // read only
	info, err := root.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	case info.Size() > most:
		return nil, fmt.Errorf("it is larger than %d MB", most>>20)
	}
	return root.ReadFile(name)
}

// spec is what a process needs to become the tool.
type spec struct {
	Program string             `json:"program"`
	Args    []string           `json:"args"`
	Env     []string           `json:"env"`
	Walls   sandbox.ToolPolicy `json:"walls"`
}

func (s spec) text() (string, error) {
	b, err := json.Marshal(s)
	return string(b), err
}
