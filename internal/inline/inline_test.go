package inline

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

const good = `vitalsign:ignore aws-key until=2026-03-01 reason="test double"`

func TestParse(t *testing.T) {
	want := Directive{Rule: "aws-key", Date: "2026-03-01", Reason: "test double"}
	for _, line := range []string{
		good, "x := 1 // " + good, "\t# " + good + "\r\n", "<!-- " + good + " -->", "/*" + good + "*/", "é" + good,
		`-- vitalsign:ignore  aws-key   reason="test double"   until=2026-03-01   `,
		`vitalsign:ignore aws-key until=2026-03-01 reason=" test double ", and more "text"`,
		`{"//": "x"} // vitalsign:ignored vitalsign:ignore aws-key until=2026-03-01 reason="test double"`,
	} {
		d, ok, err := Parse(line)
		if d != want || !ok || err != nil {
			t.Errorf("%q: %+v %v %v", line, d, ok, err)
		}
	}
	for _, line := range []string{"", "vitalsign", "vitalsign:ignorefile x", "a.vitalsign:ignore x", "myvitalsign:ignore x", "`vitalsign:ignore`", "VITALSIGN:IGNORE x", "vitalsign: ignore x"} {
		if d, ok, err := Parse(line); ok || err != nil || d != (Directive{}) {
			t.Errorf("%q: %+v %v %v", line, d, ok, err)
		}
	}
	for _, rule := range []string{"G101", "AWS-0088", "semgrep:go.lang/x_y@1"} {
		if d, _, err := Parse(strings.Replace(good, "aws-key", rule, 1)); err != nil || d.Rule != rule {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

func TestParseMalformed(t *testing.T) {
	for line, want := range map[string]string{
		"vitalsign:ignore":                                                              "the rule is missing",
		"vitalsign:ignore ":                                                             "the rule is missing",
		`vitalsign:ignore until=2026-03-01 reason="x"`:                                  "the rule is missing",
		"vitalsign:ignore R":                                                            `until=YYYY-MM-DD and reason="..." are missing`,
		"vitalsign:ignore R until=2026-03-01":                                           `reason="..." is missing`,
		`vitalsign:ignore R reason="x"`:                                                 "until=YYYY-MM-DD is missing",
		`vitalsign:ignore R please until=2026-03-01 reason="x"`:                         "are missing",
		`vitalsign:ignore R until=2026-03-01 until=2027-03-01 reason="x"`:               `reason="..." is missing`,
		`vitalsign:ignore R until=2026-02-29 reason="x"`:                                "not a date of the calendar",
		`vitalsign:ignore R until=2026-3-1 reason="x"`:                                  "not a date",
		`vitalsign:ignore R until=2026-03-01T00:00:00Z reason="x"`:                      "not a date",
		`vitalsign:ignore R until= reason="x"`:                                          "not a date",
		`vitalsign:ignore R until="2026-03-01" reason="x"`:                              "not a date",
		`vitalsign:ignore R UNTIL=2026-03-01 reason="x"`:                                "missing",
		`vitalsign:ignore R until=2026-03-01 reason=""`:                                 "the reason is empty",
		`vitalsign:ignore R until=2026-03-01 reason="  .. "`:                            "the reason is empty",
		`vitalsign:ignore R until=2026-03-01 reason=x`:                                  "not in double quotes",
		`vitalsign:ignore R until=2026-03-01 reason='x'`:                                "not in double quotes",
		`vitalsign:ignore R until=2026-03-01 reason="x`:                                 "closing quote",
		"vitalsign:ignore R until=2026-03-01 reason=\"x\xff\"":                          "not UTF-8",
		`vitalsign:ignore R until=2026-03-01 reason="` + strings.Repeat("x", 501) + `"`: "longer than 500",
		`vitalsign:ignore * until=2026-03-01 reason="x"`:                                "a character that no rule has",
		`vitalsign:ignore é until=2026-03-01 reason="x"`:                                "a character that no rule has",
		`vitalsign:ignore ` + strings.Repeat("r", 129) + ` until=2026-03-01 reason="x"`: "longer than 128",
	} {
		d, ok, err := Parse(line)
		if !ok || err == nil || !strings.Contains(err.Error(), want) || d.Malformed != err.Error() {
			t.Errorf("%.80q: %+v %v %v, want %s", line, d, ok, err, want)
		}
	}
}

// reference reads text line by line, as simply as can be.
func reference(text string) []Directive {
	var found []Directive
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, "\r")
		for {
			start := find(line, 0)
			if start < 0 {
				break
			}
			rest := line[start+len(Marker):]
			d, took, _ := read(rest)
			d.Line = i + 1
			found = append(found, d)
			// The byte before what is left still counts.
			line = line[start+len(Marker)+took-1:]
		}
	}
	return found
}

func TestScan(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	for name, text := range map[string]string{
		"empty": "", "one": good, "lines": "a\n\n" + good + "\nb\n" + good + "\n", "CRLF": "a\r\n" + good + "\r\n",
		"two on a line": good + " " + good, "malformed then good": "vitalsign:ignore " + good + "\nvitalsign:ignore",
		"long line": long + " " + good + " " + long + " " + good + "\n" + good,
		"edge":      strings.Repeat("y", window-8) + " " + good + "\n", "edge2": strings.Repeat("\n", window-3) + good,
		"no directive": strings.Repeat("vitalsign:ignor\n", 10_000), "word before": strings.Repeat("z", window) + good,
		"reason over the line": "vitalsign:ignore R until=2026-03-01 reason=\"a\nb\"",
	} {
		want := reference(text)
		for kind, r := range map[string]io.Reader{
			"whole": strings.NewReader(text), "bytes": iotest.OneByteReader(strings.NewReader(text)), "halves": iotest.HalfReader(strings.NewReader(text)),
			"with end": iotest.DataErrReader(strings.NewReader(text)),
		} {
			got, err := Scan(r, 1<<30)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s, %s: %v\ngot  %+v\nwant %+v", name, kind, err, got, want)
			}
		}
	}
	got, _ := Scan(strings.NewReader("a\n"+good+"\n"+long+good+"\nx "+good+" vitalsign:ignore R\n"), 1<<30)
	if len(got) != 3 || got[0].Line != 2 || got[1].Line != 4 || got[2].Line != 4 || got[2].Malformed == "" {
		t.Errorf("%+v", got)
	}
}

