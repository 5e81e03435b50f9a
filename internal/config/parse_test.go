package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

func parseText(t *testing.T, text string) (Layer, error) {
	t.Helper()
	return Parse(Source{Name: "vitalsign.yaml", Data: []byte(text)}, Repository)
}

func mustParse(t *testing.T, text string) Layer {
	t.Helper()
	l, err := parseText(t, text)
	if err != nil {
		t.Fatalf("%s\n---\n%s", err, text)
	}
	return l
}

const everything = `fail_on: medium
unrated_as: critical
skip: [deps, "iac"]
checks:
  secrets:
    history: true
max_data_age: 36h
limits:
  check_timeout: 1h30m
  check_memory: 2GB
  file_size: 512KB
  findings: 10
paths:
  generated: ["gen/**"]
  vendored:
    - third/**
  test:
    - "{spec,it}/**"
inline: {max_severity: info, max_days: 7}
sandbox: required
parallel: 3
external:
  bandit: {}
  semgrep: {timeout: 5m, network: false}
  house-lint:
    command: /opt/lint/bin/lint
    image: docker.io/x/lint@sha256:` + digits + `
    args: ["--sarif", "{report}", "{target}"]
    output: report
    timeout: 600s
    findings_exit: [3, 1]
    files: ["**/*.py"]
images:
  semgrep: file:semgrep.tar
artifacts:
  - name: report
    container:
      image: dir:rootfs
      commands: [["go","build","-o","out/app","."]]
      output: ["out/*"]
      env: {CGO_ENABLED: "0"}
  - {name: cli, files: ["dist/*", "a/*"]}
  - {name: server, dockerfile: services/Dockerfile}
new_only: true
projects:
  - {path: services/web}
  - path: services/api
    name: api
    owner: "@team/api"
    uses: ["libs/**", "go.mod"]
    fail_on: critical
    skip: [iac]
`

