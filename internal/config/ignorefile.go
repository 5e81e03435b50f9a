package config

import (
	"bytes"
	"strings"
)

// IgnoreFile is the name of the ignore file; only the one at the
// repository's root counts.
const IgnoreFile = ".vitalsignignore"

// maxIgnoreLines bounds the patterns of an ignore file: each is held against
// each path of the repository.
const maxIgnoreLines = 10_000

// ParseIgnore gives the pattern lines of a .vitalsignignore, which has the
// syntax of .gitignore (gitignore(5)): without comments, blank lines and line
// ends, otherwise as written, in order, since a later line overrules an
// earlier one. A file above MaxSize or with a NUL or too many patterns is
// Problems, and gives no lines: part of an ignore file could mean more than all
// of it.
func ParseIgnore(src Source) ([]string, error) {
	var problems Problems
	o := Origin{Kind: Repository, Name: src.Name}
	if len(src.Data) > MaxSize {
		problems.add(o, "is larger than 1 MiB")
		return nil, problems
	}
	data := bytes.TrimPrefix(src.Data, []byte("\xef\xbb\xbf"))
	if i := bytes.IndexByte(data, 0); i >= 0 {
		o.Line = 1 + bytes.Count(data[:i], []byte("\n"))
		problems.add(o, "has a NUL byte; it is not text")
		return nil, problems
	}
	var lines []string
	for line := range bytes.Lines(data) {
		text := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
		if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#") {
			continue
		}
		lines = append(lines, text)
	}
	if len(lines) > maxIgnoreLines {
		problems.add(o, "has %d patterns; allowed: %d", len(lines), maxIgnoreLines)
		return nil, problems
	}
	return lines, nil
}