// Wherever the window ends, a directive is found once, on its line.
func TestScanEveryOffset(t *testing.T) {
	for off := window - 200; off < window+10; off++ {
		text := "\n" + strings.Repeat(" ", off) + good + "\n" + good
		got, err := Scan(strings.NewReader(text), 1<<30)
		if err != nil || len(got) != 2 || got[0].Line != 2 || got[1].Line != 3 || got[0].Malformed+got[1].Malformed != "" {
			t.Fatalf("offset %d: %+v %v", off, got, err)
		}
	}
}

func TestScanBounds(t *testing.T) {
	text := good + "\n" + good + "\n"
	for limit, want := range map[int64]int{int64(len(text)): 2, int64(len(text)) - 5: 1, int64(len(good)) + 1: 1, 3: 0, 0: 0} {
		got, err := Scan(strings.NewReader(text), limit)
		if len(got) != want || (limit < int64(len(text))) != errors.Is(err, ErrLimit) {
			t.Errorf("limit %d: %d %v", limit, len(got), err)
		}
	}
	if got, err := Scan(strings.NewReader(strings.Repeat("vitalsign:ignore \n", 100_000)), 1<<30); !errors.Is(err, ErrTooMany) || len(got) != maxDirectives {
		t.Errorf("%d %v", len(got), err)
	}
	broken := errors.New("broken")
	if got, err := Scan(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), 1<<30); !errors.Is(err, broken) || len(got) != 2 {
		t.Errorf("%d %v", len(got), err)
	}
	// The date was 2026-03-011, cut by trouble: never honoured.
	cut := `vitalsign:ignore R reason="x" until=2026-03-01`
	if got, err := Scan(strings.NewReader(cut+"1"), int64(len(cut))); !errors.Is(err, ErrLimit) || len(got) != 0 {
		t.Errorf("%+v %v", got, err)
	}
}