const digits = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestParseEverything(t *testing.T) {
	got, _ := Resolve(mustParse(t, everything))
	want := Defaults()
	want.FailOn, want.NewOnly, want.UnratedAs, want.Skip, want.History = checks.Medium, true, checks.Critical, []string{"deps", "iac"}, true
	want.MaxDataAge = 36 * time.Hour
	want.Limits.WallMS, want.Limits.MemoryBytes, want.Limits.FileBytes, want.Limits.Findings = 90*60*1000, 2<<30, 512<<10, 10
	want.Paths = map[string][]string{"generated": {"gen/**"}, "vendored": {"third/**"}, "test": {"{spec,it}/**"}}
	want.InlineMaxSeverity, want.InlineMaxDays, want.RequireSandbox, want.Parallel = checks.Info, 7, true, 3
	everyPart(&want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, k := range Keys() {
		if !k.Outside && !strings.Contains(everything, k.Name[strings.LastIndexByte(k.Name, '.')+1:]+":") {
			t.Errorf("the document above does not set %s", k.Name)
		}
	}
}

func TestParseSaysNothing(t *testing.T) {
	for _, text := range []string{"", "\n", "# only\n# comments\n", "---\n", "{}", "null", "checks:\n", "checks:\n  secrets:\n", "\xef\xbb\xbf# mark\n"} {
		l := mustParse(t, text)
		if s, _ := Resolve(l); !l.Empty() || !reflect.DeepEqual(s, Defaults()) {
			t.Errorf("%q: %+v", text, s)
		}
	}
}

func TestParseLineEnds(t *testing.T) {
	want, _ := Resolve(mustParse(t, everything))
	forgetPlaces(&want)
	for name, text := range map[string]string{
		"CRLF":           strings.ReplaceAll(everything, "\n", "\r\n"),
		"BOM":            "\xef\xbb\xbf" + everything,
		"no end":         strings.TrimSuffix(everything, "\n"),
		"document marks": "---\n" + everything + "...\n",
	} {
		got, _ := Resolve(mustParse(t, text))
		forgetPlaces(&got)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// goodDocuments and badDocuments hold single settings; TestSchemaAgrees uses them, too.
func goodDocuments() []string {
	return append(goodParts(),
		"fail_on: info", "fail_on: critical", `fail_on: "low"`, "unrated_as: low",
		"skip: []", "skip: [deps]", "skip:\n- deps\n- iac", "skip: [a-1]",
		"checks: {secrets: {history: false}}", "checks:\n  secrets:\n    history: True",
		"max_data_age: off", "max_data_age: 14d", "max_data_age: 1d12h30m5s", "max_data_age: 9999d", "max_data_age: 10ms",
		"limits: {check_timeout: 90s}", "limits: {check_memory: 1B}", "limits: {check_memory: 500MiB}", "limits: {file_size: 20mb}",
		"limits: {findings: 1}", "limits: {findings: 1000000}", "limits: {}", "limits:",
		"paths: {generated: []}", `paths: {test: ["**/*_t.go", 'app/\[id\]/*']}`, "paths: {vendored: ['{a,b,c}/**']}",
		"inline: {max_severity: critical}", "inline: {max_days: 0}", "inline: {max_days: 3650}",
		"sandbox: best-effort", "sandbox: required", "parallel: 0", "parallel: 256")
}

// badDocuments maps a document to "line:column: " and a part of the message.
func badDocuments() map[string]string {
	docs := badParts()
	maps.Copy(docs, map[string]string{
		"fail_on: urgent":                       `1:10: fail_on: "urgent" is not allowed; allowed: critical, high, medium, low or info`,
		"fail_on: unrated":                      `1:10: fail_on: "unrated"`,
		"fail_on: High":                         `1:10: fail_on: "High"`,
		"fail_on:":                              `1:9: fail_on has no value; allowed: critical`,
		"fail_on: ~":                            `1:10: fail_on has no value`,
		"fail_on: [high]":                       `1:10: fail_on: a list is not allowed`,
		"fail_on: {high: true}":                 `1:10: fail_on: a mapping is not allowed`,
		"fail_on: 3":                            `1:10: fail_on: "3"`,
		"fail_on: |\n  high\n":                  `1:10: fail_on: "high\n"`,
		"failon: high":                          `1:1: unknown setting "failon"; did you mean "fail_on"?`,
		"# one\nskip: []\nfail-on: high":        `3:1: unknown setting "fail-on"; did you mean "fail_on"?`,
		"limits:\n  filesize: 1MB":              `2:3: unknown setting "limits.filesize"; did you mean "limits.file_size"?`,
		"history: true":                         `1:1: unknown setting "history"; did you mean "checks.secrets.history"?`,
		"max-file-size: 1MB":                    `1:1: unknown setting "max-file-size"; did you mean "limits.file_size"?`,
		"checks: {secrets: {entropy: 3}}":       `1:20: unknown setting "checks.secrets.entropy"; known here: history`,
		"checks: {deps: {}}":                    `1:10: unknown setting "checks.deps"; known here: secrets`,
		"zebra: 1":                              `1:1: unknown setting "zebra"; known here: fail_on, new_only, unrated_as, skip, checks,`,
		"skip: deps":                            `1:7: skip: "deps" is not allowed; allowed: a list`,
		"skip:":                                 `1:6: skip: nothing is not allowed`,
		"skip: [deps, 7]":                       `1:14: skip: "7" is not allowed`,
		"skip: [deps, [iac]]":                   `1:14: skip: a list is not allowed`,
		"skip:\n- deps\n- deps":                 `3:3: skip: "deps" is listed twice`,
		"skip: [Deps]":                          `1:8: skip: "Deps" is not the name of a check`,
		"skip: ['']":                            `1:8: skip: "" is not the name`,
		"checks: {secrets: {history: yes}}":     `1:29: checks.secrets.history: "yes" is not allowed; allowed: true or false`,
		"checks: {secrets: {history: 'true'}}":  `1:29: checks.secrets.history: "true" is not allowed; allowed: true or false, without quotes`,
		"checks: true":                          `1:9: checks: expected settings (secrets), found "true"`,
		"limits: [1]":                           `1:9: limits: expected settings`,
		"max_data_age: 14":                      `1:15: max_data_age: "14" is not allowed; allowed: off, or a duration`,
		"max_data_age: 0d":                      `1:15: max_data_age: "0d"`,
		"max_data_age: 0h0m":                    `1:15: max_data_age: "0h0m"`,
		"max_data_age: -1d":                     `1:15: max_data_age: "-1d"`,
		"max_data_age: 1.5h":                    `1:15: max_data_age: "1.5h"`,
		"max_data_age: 1m1h":                    `1:15: max_data_age: "1m1h"`,
		"max_data_age: 99999d":                  `1:15: max_data_age: "99999d"`,
		"max_data_age: ''":                      `1:15: max_data_age: ""`,
		"max_data_age: false":                   `1:15: max_data_age: "false"`,
		"limits: {check_timeout: off}":          `1:25: limits.check_timeout: "off"`,
		"limits: {check_memory: 500}":           `1:24: limits.check_memory: "500"`,
		"limits: {check_memory: 0MB}":           `1:24: limits.check_memory: "0MB"`,
		"limits: {check_memory: 5 MB}":          `1:24: limits.check_memory: "5 MB"`,
		"limits: {check_memory: 9999999999GB}":  `1:24: limits.check_memory: "9999999999GB"`,
		"limits: {check_memory: 1TB}":           `1:24: limits.check_memory: "1TB"`,
		"limits: {findings: 0}":                 `1:20: limits.findings: "0" is not allowed; allowed: a whole number from 1 to 1000000`,
		"limits: {findings: '7'}":               `1:20: limits.findings: "7" is not allowed; allowed: a whole number from 1 to 1000000, without quotes`,
		"limits: {findings: 7.5}":               `1:20: limits.findings: "7.5"`,
		"limits: {findings: 1000001}":           `1:20: limits.findings: "1000001"`,
		"paths: {source: []}":                   `1:9: unknown setting "paths.source"; known here: generated, vendored, test`,
		"paths: {generated: [/gen]}":            `1:21: paths.generated: "/gen" starts with /`,
		"paths: {generated: ['']}":              `1:21: paths.generated: "" is empty`,
		"inline: {max_days: -1}":                `1:20: inline.max_days: "-1"`,
		"inline: {max_days: 99999999999999999}": `1:20: inline.max_days:`,
		"inline: {max_severity: none}":          `1:24: inline.max_severity: "none"`,
		"sandbox: true":                         `1:10: sandbox: "true" is not allowed; allowed: required or best-effort`,
		"parallel: 257":                         `1:11: parallel: "257"`,
		"- fail_on: high":                       `1:1: the file: expected settings (fail_on,`,
		"fail_on":                               `1:1: the file: expected settings (fail_on, new_only, unrated_as, skip, checks, max_data_age, inline, paths, limits, sandbox, parallel, projects, external, images, artifacts, dast), found "fail_on"`,
	})
	return docs
}

func TestParseGood(t *testing.T) {
	for _, text := range goodDocuments() {
		mustParse(t, text)
	}
}

func TestParseBad(t *testing.T) {
	for text, want := range badDocuments() {
		l, err := parseText(t, text)
		var ps Problems
		if !errors.As(err, &ps) || !l.Empty() {
			t.Errorf("%q is accepted (%v)", text, err)
			continue
		}
		if len(ps) != 1 || !strings.HasPrefix(err.Error(), "vitalsign.yaml:"+want) {
			t.Errorf("%q:\ngot  %s\nwant vitalsign.yaml:%s", text, err, want)
		}
	}
}

// These are wrong in ways that JSON has no words for.
func TestParseHostile(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'n'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	for name, c := range map[string]struct{ text, want string }{
		"alias bomb":       {bomb, "vitalsign.yaml:1:4: anchors (&a) are not allowed"},
		"alias":            {"skip: &s [deps]\npaths: {test: *s}", "vitalsign.yaml:1:7: anchors (&s) are not allowed; write the value\nvitalsign.yaml:2:15: aliases (*s)"},
		"self":             {"skip: &s [*s]", "anchors"},
		"merge":            {"limits:\n  <<: {findings: 3}", "vitalsign.yaml:2:3: merge keys (<<)"},
		"tag":              {"fail_on: !!str high", "vitalsign.yaml:1:10: tags (!!str)"},
		"own tag":          {"fail_on: !x high", "tags (!x)"},
		"binary":           {"fail_on: !!binary aGlnaA==", "tags (!!binary)"},
		"twice":            {"fail_on: low\nskip: []\nfail_on: critical", `vitalsign.yaml:3:1: "fail_on" is set twice, first on line 1`},
		"twice quoted":     {"fail_on: low\n\"fail_on\": critical", "is set twice"},
		"section twice":    {"limits: {findings: 3}\nlimits: {findings: 4}", `vitalsign.yaml:2:1: "limits" is set twice`},
		"nested twice":     {"limits: {findings: 3, findings: 3}", `vitalsign.yaml:1:23: "findings" is set twice`},
		"list as key":      {"? [fail_on]\n: high", "a setting's name is a word"},
		"two documents":    {"fail_on: low\n---\nfail_on: critical", "a second document begins"},
		"flow depth":       {strings.Repeat("[", 100) + strings.Repeat("]", 100), "nested deeper than 16"},
		"flow depth, much": {strings.Repeat("[", 500_000), "exceeded max depth"},
		"map depth, much":  {strings.Repeat("{a: ", 200_000), "exceeded max depth"},
		"block depth":      {strings.Repeat("- ", 400_000), "exceeded max depth"},
		"2 MiB":            {"# " + strings.Repeat("x", 2<<20), "vitalsign.yaml: is larger than 1 MiB"},
		"NUL":              {"fail_on: low\nx: \x00", `vitalsign.yaml:2:4: byte 0x00 is not text in UTF-8`},
		"escape":           {"# \x1b[2J", `vitalsign.yaml:1:3: byte 0x1b`},
		"Latin-1":          {"# caf\xe9", `vitalsign.yaml:1:6: byte 0xe9`},
		"UTF-16":           {"\xff\xfef\x00", `vitalsign.yaml:1:1: byte 0xff`},
		"tab":              {"limits:\n\tfindings: 3", "vitalsign.yaml:2: not YAML: found character that cannot start any token"},
		"unclosed":         {"skip: [deps", "not YAML:"},
		"colon":            {"fail_on: a: b", "vitalsign.yaml:1: not YAML: mapping values are not allowed"},
		"octal":            {"parallel: 010", "not allowed"},
		"hexadecimal":      {"parallel: 0x10", "not allowed"},
		"braces":           {"paths: {generated: ['{a,b}{a,b}{a,b}{a,b}']}", "has more than 3 alternatives"},
		"commas":           {"paths: {generated: ['{" + strings.Repeat("a,", 30) + "}']}", "commas"},
		"bracket":          {"paths: {generated: ['[a']}", "is not a pattern"},
		"parent":           {"paths: {generated: ['a/../b']}", "has a directory .."},
		"long pattern":     {"paths: {generated: [" + strings.Repeat("a", 257) + "]}", "longer than 256"},
		"override":         {"paths: {generated: [\"a\u202e\"]}", "does not print"},
		"many patterns":    {"paths: {generated: [" + strings.Repeat("a,", 201) + "]}", "201 entries"},
		"long name":        {strings.Repeat("k", 500) + ": 1", `unknown setting "` + strings.Repeat("k", 60) + `..."`},
	} {
		start := time.Now()
		_, err := parseText(t, c.text)
		if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 4000 {
			t.Errorf("%s: %.500v\nwant %s", name, err, c.want)
		}
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("%s took %s", name, d)
		}
	}
}

// A file below the bound must not cost more than its size is worth.
func TestParseTime(t *testing.T) {
	for name, text := range map[string]string{
		"comments":      strings.Repeat("# a\n", MaxSize/4),
		"blank lines":   strings.Repeat("\n", MaxSize),
		"empty items":   "skip:\n" + strings.Repeat("-\n", MaxSize/2-10),
		"flow items":    "skip: [" + strings.Repeat("a,", MaxSize/2-10) + "]",
		"keys":          strings.Repeat("a: 1\n", MaxSize/5),
		"nested keys":   strings.Repeat("{a: ", 9000) + strings.Repeat("}", 9000),
		"mixed comment": "skip:\n" + strings.Repeat("- a\n# b\n", MaxSize/8-10),
		"one scalar":    "fail_on: " + strings.Repeat("a ", MaxSize/2-10),
		"questions":     strings.Repeat("? a\n", MaxSize/4),
		"documents":     strings.Repeat("---\n", MaxSize/4),
		"directives":    strings.Repeat("%A b\n", MaxSize/5),
		"anchors":       "skip: [" + strings.Repeat("&a b,", MaxSize/5-10) + "]",
		"quotes":        "fail_on: \"" + strings.Repeat(`\x41`, MaxSize/4-10) + "\"",
		"block depth":   strings.Repeat("- ", 9000) + "a",
		"other keys":    distinctKeys("%d: 1\n"),
		"other fields":  "external:\n  a:\n" + distinctKeys("    k%d: 1\n"),
		"tools":         "external:\n" + distinctKeys("  k%d:\n"),
		"words":         "external: {a: {args: [" + strings.Repeat("a,", MaxSize/2-20) + "]}}",
	} {
		start := time.Now()
		_, err := parseText(t, text)
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("%s: %s", name, d)
		} else {
			t.Logf("%s: %s, %.80v", name, d.Round(time.Millisecond), err)
		}
	}
}

// distinctKeys fills a file with lines that differ.
func distinctKeys(format string) string {
	var b strings.Builder
	for i := 0; b.Len() < MaxSize-100; i++ {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestProblemsAreCollected(t *testing.T) {
	text := "fail_on: a\nsandbox: b\nparalel: 3\n"
	_, err := parseText(t, text)
	want := "vitalsign.yaml:1:10: fail_on: \"a\" is not allowed; allowed: critical, high, medium, low or info\n" +
		"vitalsign.yaml:2:10: sandbox: \"b\" is not allowed; allowed: required or best-effort\n" +
		"vitalsign.yaml:3:1: unknown setting \"paralel\"; did you mean \"parallel\"?"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	var many strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&many, "x%d: 1\n", i)
	}
	_, err = parseText(t, many.String())
	if lines := strings.Split(err.Error(), "\n"); len(lines) != 11 || lines[10] != "and 990 more" {
		t.Errorf("%d lines, last %q", len(lines), lines[len(lines)-1])
	}
}

func TestDurationsAndSizes(t *testing.T) {
	age, _ := KeyNamed("max_data_age")
	size, _ := KeyNamed("limits.file_size")
	for _, c := range []struct {
		k    Key
		in   string
		n    int64
		text string
	}{
		{age, "14d", int64(14 * day), "14d"}, {age, "336h", int64(14 * day), "14d"}, {age, "36h", int64(36 * time.Hour), "36h"},
		{age, "24h", int64(day), "1d"}, {age, "90m", int64(90 * time.Minute), "1h30m"}, {age, "1500ms", int64(1500 * time.Millisecond), "1s500ms"},
		{age, "off", never, "off"}, {age, "9998d24h", int64(9999 * day), "9999d"},
		{size, "500MB", 500 << 20, "500MB"}, {size, "1024KB", 1 << 20, "1MB"}, {size, "3KiB", 3 << 10, "3KB"},
		{size, "1000B", 1000, "1000B"}, {size, "999999999GB", 999999999 << 30, "999999999GB"}, {size, "2gb", 2 << 30, "2GB"},
	} {
		v, ok := c.k.scalar(c.in)
		if !ok || v.n != c.n || c.k.format(v) != c.text {
			t.Errorf("%s: %d %v %q", c.in, v.n, ok, c.k.format(v))
		}
		if again, ok := c.k.scalar(c.text); !ok || again.n != v.n {
			t.Errorf("%s does not come back", c.text)
		}
	}
	if _, ok := age.scalar("9999d1ms"); ok {
		t.Error("a duration of five digits of days is accepted, and could not be written again")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(everything))
	f.Add([]byte(Template("", Layer{})))
	f.Add([]byte(uncommented(Template("", Layer{}))))
	for _, text := range goodDocuments() {
		f.Add([]byte(text))
	}
	for text := range badDocuments() {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := Parse(Source{Name: "f", Data: data}, Repository)
		if err != nil {
			if !l.Empty() || err.Error() == "" {
				t.Fatalf("an error with a layer, or without words: %q", err)
			}
			return
		}
		// What was understood, written out and read again, means the same.
		written := Template("", l)
		again, err := Parse(Source{Name: "f", Data: []byte(written)}, Repository)
		if err != nil {
			t.Fatalf("%s\n%s", err, written)
		}
		one, _ := Resolve(l)
		two, _ := Resolve(again)
		forgetPlaces(&one)
		forgetPlaces(&two)
		if !reflect.DeepEqual(one, two) || len(l.values) != len(again.values) || len(l.parts) != len(again.parts) {
			t.Fatalf("%+v\n%+v\n%s", one, two, written)
		}
	})
}
