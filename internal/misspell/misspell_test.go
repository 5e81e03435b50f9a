package misspell

import (
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"severity", "sevrity", 1}, {"ab", "ba", 1}, {"scna", "scan", 1}, {"abcd", "badc", 2}, {"ca", "abc", 3}, {"same", "same", 0}} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if Distance(c.a, c.b) != Distance(c.b, c.a) {
			t.Errorf("%q and %q are not as far both ways", c.a, c.b)
		}
	}
}

func TestNearest(t *testing.T) {
	words := []string{"scan", "sarif", "json", "best-effort", "fail_on", "a"}
	for word, want := range map[string]string{
		"scna": "scan", "SCAN": "scan", "serif": "sarif", "sarfi": "sarif", "jsn": "json", "best_efort": "best-effort", "fail-on": "fail_on",
		"b": "a", "xml": "", "": "", "completely": "", strings.Repeat("scan", 100): "",
	} {
		if got := Nearest(word, words); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
	if got := Hint("jsno", words); got != `; did you mean "json"?` {
		t.Error(got)
	}
	if Hint("xml", words) != "" || Nearest("scan", nil) != "" {
		t.Error("something is near nothing")
	}
}
