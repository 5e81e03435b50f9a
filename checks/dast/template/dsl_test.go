package template

import (
	"strings"
	"testing"
)

func vars(name string) (value, bool) {
	v, ok := map[string]value{
		"body": "Hello <b>World</b>", "status_code": float64(200), "server": "nginx/1.18.0", "n": "42", "yes": true,
	}[name]
	return v, ok
}

func TestDSL(t *testing.T) {
	for in, want := range map[string]string{
		`contains(body, "World")`:                                      "true",
		`contains_all(body, "Hello", "World")`:                         "true",
		`contains_all(body, "Hello", "Moon")`:                          "false",
		`contains_any(body, "Moon", "World")`:                          "true",
		`starts_with(body, "Hello")`:                                   "true",
		`ends_with(body, "b>", "x")`:                                   "true",
		`len(body)`:                                                    "18",
		`to_lower("ÄB") + to_upper("c") + tolower("D") + toupper("e")`: "äbCdE",
		`trim("  a ") + trim("xxax", "x")`:                             "aa",
		`concat("a", 1, true)`:                                         "a1true",
		`replace("aXbX", "X", "-")`:                                    "a-b-",
		`regex("W.r\w+", body)`:                                        "true",
		`regex('^\d+$', n)`:                                            "true",
		`md5("a")`:                                                     "0cc175b9c0f1b6a831c399e269772661",
		`sha1("a")`:                                                    "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8",
		`sha256("a")`:                                                  "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
		`base64("a b") + base64_decode("YQ==")`:                        "YSBia",
		`hex_encode("AB") + hex_decode("4142")`:                        "4142AB",
		`url_encode("a b&c") + url_decode("%41")`:                      "a+b%26cA",
		`compare_versions("1.18.0", ">= 1.2", "<2")`:                   "true",
		`compare_versions("v2.0.0-rc1", "< 2.0.0")`:                    "true",
		`compare_versions("1.10", "> 1.9.9")`:                          "true",
		`compare_versions("1.0", "!= 1.0.0")`:                          "false",
		`1 + 2 - 3 == 0 && !(2 < 1) || false`:                          "true",
		`status_code >= 200 && status_code < 300`:                      "true",
		`status_code != 200`:                                           "false",
		`"a" + 1`:                                                      "a1",
		`"2" == 2`:                                                     "false",
		`false && nothing`:                                             "false",
		`true || nothing`:                                              "true",
		`contains(body, "{{to_upper('h')}}ello")`:                      "true",
		`md5({{n}})`:                                                   "a1d0c6e83f027327d8461063f4ac58a6",
		`'it\'s' + "\"" + '\\'`:                                        `it's"\`,
		`-1 < 0 && --1 == 1`:                                           "true",
		`yes == true`:                                                  "true",
	} {
		n, err := parseDSL(in, map[string]bool{})
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		v, err := n.eval(vars)
		if err != nil || str(v) != want {
			t.Errorf("%s: got %q, %v; want %q", in, str(v), err, want)
		}
	}
}

func TestDSLFails(t *testing.T) {
	for _, in := range []string{
		"nothing", `len(nothing) > 1`, `1 && true`, `!1`, `-"a"`, `"a" - 1`, `1 < "a"`, `true < false`, `base64_decode("%")`, `hex_decode("x")`,
		`compare_versions("x", "> 1")`, `compare_versions("1", "~ 1")`, `url_decode("%zz")`,
	} {
		n, err := parseDSL(in, map[string]bool{})
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if v, err := n.eval(vars); err == nil {
			t.Errorf("%s: got %v", in, v)
		}
	}
	for _, in := range []string{
		"", "1 +", "(1", `"a`, "f(1)", "len()", "a.b", "1 * 2", "a b", "1.2.3", `regex("(", body)`, "contains(body", "interactsh_protocol == 1",
		strings.Repeat("!", 100) + "true", strings.Repeat("a", maxExpression+1), "len(,)", "{{1", "a ? b : c", "x =~ 'a'", "${1}",
	} {
		if _, err := parseDSL(in, map[string]bool{}); err == nil {
			t.Errorf("%s: parses", in)
		}
	}
}

// TestDSLIsBounded: replacing can make more of a text with each call.
func TestDSLIsBounded(t *testing.T) {
	in := `"` + strings.Repeat("a", 100) + `"`
	for range 8 {
		in = `replace(` + in + `, "a", "aaaaaaaaaa")`
	}
	n, err := parseDSL(in, map[string]bool{})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := n.eval(vars); err == nil {
		t.Errorf("made %d bytes", len(str(v)))
	}
}

func TestMissingPartsNeverMatch(t *testing.T) {
	for _, m := range []matcher{
		{kind: "word", part: "body_2", words: []text{{literal{"x"}}}},
		{kind: "word", part: "body", words: []text{{variable{"nothing"}}}},
		{kind: "status", part: "body_2", numbers: []int{200}},
		{kind: "dsl", part: "body", dsl: []node{variable{"nothing"}}},
		{kind: "dsl", part: "body", dsl: []node{literal{1.0}}},
	} {
		for _, negative := range []bool{false, true} {
			m.negative = negative
			if m.match(vars) {
				t.Errorf("%+v matches", m)
			}
		}
	}
}

func FuzzDSL(f *testing.F) {
	for _, in := range []string{`contains(body, "{{n}}") && !(1 + 2 > len(server))`, `replace(body, "", body)`, `"\x"`, `{{{{n}}}}`} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		names := map[string]bool{}
		n, err := parseDSL(in, names)
		if err != nil {
			if len(err.Error()) > 200 && len(in) < 200 {
				t.Fatalf("error %q", err)
			}
			return
		}
		// Whatever is read has been told, and nothing gets longer than it may.
		v, err := n.eval(func(name string) (value, bool) {
			if !names[name] {
				t.Fatalf("reads %s", name)
			}
			return vars(name)
		})
		if err == nil && len(str(v)) > maxText {
			t.Fatalf("made %d bytes", len(str(v)))
		}
		again, err := parseDSL(" ( "+in+" ) ", map[string]bool{})
		if err != nil {
			return // one level deeper, or longer, than it may be
		}
		if w, err2 := again.eval(vars); err2 == nil && err == nil && v != nil && str(w) != str(v) {
			t.Fatalf("in parentheses %q, without %q", str(w), str(v))
		}
	})
}
