package probe

import (
	"bytes"
	"mime"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// Alike is how much two answers are the same, from 0 to 1: 0 with another
// status or type, else the share of words that both bodies have, counted, with
// what is written in mine taken out of each (a reflected input is no
// difference).
func Alike(a, b web.Response, mine ...string) float64 {
	if a.Status != b.Status || MediaType(a) != MediaType(b) {
		return 0
	}
	return overlap(words(a.Body, mine), words(b.Body, mine))
}

// Bounds of what of a long body is searched for words of servers: errors stand at
// its beginning, or where it broke off.
const (
	headBytes = 256 << 10
	tailBytes = 32 << 10
)

// Window is the part of a body that is searched.
func Window(body []byte) []byte {
	if len(body) <= headBytes+tailBytes {
		return body
	}
	return slices.Concat(body[:headBytes], []byte("\n"), body[len(body)-tailBytes:])
}

// maxWords bounds what is compared of one body.
const maxWords = 20000

// words counts the words of a body. Digits are all the same (times and counters
// change from answer to answer).
func words(body []byte, mine []string) map[string]int {
	for _, m := range mine {
		if m != "" {
			body = bytes.ReplaceAll(body, []byte(m), nil)
		}
	}
	counts := map[string]int{}
	var word []byte
	n := 0
	for _, w := range bytes.FieldsFunc(body, between) {
		if n++; n > maxWords {
			break
		}
		word = append(word[:0], w...)
		for i, c := range word {
			if c >= '0' && c <= '9' {
				word[i] = '0'
			}
		}
		counts[string(word)]++
	}
	return counts
}

// between says whether a letter stands between words, and in none.
func between(r rune) bool { return strings.ContainsRune(" \t\r\n<>\"'=,;:{}[]()&/?", r) }

// overlap is 2|A∩B| / (|A|+|B|) over bags (Sørensen and Dice); 1 for two empty ones.
func overlap(a, b map[string]int) float64 {
	both, all := 0, 0
	for w, n := range a {
		both += min(n, b[w])
		all += n
	}
	for _, n := range b {
		all += n
	}
	if all == 0 {
		return 1
	}
	return 2 * float64(both) / float64(all)
}

// MediaType is an answer's type without parameters, in lower case; "" when it
// says none.
func MediaType(r web.Response) string {
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		t, _, _ = strings.Cut(r.Header.Get("Content-Type"), ";")
	}
	return strings.ToLower(strings.TrimSpace(t))
}

// HTML says whether a browser takes an answer for a page: by its type, or by
// its first bytes where it says none and does not forbid guessing.
func HTML(r web.Response) bool {
	switch t := MediaType(r); t {
	case "text/html", "application/xhtml+xml", "image/svg+xml":
		return true
	case "":
		return !strings.EqualFold(r.Header.Get("X-Content-Type-Options"), "nosniff") && bytes.Contains(bytes.ToLower(r.Body[:min(len(r.Body), 512)]), []byte("<"))
	}
	return false
}

// OK says whether an answer gives what was asked for.
func OK(r web.Response) bool { return r.Status >= 200 && r.Status < 300 }
