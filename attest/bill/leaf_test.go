package bill

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
)

// FuzzLeaf holds the quick way of writing a leaf to an RFC 8785 canonicalizer.
func FuzzLeaf(f *testing.F) {
	f.Add("a.go", "G401", "weak-hash", 3, 0)
	f.Add("\u2028 \u2029\x7f<&>\"\\/\b\f\n\r\t\x01é\U0001F600", "\xff", "", 1<<30, -1)
	f.Fuzz(func(t *testing.T, path, rule, class string, line, column int) {
		l := Leaf{Class: class, Count: 1, Fingerprint: path + rule, Rule: rule, Severity: class,
			Locations: []Place{{Path: path, StartLine: line, StartColumn: column, Commit: rule}}}
		got, err := l.bytes()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		// The library writes numbers as ECMAScript does; beyond 2^53 they are
		// no line numbers.
		if line>>40 != 0 || line < 0 || column>>40 != 0 || column < 0 {
			t.Skip()
		}
		want, err := jsoncanonicalizer.Transform(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%s\n%s", got, want)
		}
	})
}
