package codeowners

import (
	"strings"
	"testing"
	"time"
)

func TestOfDirectory(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "",
		"# * @all":           "",
		"* @all":             "@all",
		"* @all # everybody": "@all",
		"* @all @org/team-b a.b+c@clinic.example": "@all @org/team-b a.b+c@clinic.example",
		"* @all\r\n/services/ @s\r\n":             "@s",
		"* @all\nservices/api @api":               "@api",
		"* @all\nservices/api/ @api":              "@api",
		"* @all\n/services/api/** @api":           "@api",
		"* @all\nservices/api/* @api":             "@api",
		"* @all\nservices/* @s":                   "@all",
		"* @all\nservices/** @s":                  "@s",
		"* @all\napi/ @api":                       "@api",
		"* @all\n/api/ @api":                      "@all",
		"* @all\n**/api @api":                     "@api",
		"* @all\nservices/ap? @api":               "@api",
		"* @all\n*.go @go":                        "@all",
		"services/api @api\n* @all":               "@all",
		"* @all\nservices/api":                    "",
		"* @all\n!services/api @x":                "@all",
		"* @all\nservices/[a]pi @x":               "@all",
		"* @all\n[Section] @x\n^[Other] @y":       "@all",
		"* @all\nservices/{api,web} @x":           "@all",
		"* @all\nservice @x":                      "@all",
		"* @all \x1b[31m@evil @b\x00":             "@all",
		"* nobody":                                "",
		"* @" + strings.Repeat("x", 200):          "",
		"*" + strings.Repeat(" @a", 50):           strings.TrimSpace(strings.Repeat("@a ", 10)),
		strings.Repeat("a", 300) + " @x":          "",
		"/ @x":                                    "",
		"* @all\nservices\\ x @x":                 "@all",
	} {
		if got := Parse([]byte(text)).OfDirectory("services/api"); got != want {
			t.Errorf("%.60q: %q, not %q", text, got, want)
		}
	}
	if got := Parse([]byte(`my\ docs/ @d`)).OfDirectory("my docs/a"); got != "@d" {
		t.Errorf("%q", got)
	}
	if got := Parse([]byte(`\#a @d`)).OfDirectory("#a"); got != "@d" {
		t.Errorf("%q", got)
	}
}

// A hostile file costs no more than its size is worth.
func TestHostile(t *testing.T) {
	deep := strings.Repeat("a/", 100) + "a"
	for name, text := range map[string]string{
		"stars":       strings.Repeat(strings.Repeat("*a", 120)+"b @x\n", 5000),
		"directories": strings.Repeat(strings.Repeat("**/a/", 50)+"b @x\n", 5000),
		"one line":    strings.Repeat("x", 2<<20),
		"lines":       strings.Repeat("\n", 2<<20),
		"rules":       strings.Repeat("a @x\n", 1<<20),
	} {
		start := time.Now()
		Parse([]byte(text)).OfDirectory(deep)
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("%s: %s", name, d)
		} else {
			t.Logf("%s: %s", name, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("* @a\nservices/** @b c@d.example\n"), "services/api")
	f.Fuzz(func(t *testing.T, data []byte, dir string) {
		got := Parse(data).OfDirectory(dir)
		if strings.ContainsAny(got, "\x00\x1b\n\r\t") || len(got) > 2000 {
			t.Errorf("%q", got)
		}
	})
}
