package search

import (
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"  ":                        "",
		"se":                        "se",
		"sev:":                      "",
		"-sev:":                     "",
		"-":                         "",
		"!":                         "",
		"sev:high":                  "sev:high",
		"SEV:HIGH+":                 "sev:high+",
		"sev:critical,high":         "sev:critical,high",
		"sev:critical,":             "sev:critical",
		"sev:critical,high,unrated": "sev:high+",
		"!new":                      "-is:new",
		"NEW":                       "is:new",
		`"new"`:                     `"new"`,
		"is:open,new":               "is:new,open",
		"cwe:CWE-89":                "cwe:cwe-89",
		"cwe:89":                    "cwe:cwe-89",
		"cwe:CW":                    "",
		`path:"a b`:                 `path:"a b"`,
		`"sev:high"`:                `"sev:high"`,
		"a/b:c":                     "a/b:c",
		"::":                        "::",
		"--x":                       `-"-x"`,
		"a,b":                       "a,b",
		`"a,b"`:                     `"a,b"`,
		"path:*.GO Main":            "path:*.go main",
		`a\b`:                       `a\b`,
		`"a\"b\\"`:                  `"a\"b\\"`,
		"role:Test":                 "role:test",
	} {
		q, err := Parse(text)
		if err != nil || q.String() != want {
			t.Errorf("%q is %q, not %q (%v)", text, q, want, err)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]Error{
		"a rul:x":         {From: 2, To: 5, Near: "rule"},
		"sev:hihg":        {From: 4, To: 8, Near: "high"},
		"sev:high,crit":   {From: 9, To: 13, Near: "critical"},
		"-sevrity:high":   {From: 1, To: 8, Near: "sev"},
		"is:opne":         {From: 3, To: 7, Near: "open"},
		"role:vendor":     {From: 5, To: 11, Near: "vendored"},
		"zzzzzzzzzzzzz:x": {From: 0, To: 13},
		"https://x":       {From: 0, To: 5},
	} {
		_, err := Parse(text)
		var e *Error
		if !errors.As(err, &e) || e.From != want.From || e.To != want.To || e.Near != want.Near || e.Error() == "" {
			t.Errorf("%q: %+v", text, e)
		}
	}
}

// Help tells the truth: every example is understood, every value too.
func TestKeysAreTheLanguage(t *testing.T) {
	if len(Keys()) < 10 {
		t.Fatal("there are keys missing")
	}
	for _, k := range Keys() {
		if q := mustParse(t, k.Example); q.Empty() || !strings.Contains(k.Example, k.Name+":") {
			t.Errorf("%s: %q", k.Name, k.Example)
		}
		for _, v := range k.Values {
			if mustParse(t, k.Name+":"+v).Empty() {
				t.Errorf("%s:%s asks nothing", k.Name, v)
			}
		}
	}
}

func TestNarrows(t *testing.T) {
	for _, c := range []struct {
		q, prev string
		want    bool
	}{
		{"a", "", true}, {"ab", "a", true}, {"a", "ab", false}, {"ab cd", "b", true}, {"-a", "-ab", true}, {"-ab", "-a", false},
		{"sev:high", "sev:high+", true}, {"sev:high+", "sev:high", false}, {"sev:critical", "sev:critical,low", true},
		{"path:src/x", "path:src", true}, {"path:*src*", "path:src", true}, {"path:src", "path:*src*", false}, {"path:a", "a", false},
		{"id:ab", "id:a", true}, {"cwe:79", "cwe:7", false}, {"new", "is:new,open", true}, {"a,b", "a", false}, {"ab,ac", "a", true},
	} {
		if got := mustParse(t, c.q).Narrows(mustParse(t, c.prev)); got != c.want {
			t.Errorf("%q narrows %q: %v", c.q, c.prev, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, w := range words() {
		f.Add(w)
	}
	for _, k := range Keys() {
		f.Add("-" + k.Example + " x")
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(q.String())
		if err != nil || !again.Equal(q) || again.String() != q.String() {
			t.Errorf("%q became %q and then %q, %v", text, q, again, err)
		}
		if !q.Narrows(q) {
			t.Errorf("%q does not narrow itself", q)
		}
	})
}
