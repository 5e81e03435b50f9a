package goscan

import (
	"go/ast"
	"go/build"
	"go/build/constraint"
	"io"
	"path"
	"slices"
	"strings"
)

// buildConfig is a platform and a set of tags that files are selected for.
type buildConfig struct {
	goos, goarch string
	noCgo        bool
	tags         string // sorted, comma-separated; a string so that configs compare
}

// baseConfig is what the embedded standard library was compiled for.
func baseConfig() buildConfig { return buildConfig{goos: "linux", goarch: "amd64"} }

func (c buildConfig) String() string {
	s := c.goos + "/" + c.goarch
	if c.noCgo {
		s += " without cgo"
	}
	if c.tags != "" {
		s += " tags " + c.tags
	}
	return s
}

// platforms are the ones tried, in this order, for a file that linux/amd64
// leaves out: the first of each operating system that the Go toolchain knows
// ("go tool dist list"), then the other architectures on Linux.
func platforms() [][2]string {
	return [][2]string{
		{"linux", "amd64"}, {"windows", "amd64"}, {"darwin", "arm64"}, {"freebsd", "amd64"},
		{"openbsd", "amd64"}, {"netbsd", "amd64"}, {"dragonfly", "amd64"}, {"solaris", "amd64"},
		{"illumos", "amd64"}, {"aix", "ppc64"}, {"plan9", "amd64"}, {"js", "wasm"}, {"wasip1", "wasm"},
		{"android", "arm64"}, {"ios", "arm64"},
		{"linux", "arm64"}, {"linux", "386"}, {"linux", "arm"}, {"linux", "ppc64le"}, {"linux", "ppc64"},
		{"linux", "s390x"}, {"linux", "riscv64"}, {"linux", "loong64"}, {"linux", "mips"},
		{"linux", "mipsle"}, {"linux", "mips64"}, {"linux", "mips64le"},
		{"windows", "arm64"}, {"windows", "386"}, {"darwin", "amd64"}, {"freebsd", "arm64"}, {"plan9", "386"},
	}
}

// matches reports whether the go command would build the file for c.
func (c buildConfig) matches(m *fileMeta) bool {
	if m.constraint.broken {
		return false
	}
	ctx := build.Context{
		GOOS: c.goos, GOARCH: c.goarch, Compiler: "gc", CgoEnabled: !c.noCgo,
		ReleaseTags: build.Default.ReleaseTags,
		JoinPath:    path.Join,
		OpenFile: func(string) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(m.constraint.header)), nil
		},
	}
	if c.tags != "" {
		ctx.BuildTags = strings.Split(c.tags, ",")
	}
	ok, err := ctx.MatchFile(m.dir, m.name)
	return ok && err == nil
}

// maxProbes bounds how many combinations of file, platform and tags are tried
// in one scan: about ten seconds. Files beyond are analysed one by one.
const maxProbes = 1_000_000

// configFor returns a config that takes the file in, preferring linux/amd64,
// then few tags, and false if there is none among those tried.
func (s *scan) configFor(m *fileMeta) (buildConfig, bool) {
	for _, tags := range tagSets(m.constraint.tags) {
		for _, noCgo := range []bool{false, true} {
			for _, p := range platforms() {
				c := buildConfig{goos: p[0], goarch: p[1], noCgo: noCgo, tags: tags}
				if s.probes++; s.probes > maxProbes {
					return buildConfig{}, false
				}
				if c.matches(m) {
					return c, true
				}
			}
		}
	}
	return buildConfig{}, false
}

// tagSets returns the sets of tags to try: all subsets of up to four tags,
// smallest first, and of more only none, each one, and all.
func tagSets(tags []string) []string {
	if len(tags) > 4 {
		return append(append([]string{""}, tags...), strings.Join(tags, ","))
	}
	sets := make([][]string, 0, 1<<len(tags))
	for bits := range 1 << len(tags) {
		set := []string{}
		for i, t := range tags {
			if bits>>i&1 == 1 {
				set = append(set, t)
			}
		}
		sets = append(sets, set)
	}
	slices.SortStableFunc(sets, func(a, b []string) int { return len(a) - len(b) })
	joined := make([]string, len(sets))
	for i, s := range sets {
		joined[i] = strings.Join(s, ",")
	}
	return joined
}

// constraints are a file's build constraints, apart from those in its name.
type constraints struct {
	header string   // a Go file with the same constraints and nothing else
	tags   []string // the sorted names in it that are not about platforms, compilers and releases
	broken bool     // not understood: no config takes the file in
}

const (
	// maxConstraint bounds the text of a file's constraints; real ones have a
	// line.
	maxConstraint = 4 << 10
	// maxTags bounds the tags of a file that are tried.
	maxTags = 16
)

// readConstraints collects what go/build would heed: the //go:build line, and
// "// +build" lines that a blank line parts from the package clause.
func readConstraints(f *ast.File) constraints {
	var header strings.Builder
	var c constraints
	for _, group := range f.Comments {
		for _, comment := range group.List {
			text := comment.Text
			if comment.Pos() > f.Package || !constraint.IsGoBuild(text) && (group == f.Doc || !constraint.IsPlusBuild(text)) {
				continue
			}
			if header.Len()+len(text) > maxConstraint {
				return constraints{broken: true}
			}
			header.WriteString(text + "\n")
			expr, err := constraint.Parse(text)
			if err != nil {
				return constraints{broken: true}
			}
			c.tags = appendTags(c.tags, expr)
		}
	}
	slices.Sort(c.tags)
	c.tags = slices.Compact(c.tags)
	c.tags = c.tags[:min(len(c.tags), maxTags)]
	c.header = header.String() + "\npackage p\n"
	return c
}

func appendTags(tags []string, expr constraint.Expr) []string {
	switch x := expr.(type) {
	case *constraint.TagExpr:
		if !predefined(x.Tag) {
			tags = append(tags, x.Tag)
		}
	case *constraint.NotExpr:
		tags = appendTags(tags, x.X)
	case *constraint.AndExpr:
		tags = appendTags(appendTags(tags, x.X), x.Y)
	case *constraint.OrExpr:
		tags = appendTags(appendTags(tags, x.X), x.Y)
	}
	return tags
}

// predefined reports whether the go command itself sets the tag.
func predefined(tag string) bool {
	switch tag {
	case "cgo", "gc", "gccgo", "unix":
		return true
	}
	if strings.HasPrefix(tag, "go1.") {
		return true
	}
	return slices.ContainsFunc(platforms(), func(p [2]string) bool { return p[0] == tag || p[1] == tag })
}
