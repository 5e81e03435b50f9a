package deps

import (
	"bytes"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/child"
)

// near is how many lines after a package's name its version may stand: the
// lock formats write one below the other.
const near = 4

// searchBudget bounds the bytes looked at in all searches of a run; after that
// findings have no line. It is enough for a thousand findings in a lock file of
// 4 MB.
const searchBudget = 4 << 30

// lineFinder looks a package up in the text of its file, for readers that do
// not say where it stands. The findings come sorted by file, so one is kept.
type lineFinder struct {
	tree  *child.Tree
	path  string
	lines [][]byte
	// size is the length of the file in bytes; spent sums what was looked at.
	size, spent int64
}

// find gives the first line with the name that has the version on it or just
// below, else the first with the name, else 0.
func (l *lineFinder) find(p, name, version string) int {
	if l.path != p {
		l.path, l.lines, l.size = p, nil, max(0, l.tree.Size(p))
		// A binary has no lines; a file that cannot be read was told before.
		if content, err := l.tree.ReadFile(p); err == nil && !slices.Contains(content[:min(len(content), 8000)], 0) {
			l.lines = bytes.Split(content, []byte{'\n'})
		}
	}
	if l.spent += l.size; l.spent > searchBudget {
		return 0
	}
	first := 0
	for i, line := range l.lines {
		if !holdsWord(line, name) {
			continue
		}
		if first == 0 {
			first = i + 1
		}
		for _, below := range l.lines[i:min(len(l.lines), i+near)] {
			if holdsWord(below, version) {
				return i + 1
			}
		}
	}
	return first
}

// holdsWord finds word where it is not a part of a longer name.
func holdsWord(line []byte, word string) bool {
	if word == "" {
		return false
	}
	for at := 0; ; {
		i := bytes.Index(line[at:], []byte(word))
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(word)
		if (from == 0 || !nameByte(line[from-1])) && (to == len(line) || !nameByte(line[to])) {
			return true
		}
		at = from + 1
	}
}

func nameByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte("_-.", b) >= 0
}
