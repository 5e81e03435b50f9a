// Package goscan looks for security weaknesses in Go sources with gosec's rules,
// without a Go installation and without running anything.
//
// gosec itself loads packages through the go command. Here the sources come
// from an fs.FS, the standard library's types are embedded (internal/stdtypes),
// packages of the same tree or of its vendor folders are type-checked from
// source, and everything else is unknown: an expression whose type hangs on an
// unknown package is invalid. gosec's rules on syntax see all of the code; its
// rules on data flow see it without the statements that hold such expressions,
// and Package.Untyped says how many those were.
//
// One directory may be several packages: by name, by external tests, and by
// build constraint. Files that linux/amd64 leaves out are looked at under the
// first platform and set of tags that takes them in, so no constraint hides a
// file. gosec's suppression comments are off, and so are //line directives:
// a position is always where the code is.
//
// The tree is hostile. File, package, nesting, finding and time limits hold
// (Options), a panic inside a rule costs that rule on that package, and what was
// not looked at is in Result.Skipped. What cannot be contained, a stack overflow
// or memory exhaustion in the type checker, ends the process: run Scan in a
// child whose death is a failure.
//
// The process must have GoVersionEnv set to GoVersion before Scan is called.
package goscan

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/securego/gosec/v2"
)

// GoVersionEnv must be set to GoVersion in the environment of the process, by
// its main, before Scan. gosec asks for the scanned module's Go version once per
// process: from this variable, or else by running "go list" in the current
// directory, and there is no other way to tell it.
const GoVersionEnv = "GOSECGOVERSION"

// GoVersion is below 1.22 so that gosec's G601 (implicit aliasing in range
// loops) speaks; Scan then drops what it says about files whose own language
// version is 1.22 or later. The patch number tells this value from any other.
const GoVersion = "1.21.99"

// Defaults of Options.
const (
	// DefaultMaxFileBytes is above the largest hand-written files and most
	// generated ones (the AWS SDK's reach 3 MB).
	DefaultMaxFileBytes = 4 << 20
	// DefaultMaxPackageBytes keeps one package's syntax and types within some
	// 500 MB: measured at 30 to 40 bytes per byte of source.
	DefaultMaxPackageBytes = 12 << 20
	// DefaultMaxFindings is more than anyone reads; a tree of generated code has
	// given 39,000.
	DefaultMaxFindings = 10_000
	// DefaultPackageTimeout is a hundred times what a large package needs.
	DefaultPackageTimeout = time.Minute
)

// Options bound the work. Numbers that are zero take the defaults named in the
// constants; the booleans are as given (see DefaultOptions).
type Options struct {
	MaxFileBytes    int64
	MaxPackageBytes int64
	MaxFindings     int
	PackageTimeout  time.Duration
	// Tests includes _test.go files.
	Tests bool
	// Generated includes files marked "Code generated … DO NOT EDIT.".
	Generated bool
	// Others are further Go files of the tree. They are not analysed, but the
	// modules that they are in are known, as if they were.
	Others []string
}

// DefaultOptions returns the default limits, with tests and generated files
// included.
func DefaultOptions() Options {
	return Options{Tests: true, Generated: true}.withDefaults()
}

func (o Options) withDefaults() Options {
	o.MaxFileBytes = cmp.Or(max(o.MaxFileBytes, 0), DefaultMaxFileBytes)
	o.MaxPackageBytes = cmp.Or(max(o.MaxPackageBytes, 0), DefaultMaxPackageBytes)
	o.MaxFindings = cmp.Or(max(o.MaxFindings, 0), DefaultMaxFindings)
	o.PackageTimeout = cmp.Or(max(o.PackageTimeout, 0), DefaultPackageTimeout)
	return o
}

// Issue is one weakness at one place.
type Issue struct {
	RuleID     string // "G401"
	Severity   string // HIGH, MEDIUM or LOW
	Confidence string // HIGH, MEDIUM or LOW
	CWE        string // "327", or empty
	Message    string
	Path       string // as given to Scan
	Line       int    // 1-based, like EndLine and Column (in bytes)
	EndLine    int
	Column     int
	// Literals are, for G101 (hardcoded credentials) only, the values of the
	// string literals on the flagged lines, for the caller to redact; one that is
	// spelled with escapes is there as it is spelled, too.
	Literals []string
	Autofix  string
}

