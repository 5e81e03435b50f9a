package goscan

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io"
	"io/fs"
	"strings"
)

// maxDepth bounds the nesting of syntax. The type checker, the SSA builder and
// gosec recurse over it, and a stack overflow ends the process; a sum of a
// thousand terms is a thousand deep. (The parser itself ends at a depth of a
// thousand scopes or a hundred thousand nodes.)
const maxDepth = 10_000

// noSuchFile precedes file names in the FileSet. gosec opens files by the name
// it finds there to quote code; a NUL byte makes every such attempt fail before
// it reaches the operating system.
const noSuchFile = "\x00/"

// source is one file of a package that is being analysed.
type source struct {
	path string
	text []byte
	file *ast.File
	tok  *token.File
}

// skipError is why a file cannot be used.
type skipError struct{ reason, detail string }

func (e *skipError) Error() string { return e.reason + ": " + e.detail }

// readFile reads one regular file of at most limit bytes.
func readFile(fsys fs.FS, path string, limit int64) ([]byte, error) {
	if !fs.ValidPath(path) {
		return nil, &skipError{SkipUnreadable, "not a valid path"}
	}
	f, err := fsys.Open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, unreadable(err)
	}
	if !info.Mode().IsRegular() {
		return nil, &skipError{SkipUnreadable, "not a regular file"}
	}
	// The size is read, not believed.
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, unreadable(err)
	}
	if int64(len(text)) > limit {
		return nil, &skipError{SkipTooLarge, fmt.Sprintf("over %d bytes", limit)}
	}
	return text, nil
}

// unreadable keeps the cause of an error and drops the path that it repeats.
func unreadable(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &skipError{SkipUnreadable, err.Error()}
}

// parseFile parses text and adds the file to fset, or returns a *skipError.
//
// The parser runs on a file set of its own that starts at the same position,
// because it would apply //line directives to the one it is given, and there is
// no way to take them back: they would move an issue, and the lines whose
// literals are redacted, to anywhere.
//
// Object resolution stays on: G110, G201, G202 and G304 need it.
func parseFile(fset *token.FileSet, path string, text []byte, mode parser.Mode) (source, error) {
	tok := fset.AddFile(noSuchFile+path, -1, len(text))
	scratch := token.NewFileSet()
	if base := tok.Base(); base > 1 {
		scratch.AddFile("", 1, base-2) // so that the next file starts at base
	}
	file, err := parser.ParseFile(scratch, "", text, mode)
	if err != nil {
		fset.RemoveFile(tok)
		return source{}, syntaxError(err)
	}
	if deeper(file, maxDepth) {
		fset.RemoveFile(tok)
		return source{}, &skipError{SkipTooDeep, fmt.Sprintf("nested more than %d deep", maxDepth)}
	}
	tok.SetLines(scratch.File(file.FileStart).Lines())
	return source{path: path, text: text, file: file, tok: tok}, nil
}

// syntaxError words the first syntax error without quoting the file.
func syntaxError(err error) *skipError {
	var list scanner.ErrorList
	if !errors.As(err, &list) || len(list) == 0 {
		return &skipError{SkipUnparsable, "syntax error"}
	}
	msg, _, _ := strings.Cut(list[0].Msg, ", found")
	e := &skipError{SkipUnparsable, fmt.Sprintf("line %d: %s", list[0].Pos.Line, wordless(msg))}
	if strings.HasPrefix(msg, "exceeded max") { // the parser's own limits
		e.reason = SkipTooDeep
	}
	return e
}

// deeper reports whether the tree under n is more than limit levels high.
func deeper(n ast.Node, limit int) bool {
	depth, found := 0, false
	ast.Inspect(n, func(n ast.Node) bool {
		if n == nil {
			depth--
			return false
		}
		if found = found || depth >= limit; found {
			return false // and Inspect sends no nil for this node
		}
		depth++
		return true
	})
	return found
}

// wordless shortens a message of the Go toolchain and removes what it quotes,
// since a quotation may be a secret: "…", `…` and everything on further lines.
func wordless(msg string) string {
	const limit = 200
	msg, _, _ = strings.Cut(msg, "\n")
	var b strings.Builder
	var open rune
	for i, r := range msg {
		switch {
		case b.Len() > limit:
			b.WriteString("…")
			return b.String()
		case open == 0:
			b.WriteRune(r)
			if r == '"' || r == '`' || r == '\'' && strings.Contains(msg[i+1:], "'") {
				open = r
			}
		case r == open && !escaped(msg[:i]):
			b.WriteString("…")
			b.WriteRune(r)
			open = 0
		}
	}
	return b.String()
}

// escaped reports whether s ends in an odd number of backslashes.
func escaped(s string) bool {
	return (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1
}
