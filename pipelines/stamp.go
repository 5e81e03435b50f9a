package pipelines

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// stamper says what some files of an inventory are, as one digest: whatever
// comes, goes or changes among them gives another. It is for one goroutine.
type stamper struct {
	files  []inventory.File
	byPath map[string]string // to the digest
	byDir  map[string][]inventory.File
	byName map[string][]inventory.File // in lower case
	stamps map[string]string           // of patterns
}

func newStamper(files []inventory.File) *stamper {
	s := &stamper{
		files: files, byPath: make(map[string]string, len(files)), byDir: map[string][]inventory.File{},
		byName: map[string][]inventory.File{}, stamps: map[string]string{},
	}
	for _, f := range files {
		s.byPath[f.Path] = f.SHA256
		s.byDir[path.Dir(f.Path)] = append(s.byDir[path.Dir(f.Path)], f)
		name := strings.ToLower(path.Base(f.Path))
		s.byName[name] = append(s.byName[name], f)
	}
	return s
}

// matching gives the files that a pattern means, in order of path.
func (s *stamper) matching(pattern string) ([]inventory.File, error) {
	kind, what, err := checks.ParseUse(pattern)
	if err != nil {
		return nil, err
	}
	switch kind {
	case checks.UseAll:
		return s.files, nil
	case checks.UseDir:
		return s.byDir[what], nil
	case checks.UseName:
		return s.byName[what], nil
	case checks.UseFile:
		if sum, ok := s.byPath[what]; ok {
			return []inventory.File{{Path: what, SHA256: sum}}, nil
		}
		return nil, nil
	}
	var out []inventory.File
	for name, files := range s.byName {
		if strings.HasSuffix(name, what) {
			out = append(out, files...)
		}
	}
	slices.SortFunc(out, func(a, b inventory.File) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// stamp is the digest of what a pattern means. A pattern of no known form gives
// "", which equals no stamp.
func (s *stamper) stamp(pattern string) string {
	if known, ok := s.stamps[pattern]; ok {
		return known
	}
	files, err := s.matching(pattern)
	if err != nil {
		return ""
	}
	h := sha256.New()
	writeFiles(h, files)
	out := hex.EncodeToString(h.Sum(nil))
	s.stamps[pattern] = out
	return out
}

func writeFiles(h hash.Hash, files []inventory.File) {
	for _, f := range files {
		writeEntry(h, f.Path, f.SHA256)
	}
}

// writeEntry is one line; neither a digest nor a space and a line's end in it
// can be confused with a path, which comes last and ends in a byte that none has.
func writeEntry(h hash.Hash, path, sum string) {
	io.WriteString(h, sum) // a hash never fails
	io.WriteString(h, " ")
	io.WriteString(h, path)
	h.Write([]byte{0})
}

// part is the digest of a part: its files, each of which must be there, and
// all that it uses. "" when a file is not there or a pattern is none.
func (s *stamper) part(p checks.Part) string {
	if len(p.Files) == 1 && len(p.Uses)+len(p.Faces) == 0 {
		return s.byPath[p.Files[0]] // the path is known from the part itself
	}
	h := sha256.New()
	for _, f := range p.Files {
		sum, ok := s.byPath[f]
		if !ok {
			return ""
		}
		writeEntry(h, f, sum)
	}
	for _, u := range slices.Concat(p.Uses, p.Faces) {
		sum := s.stamp(u)
		if sum == "" {
			return ""
		}
		writeEntry(h, u, sum)
	}
	return hex.EncodeToString(h.Sum(nil))
}