func FuzzScan(f *testing.F) {
	f.Add(good)
	f.Add("a\n" + good + " " + good + "\r\nvitalsign:ignore vitalsign:ignore x until=")
	f.Add("x" + good + "\nvitalsign:ignore\u00a0R until=2026-01-01 reason=\"\xff\"")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxDirective {
			return // the reference knows no bound
		}
		got, err := Scan(iotest.HalfReader(strings.NewReader(text)), 1<<20)
		if err != nil && !errors.Is(err, ErrTooMany) {
			t.Fatal(err)
		}
		want := reference(text)
		if len(want) > maxDirectives {
			want = want[:maxDirectives]
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q\ngot  %+v\nwant %+v", text, got, want)
		}
		for _, d := range got {
			if d.Malformed != "" {
				continue
			}
			again, ok, err := Parse(fmt.Sprintf("%s %s until=%s reason=%q", Marker, d.Rule, d.Date, "R"))
			if !ok || err != nil || again.Rule != d.Rule || again.Date != d.Date || d.Reason == "" {
				t.Fatalf("%+v is honoured, and is not written again: %v", d, err)
			}
		}
	})
}

func finding(path, rule string, line int, sev checks.Severity) checks.Finding {
	return checks.Finding{Rule: checks.Rule{ID: rule, Severity: sev}, Location: checks.Location{Path: path, StartLine: line}}
}

func at(line int, rule, date string) Directive {
	return Directive{Line: line, Rule: rule, Date: date, Reason: "because"}
}

func TestApply(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	bounds := Bounds{MaxSeverity: checks.Medium, MaxDays: 90}
	history := finding("a", "R", 5, checks.Low)
	history.Location.Commit = "abc"
	for _, c := range []struct {
		name    string
		f       checks.Finding
		d       Directive
		b       Bounds
		ignored bool
		problem Problem
	}{
		{"same line", finding("a", "R", 5, checks.Low), at(5, "R", "2026-04-01"), bounds, true, ""},
		{"next line", finding("a", "R", 6, checks.Medium), at(5, "R", "2026-04-01"), bounds, true, ""},
		{"two lines on", finding("a", "R", 7, checks.Low), at(5, "R", "2026-04-01"), bounds, false, Unused},
		{"line before", finding("a", "R", 4, checks.Low), at(5, "R", "2026-04-01"), bounds, false, Unused},
		{"other rule", finding("a", "Q", 5, checks.Low), at(5, "R", "2026-04-01"), bounds, false, Unused},
		{"other case", finding("a", "r", 5, checks.Low), at(5, "R", "2026-04-01"), bounds, false, Unused},
		{"other file", finding("b", "R", 5, checks.Low), at(5, "R", "2026-04-01"), bounds, false, Unused},
		{"history", history, at(5, "R", "2026-04-01"), bounds, false, Unused},
		{"no line", finding("a", "R", 0, checks.Low), at(0, "R", "2026-04-01"), bounds, false, Unused},
		{"last day", finding("a", "R", 5, checks.Low), at(5, "R", "2026-03-01"), bounds, true, ""},
		{"day after", finding("a", "R", 5, checks.Low), at(5, "R", "2026-02-28"), bounds, false, Expired},
		{"no date", finding("a", "R", 5, checks.Low), at(5, "R", ""), bounds, false, Expired},
		{"just in reach", finding("a", "R", 5, checks.Low), at(5, "R", "2026-05-30"), bounds, true, ""},
		{"out of reach", finding("a", "R", 5, checks.Low), at(5, "R", "2026-05-31"), bounds, false, TooLong},
		{"too severe", finding("a", "R", 5, checks.High), at(5, "R", "2026-04-01"), bounds, false, OverSeverity},
		{"unrated is high", finding("a", "R", 5, checks.Unrated), at(5, "R", "2026-04-01"), bounds, false, OverSeverity},
		{"unrated is low", finding("a", "R", 5, checks.Unrated), at(5, "R", "2026-04-01"), Bounds{checks.Medium, 90, checks.Low}, true, ""},
		{"malformed", finding("a", "R", 5, checks.Low), Directive{Line: 5, Rule: "R", Date: "2026-04-01", Malformed: "x"}, bounds, false, Malformed},
		{"zero bounds", finding("a", "R", 5, checks.Info), at(5, "R", "2026-03-01"), Bounds{}, false, TooLong},
		{"no severity", finding("a", "R", 5, checks.Info), at(5, "R", "2026-03-01"), Bounds{MaxDays: 9}, false, OverSeverity},
	} {
		in := []checks.Finding{c.f}
		out, notes := Apply(in, map[string][]Directive{"a": {c.d}}, c.b, now)
		if (out[0].Ignored != nil) != c.ignored || in[0].Ignored != nil {
			t.Errorf("%s: %+v", c.name, out[0].Ignored)
		}
		if c.ignored && *out[0].Ignored != (checks.Ignored{By: "inline a:5", Until: c.d.Date, Reason: "because"}) {
			t.Errorf("%s: %+v", c.name, out[0].Ignored)
		}
		var got Problem
		if len(notes) == 1 {
			got = notes[0].Problem
		}
		if got != c.problem || len(notes) > 1 || len(notes) == 1 && (notes[0].Message == "" || notes[0].Path != "a" || notes[0].Line != c.d.Line) {
			t.Errorf("%s: %+v", c.name, notes)
		}
	}
}

