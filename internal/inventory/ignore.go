package inventory

import (
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// maxIgnoreFile bounds one .gitignore file, in bytes.
const maxIgnoreFile = 1 << 20

// layer is one set of patterns; always says that they hold for tracked files
// too, as .vitalsignignore's do.
type layer struct {
	patterns []gitignore.Pattern
	always   bool
}

// ignoreStack holds the patterns of the directories above the walker.
type ignoreStack struct{ layers []layer }

// push adds a layer and returns the depth to give to pop.
func (s *ignoreStack) push(l layer) int {
	s.layers = append(s.layers, l)
	return len(s.layers) - 1
}

func (s *ignoreStack) pop(depth int) { s.layers = s.layers[:depth] }

// match asks the layers from the nearest to the farthest; the last pattern
// that speaks decides (gitignore(5)).
func (s *ignoreStack) match(parts []string, dir, tracked bool) bool {
	for i := len(s.layers) - 1; i >= 0; i-- {
		l := s.layers[i]
		if tracked && !l.always {
			continue
		}
		for j := len(l.patterns) - 1; j >= 0; j-- {
			switch l.patterns[j].Match(parts, dir) {
			case gitignore.Exclude:
				return true
			case gitignore.Include:
				return false
			}
		}
	}
	return false
}

func (w *walker) ignored(name string, dir, tracked bool) bool {
	return w.ignore.match(strings.Split(name, "/"), dir, tracked)
}

func (w *walker) addIgnore(domain, lines []string, always bool) {
	w.ignore.push(layer{parseIgnore(lines, domain), always})
}

// gitignoreOf reads the .gitignore of a directory, if that counts.
func (w *walker) gitignoreOf(dir string, entries []fs.DirEntry) layer {
	if !w.o.GitIgnore {
		return layer{}
	}
	for _, e := range entries {
		if e.Name() != ".gitignore" || !e.Type().IsRegular() {
			continue
		}
		b, err := readBounded(w.root, join(dir, ".gitignore"))
		if err != nil {
			// Unreadable or too large: then nothing is ignored, which only
			// means that more is read.
			return layer{}
		}
		var domain []string
		if dir != "." {
			domain = strings.Split(dir, "/")
		}
		return layer{patterns: parseIgnore(strings.Split(string(b), "\n"), domain)}
	}
	return layer{}
}

func parseIgnore(lines, domain []string) []gitignore.Pattern {
	var ps []gitignore.Pattern
	for _, line := range lines {
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		ps = append(ps, gitignore.ParsePattern(line, domain))
	}
	return ps
}

func readBounded(root *os.Root, name string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	b, err := io.ReadAll(io.LimitReader(f, maxIgnoreFile+1))
	if err == nil && len(b) > maxIgnoreFile {
		return nil, fs.ErrInvalid
	}
	return b, err
}
