// Package misspell says how far one word is from another, for messages that
// name what was probably meant.
package misspell

import (
	"fmt"
	"strings"
)

// Distance is how many bytes of a word have to be added, dropped or changed, or
// neighbours swapped, to make it another (optimal string alignment, a kind of
// Damerau-Levenshtein). It takes len(a) times len(b) steps; whoever asks about
// long words bounds them.
func Distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// longest is the length of a word, in bytes, beyond which nothing is near.
const longest = 64

// Nearest is the candidate that a word is most likely a misspelling of, or "":
// the least distance, of no more than a third of the candidate's letters, and
// of one in short ones. Case does not matter, nor do - and _ for each other; of
// candidates that are as near the first counts.
func Nearest(word string, candidates []string) string {
	if word == "" || len(word) > longest {
		return ""
	}
	fold := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }
	best, least := "", longest
	for _, c := range candidates {
		if d := Distance(fold(word), fold(c)); d < least && d <= max(1, len(c)/3) {
			best, least = c, d
		}
	}
	return best
}

// Hint is the part of a message that names the nearest candidate, "" where none
// is near: `; did you mean "scan"?`.
func Hint(word string, candidates []string) string {
	if near := Nearest(word, candidates); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}
