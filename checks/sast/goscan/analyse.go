package goscan

import (
	"cmp"
	"context"
	"fmt"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks/sast/goscan/internal/stdtypes"
)

const (
	// grace is how long a package that was told to stop may take to do so. After
	// that its goroutine is left behind.
	grace = 2 * time.Second
	// maxAbandoned bounds the goroutines left behind: they still use memory and
	// a processor. After that no further package is started.
	maxAbandoned = 3
	// maxTypeErrors is how many are kept for people to read.
	maxTypeErrors = 5
)

// scan is the state of one call of Scan.
type scan struct {
	opt       Options
	tree      *tree
	fset      *token.FileSet
	std       *stdtypes.Set
	loaders   map[buildConfig]*loader
	dirs      []string
	probes    int // see maxProbes
	abandoned int
	result    Result
}

func newScan(fsys fs.FS, o Options) (*scan, error) {
	goVersion, err := stdtypes.GoVersion()
	if err != nil {
		return nil, err
	}
	// Packages that are imported by many are checked once, for all.
	return &scan{
		opt:     o,
		tree:    &tree{fsys: fsys, opt: o, modules: newModules(fsys, goVersion), uses: newUses()},
		fset:    token.NewFileSet(),
		std:     &stdtypes.Set{},
		loaders: map[buildConfig]*loader{},
	}, nil
}

// loaderFor returns the loader of a config. stop is set anew for each package.
func (s *scan) loaderFor(c buildConfig, stop *atomic.Bool) *loader {
	l := s.loaders[c]
	if l == nil {
		sizes := types.SizesFor("gc", c.goarch)
		l = &loader{
			tree: s.tree, fset: s.fset, std: s.std, config: c, sizes: sizes,
			loaded: map[string]*types.Package{}, loading: map[string]bool{},
		}
		s.loaders[c] = l
	}
	l.stop = stop
	return l
}

// analyse runs one unit under its time limit and adds what it gives to the
// result.
func (s *scan) analyse(ctx context.Context, u *unit) {
	if len(s.result.Issues) >= s.opt.MaxFindings {
		s.result.Truncated = true
		s.skipUnit(u, SkipMaxFindings, "limit reached in an earlier package")
		return
	}
	if s.abandoned >= maxAbandoned {
		s.skipUnit(u, SkipTimeout, "not started: earlier packages did not stop")
		return
	}
	unitCtx, cancel := context.WithTimeout(ctx, s.opt.PackageTimeout)
	defer cancel()
	j := s.newJob(u)
	go j.run()
	select {
	case <-j.done:
	case <-unitCtx.Done():
		j.stop.Store(true)
		select {
		case <-j.done:
		case <-time.After(grace):
			s.abandon()
		}
	}
	if ctx.Err() == nil {
		s.collect(u, j)
	}
}

// abandon gives up on a goroutine that may go on using the loaders, the file set
// and the standard library's types, and continues with fresh ones.
func (s *scan) abandon() {
	s.abandoned++
	s.loaders = map[buildConfig]*loader{}
	s.fset = token.NewFileSet()
	s.std = &stdtypes.Set{}
	known := s.tree.modules
	s.tree = &tree{fsys: s.tree.fsys, opt: s.opt, modules: newModules(known.fsys, known.newest), uses: s.tree.uses}
	s.tree.modules.learn(s.dirs)
}

// collect takes over what a job gave, whole or, if it was stopped, in part.
func (s *scan) collect(u *unit, j *job) {
	partial := j.stop.Load()
	out, ok := j.latest()
	if !ok {
		s.skipUnit(u, SkipTimeout, fmt.Sprintf("over %v", s.opt.PackageTimeout))
		return
	}
	s.result.Skipped = append(s.result.Skipped, out.skipped...)
	s.result.Packages = append(s.result.Packages, out.pkg)
	if partial {
		for _, f := range out.pkg.Files {
			s.result.Skipped = append(s.result.Skipped, Skip{f, SkipTimeout, "data-flow rules did not finish"})
		}
	}
	issues := slices.SortedFunc(slices.Values(out.issues), compareIssues)
	issues = slices.CompactFunc(issues, func(a, b Issue) bool { return compareIssues(a, b) == 0 })
	if room := s.opt.MaxFindings - len(s.result.Issues); len(issues) > room {
		issues = issues[:room]
		s.result.Truncated = true
		s.skipUnit(u, SkipMaxFindings, "only some findings of this package are kept")
	}
	s.result.Issues = append(s.result.Issues, issues...)
}

func (s *scan) skipUnit(u *unit, reason, detail string) {
	for _, f := range slices.Sorted(maps.Keys(u.report)) {
		s.result.Skipped = append(s.result.Skipped, Skip{f, reason, detail})
	}
}

// parse reads the unit's files, the reported ones first so that they are the
// last to fall to the size limit, and returns those that could be parsed in
// order of name.
func (j *job) parse() []source {
	order := slices.Clone(j.unit.files)
	slices.SortStableFunc(order, func(a, b *fileMeta) int {
		return -compareBool(j.unit.report[a.path], j.unit.report[b.path])
	})
	budget := j.opt.MaxPackageBytes
	var sources []source
	for _, m := range order {
		if j.stop.Load() {
			return nil
		}
		if m.size > budget {
			j.skip(m.path, &skipError{SkipTooLarge, fmt.Sprintf("package over %d bytes", j.opt.MaxPackageBytes)})
			continue
		}
		src, err := j.parseOne(m)
		if err != nil {
			j.skip(m.path, err)
			continue
		}
		budget -= m.size
		sources = append(sources, src)
	}
	slices.SortFunc(sources, func(a, b source) int { return cmp.Compare(a.path, b.path) })
	return sources
}

func (j *job) parseOne(m *fileMeta) (source, error) {
	text, err := readFile(j.loader.tree.fsys, m.path, j.opt.MaxFileBytes)
	if err != nil {
		return source{}, err
	}
	return parseFile(j.fset, m.path, text, parser.ParseComments)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
