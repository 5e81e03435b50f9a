// Package misspell says how far one word is from another, for messages that
// name what was probably meant.
package misspell

// Distance is the Levenshtein distance of two words in bytes: how many have to
// be added, dropped or changed. It takes len(a) times len(b) steps; whoever asks
// about long words bounds them.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