// A date ends at 24:00 UTC, whatever the clock's zone.
func TestApplyMidnight(t *testing.T) {
	d := map[string][]Directive{"a": {at(1, "R", "2026-03-01")}}
	fs := []checks.Finding{finding("a", "R", 1, checks.Low)}
	b := Bounds{MaxSeverity: checks.Low, MaxDays: 1}
	west := time.FixedZone("west", -8*3600)
	for now, ignored := range map[time.Time]bool{
		time.Date(2026, 3, 1, 23, 59, 59, 999, time.UTC): true,
		time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC):      false,
		time.Date(2026, 3, 1, 17, 0, 0, 0, west):         false,
		time.Date(2026, 3, 1, 15, 0, 0, 0, west):         true,
		time.Date(2026, 2, 28, 0, 0, 0, 0, time.UTC):     true,
		time.Date(2026, 2, 27, 23, 0, 0, 0, time.UTC):    false, // two days ahead
	} {
		out, _ := Apply(fs, d, b, now)
		if (out[0].Ignored != nil) != ignored {
			t.Errorf("%s: %v", now, out[0].Ignored)
		}
	}
}

func TestApplyMany(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	already := finding("a", "R", 1, checks.Low)
	already.Ignored = &checks.Ignored{By: "somebody"}
	in := []checks.Finding{already, finding("a", "R", 2, checks.Low), finding("a", "R", 2, checks.High), finding("b", "R", 1, checks.Low)}
	out, notes := Apply(in, map[string][]Directive{
		"b": {at(9, "R", "2026-03-02"), at(3, "R", "2026-03-02")},
		"a": {at(1, "R", "2026-03-02")},
	}, Bounds{MaxSeverity: checks.Low, MaxDays: 5}, now)
	if out[0].Ignored.By != "somebody" || out[1].Ignored == nil || out[2].Ignored != nil || out[3].Ignored != nil {
		t.Errorf("%+v", out)
	}
	var got []string
	for _, n := range notes {
		got = append(got, fmt.Sprintf("%s:%d %s", n.Path, n.Line, n.Problem))
	}
	if want := []string{"a:1 over-severity", "b:3 unused", "b:9 unused"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

func TestTrusted(t *testing.T) {
	bad := Directive{Line: 4, Malformed: "x"}
	before := []Directive{at(1, "R", "2026-03-01"), bad}
	now := []Directive{at(10, "R", "2026-03-01"), at(11, "R", "2026-03-01"), at(12, "R", "2026-03-02"), at(13, "Q", "2026-03-01"), bad}
	kept, added := Trusted(now, before)
	if len(kept) != 2 || kept[0].Line != 10 || kept[1] != bad || len(added) != 3 || added[0].Line != 11 {
		t.Errorf("%+v\n%+v", kept, added)
	}
}
