package inventory

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// Display writes a name so that it is valid UTF-8, and the same name always
// the same way: each byte that is not part of a valid sequence as \xNN.
func Display(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[i])
		} else {
			b.WriteString(name[i : i+n])
		}
		i += n
	}
	return b.String()
}

// lfsHeader opens every Git LFS pointer file (git-lfs specification, "The
// Pointer": version is the first line). Pointers are smaller than 1024 bytes.
const lfsHeader = "version https://git-lfs.github.com/spec/v"

// pointerTo names the tool that keeps a file's content elsewhere, or "".
func pointerTo(name string, head []byte, size int64) string {
	switch {
	case size < 1024 && bytes.HasPrefix(head, []byte(lfsHeader)):
		return "Git LFS"
	case size < 32<<10 && bytes.HasPrefix(head, []byte("/annex/objects/")):
		return "git-annex" // an unlocked pointer (git-annex internals, "pointer files")
	case strings.HasSuffix(name, ".dvc") && bytes.Contains(head, []byte("outs:")):
		return "DVC"
	}
	return ""
}

// The roles of a file.
const (
	RoleSource    = "source"
	RoleTest      = "test"
	RoleGenerated = "generated"
	RoleVendored  = "vendored"
)

// generatedMarks are the headers that generators agree on: Go's
// (golang.org/s/generatedcode) and the @generated tag.
var generatedMarks = [...]string{"// Code generated ", "# Code generated ", "@generated"}

// role decides by trusted configuration first, then path, then header.
func (w *walker) role(p string, head []byte) string {
	if w.o.Roles != nil {
		if r := w.o.Roles(p); r != "" {
			return r
		}
	}
	lower := "/" + strings.ToLower(p)
	for _, dir := range []string{"/vendor/", "/node_modules/", "/third_party/"} {
		if strings.Contains(lower, dir) {
			return RoleVendored
		}
	}
	if Generated(head) {
		return RoleGenerated
	}
	if isTest(lower) {
		return RoleTest
	}
	return RoleSource
}

// Generated says whether the beginning of a file calls it generated. It looks
// for a mark in the first lines only: a mark further down, or within a string,
// would be an easy way to hide.
func Generated(head []byte) bool {
	for i, line := range bytes.SplitN(head, []byte("\n"), 21) {
		if i == 20 {
			break
		}
		for _, m := range generatedMarks {
			if at := bytes.Index(line, []byte(m)); at >= 0 && (m == "@generated" || at == 0 && bytes.Contains(line, []byte("DO NOT EDIT"))) {
				return true
			}
		}
	}
	return false
}

func isTest(lower string) bool {
	base := path.Base(lower)
	for _, dir := range []string{"/test/", "/tests/", "/testdata/", "/__tests__/", "/fixtures/", "/spec/"} {
		if strings.Contains(lower, dir) {
			return true
		}
	}
	stem := strings.TrimSuffix(base, path.Ext(base))
	return strings.HasSuffix(stem, "_test") || strings.HasSuffix(stem, ".test") || strings.HasSuffix(stem, ".spec") ||
		strings.HasPrefix(stem, "test_")
}

// Language gives the programming language of a file by its extension, in
// linguist's spelling, and "" for data, prose and what is not in the table. It
// serves to say which languages no check can read, so a language that is
// missing here is missing from that warning: add it.
func Language(p string) string {
	base := path.Base(p)
	if i := strings.LastIndexByte(base, '.'); i > 0 {
		return languageOf(strings.ToLower(base[i:]))
	}
	return ""
}

// languageOf settles extensions that several languages share by what a
// repository nearly always means.
func languageOf(ext string) string {
	switch ext {
	case ".go":
		return "Go"
	case ".ts", ".tsx", ".mts", ".cts":
		return "TypeScript"
	case ".js", ".jsx", ".mjs", ".cjs":
		return "JavaScript"
	case ".py", ".pyw":
		return "Python"
	case ".java":
		return "Java"
	case ".kt", ".kts":
		return "Kotlin"
	case ".cs":
		return "C#"
	case ".vb":
		return "Visual Basic .NET"
	case ".fs":
		return "F#"
	case ".c", ".h":
		return "C"
	case ".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx":
		return "C++"
	case ".rs":
		return "Rust"
	case ".rb", ".rake":
		return "Ruby"
	case ".php", ".phtml":
		return "PHP"
	case ".scala":
		return "Scala"
	case ".groovy":
		return "Groovy"
	case ".swift":
		return "Swift"
	case ".m", ".mm":
		return "Objective-C"
	case ".pl", ".pm":
		return "Perl"
	case ".sh", ".bash", ".zsh":
		return "Shell"
	case ".ps1", ".psm1":
		return "PowerShell"
	}
	return rareLanguageOf(ext)
}

func rareLanguageOf(ext string) string {
	switch ext {
	case ".r":
		return "R"
	case ".jl":
		return "Julia"
	case ".lua":
		return "Lua"
	case ".dart":
		return "Dart"
	case ".ex", ".exs":
		return "Elixir"
	case ".erl":
		return "Erlang"
	case ".hs":
		return "Haskell"
	case ".clj", ".cljs":
		return "Clojure"
	case ".sol":
		return "Solidity"
	case ".vue":
		return "Vue"
	case ".svelte":
		return "Svelte"
	case ".cbl", ".cob":
		return "COBOL"
	case ".pas", ".dpr":
		return "Pascal"
	case ".abap":
		return "ABAP"
	case ".cls", ".apex":
		return "Apex"
	case ".mps", ".mumps":
		return "M"
	}
	return ""
}