// Package is one set of files that was analysed together.
type Package struct {
	Dir   string
	Path  string // import path, or Dir where no go.mod gives one
	Name  string
	Build string // "linux/amd64", or the platform and tags that take the files in
	// Files are those of the files given to Scan that were analysed here.
	Files []string
	// Untyped counts statements that data-flow rules did not see, because types
	// were unknown.
	Untyped int
	// TypeErrors are the first few, with quoted text removed.
	TypeErrors []string
	// Panicked names what failed inside gosec or the type checker, or is empty.
	Panicked string
}

// Reasons of a Skip.
const (
	SkipUnreadable  = "unreadable"   // missing, not a regular file, or a path that is none
	SkipUnparsable  = "unparsable"   // not Go, as far as this release of Go knows
	SkipTooLarge    = "too-large"    // over MaxFileBytes, or the package over MaxPackageBytes
	SkipTooDeep     = "too-deep"     // nested beyond maxDepth
	SkipTooComplex  = "too-complex"  // a rule that would need too much memory has not run
	SkipTimeout     = "timeout"      // the package took longer than PackageTimeout
	SkipGenerated   = "generated"    // left out by Options.Generated
	SkipTest        = "test"         // left out by Options.Tests
	SkipMaxFindings = "max-findings" // MaxFindings was reached before this file
)

// Skip is a file that was not, or not wholly, analysed.
type Skip struct {
	File   string
	Reason string
	Detail string // for people; no text of the file
}

// Result is what Scan found and what it looked at. Every file given to Scan is
// in at least one Package's Files or in Skipped; it can be in both after a
// timeout, when only some rules have run.
type Result struct {
	Issues   []Issue
	Packages []Package
	Skipped  []Skip
	// Truncated says that MaxFindings was reached.
	Truncated bool
	// Uses says of each directory of Packages in which others of the tree its
	// types were looked for, whether they are there or not, over all imports of
	// imports. What is known of the directory also hangs on every go.mod.
	Uses map[string][]string
}

// ErrGoVersion is returned by Scan when gosec does not see GoVersion.
var ErrGoVersion = errors.New("goscan: " + GoVersionEnv + " must be set to " + GoVersion + " when the process starts")

// Scan analyses the Go packages that the given files (slash-separated paths in
// fsys, names ending in .go) belong to. Other files of the same tree are read
// for their types only. progress, if not nil, is called from this goroutine with
// the number of packages done and planned.
//
// Issues are sorted by path, line, column, rule and message, and the same input
// gives the same result, whatever the order of files. The error is that of ctx,
// or ErrGoVersion, or says that the program's own data is damaged; a bad tree
// gives no error but Skipped entries.
func Scan(ctx context.Context, fsys fs.FS, files []string, o Options, progress func(done, total int)) (Result, error) {
	if err := checkGoVersion(); err != nil {
		return Result{}, err
	}
	if progress == nil {
		progress = func(int, int) {}
	}
	s, err := newScan(fsys, o.withDefaults())
	if err != nil {
		return Result{}, err
	}
	units, err := s.plan(ctx, files)
	if err != nil {
		return Result{}, err
	}
	progress(0, len(units))
	for i, u := range units {
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
		s.analyse(ctx, u)
		progress(i+1, len(units))
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	return s.finish(), nil
}

func checkGoVersion() error {
	major, minor, patch := gosec.GoVersion()
	if major != 1 || minor != 21 || patch != 99 {
		return ErrGoVersion
	}
	return nil
}

// finish sorts and returns what was collected.
func (s *scan) finish() Result {
	slices.SortFunc(s.result.Issues, compareIssues)
	slices.SortFunc(s.result.Skipped, func(a, b Skip) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Detail, b.Detail))
	})
	s.result.Skipped = slices.Compact(s.result.Skipped)
	s.result.Uses = map[string][]string{}
	for _, p := range s.result.Packages {
		if _, done := s.result.Uses[p.Dir]; !done {
			s.result.Uses[p.Dir] = s.tree.uses.from(p.Dir)
		}
	}
	return s.result
}

func compareIssues(a, b Issue) int {
	return cmp.Or(
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column),
		cmp.Compare(a.RuleID, b.RuleID),
		cmp.Compare(a.Message, b.Message),
		cmp.Compare(a.EndLine, b.EndLine),
		cmp.Compare(a.Severity, b.Severity),
		cmp.Compare(a.Confidence, b.Confidence),
	)
}
