package goscan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Faces says what packages show to those that import them: their declarations
// without function bodies, which is all that loader.check looks at. What a
// package's answer hangs on in others has not changed as long as their faces
// have not. It serves one goroutine.
type Faces struct {
	tree  *tree
	known map[string]string // by directory
}

// NewFaces makes Faces over the tree and under the limits of a Scan.
func NewFaces(fsys fs.FS, o Options) *Faces {
	return &Faces{tree: &tree{fsys: fsys, opt: o.withDefaults()}, known: map[string]string{}}
}

// Of is the digest, in hex, of what the packages in some directories show,
// whether those are there or not. Their order does not matter.
func (f *Faces) Of(dirs []string) string {
	dirs = slices.Clone(dirs)
	slices.Sort(dirs)
	h := sha256.New()
	for _, dir := range slices.Compact(dirs) {
		fmt.Fprintf(h, "%q %s\n", dir, f.dir(dir)) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (f *Faces) dir(dir string) string {
	if known, ok := f.known[dir]; ok {
		return known
	}
	h, whole := sha256.New(), sha256.New()
	var size int64
	for _, name := range f.tree.goFiles(dir) {
		if strings.HasSuffix(name, "_test.go") {
			continue // nobody imports it
		}
		text, err := readFile(f.tree.fsys, path.Join(dir, name), f.tree.opt.MaxFileBytes)
		size += int64(len(text))
		fmt.Fprintf(h, "%q %s\n", name, faceOf(text, err))
		fmt.Fprintf(whole, "%q %x\n", name, sha256.Sum256(text))
	}
	// Which files of a very large package are looked at hangs on their sizes.
	if size > f.tree.opt.MaxPackageBytes/2 {
		h = whole
	}
	f.known[dir] = hex.EncodeToString(h.Sum(nil))
	return f.known[dir]
}

// faceOf is the digest of one file's face: all before the package clause (build
// constraints are there), and the tokens that are in no function's body. A file
// that cannot be parsed is known by all of its bytes, and by why.
func faceOf(text []byte, err error) string {
	h := sha256.New()
	var src source
	if err == nil {
		src, err = parseFile(token.NewFileSet(), "face.go", text, parser.SkipObjectResolution)
	}
	if err != nil {
		fmt.Fprintf(h, "%v\n", err)
		h.Write(text)
		return hex.EncodeToString(h.Sum(nil))
	}
	offset := func(p token.Pos) int { return int(p) - src.tok.Base() }
	h.Write(text[:offset(src.file.Package)])
	var bodies [][2]int // in order, as declarations are
	for _, d := range src.file.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
			bodies = append(bodies, [2]int{offset(fn.Body.Lbrace), offset(fn.Body.Rbrace)})
		}
	}
	set := token.NewFileSet()
	file := set.AddFile("face.go", -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return hex.EncodeToString(h.Sum(nil))
		}
		at := file.Offset(pos)
		for len(bodies) > 0 && at > bodies[0][1] {
			bodies = bodies[1:]
		}
		if len(bodies) > 0 && at > bodies[0][0] && at < bodies[0][1] {
			continue
		}
		if tok == token.SEMICOLON {
			lit = "" // written, or the end of a line
		}
		fmt.Fprintf(h, "%d ", tok)
		if tok.IsLiteral() {
			fmt.Fprintf(h, "%q ", lit)
		}
		io.WriteString(h, "\n")
	}
}
