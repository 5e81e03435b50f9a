// Package stdtypes knows the exported types of the standard library without a
// Go installation: they were exported once, at development time, and travel
// inside the program.
//
// The embedded file is a zstd frame around a container. The container's first
// line names the Go release it was made with; then comes one line per package,
// "path length", in order of path; then an empty line; then, in the same order,
// what golang.org/x/tools/go/gcexportdata wrote for each package. The target is
// linux/amd64 with cgo; packages named internal or vendor are left out, since
// nobody else may import them.
package stdtypes

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/tools/go/gcexportdata"
)

//go:generate go run generate.go

//go:embed std.bin.zst
var compressed []byte

// ErrNotStandard is returned by Set.Import for a path that is no importable
// package of the standard library.
var ErrNotStandard = errors.New("not a package of the standard library")

// maxContainer bounds the memory of decompression; the file is about 1.5 MB.
const maxContainer = 64 << 20

// archive is the decompressed container, cut up by package.
type archive struct {
	version string
	data    map[string][]byte
}

// load decompresses the container at the first use.
var load = sync.OnceValues(func() (*archive, error) {
	raw, err := container()
	if err != nil {
		return nil, err
	}
	return parse(raw)
})

func container() ([]byte, error) {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxContainer))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.DecodeAll(compressed, nil)
}

func parse(raw []byte) (*archive, error) {
	head, body, ok := bytes.Cut(raw, []byte("\n\n"))
	if !ok {
		return nil, errors.New("stdtypes: no end of index")
	}
	version, index, _ := strings.Cut(string(head), "\n")
	a := &archive{version: version, data: map[string][]byte{}}
	for line := range strings.SplitSeq(index, "\n") {
		path, size, _ := strings.Cut(line, " ")
		n, err := strconv.Atoi(size)
		if err != nil || n < 0 || n > len(body) {
			return nil, fmt.Errorf("stdtypes: bad index line %q", line)
		}
		a.data[path], body = body[:n:n], body[n:]
	}
	return a, nil
}

// GoVersion returns the Go release ("go1.26.8") whose types these are, or an
// error if the embedded data cannot be read.
func GoVersion() (string, error) {
	a, err := load()
	if err != nil {
		return "", err
	}
	return a.version, nil
}

// Paths returns the import path of every package known, sorted, or an error if
// the embedded data cannot be read. Package unsafe is not among them.
func Paths() ([]string, error) {
	a, err := load()
	if err != nil {
		return nil, err
	}
	paths := make([]string, 0, len(a.data))
	for p := range a.data {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths, nil
}

// Set is a universe of packages: two packages of one Set that mention the same
// type mention the same types.Type. Packages are decoded when they are asked
// for. The zero value is ready; it is safe for use by several goroutines.
type Set struct {
	mu     sync.Mutex
	loaded map[string]*types.Package
}

// Import returns the package at path. The error is ErrNotStandard for an
// unknown path; any other error says that the embedded data is damaged.
func (s *Set) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	a, err := load()
	if err != nil {
		return nil, err
	}
	data, ok := a.data[path]
	if !ok {
		return nil, ErrNotStandard
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loaded == nil {
		s.loaded = map[string]*types.Package{}
	}
	// A package that another one mentions is in the map too, but incomplete.
	if p := s.loaded[path]; p != nil && p.Complete() {
		return p, nil
	}
	// The data has no positions, so the file set stays empty.
	return gcexportdata.Read(bytes.NewReader(data), token.NewFileSet(), s.loaded, path)
}
