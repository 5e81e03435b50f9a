// Command expected holds the result of a scan of examples/clinic to the tables
// in its EXPECTED.md, in both directions: a finding that is missing and one
// that is too many are both failures. It is what makes `make demo` and the
// tests agree. One table is of what the sources show, the other of what the
// running application does; -static holds a scan without the application to
// the first alone.
//
//	expected [-static] EXPECTED.md result.json
//	expected -write EXPECTED.md result.json
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

type document struct {
	Runs []struct {
		Steps []struct {
			Check  string `json:"check"`
			Status string `json:"status"`
		} `json:"steps"`
		Findings []finding `json:"findings"`
	} `json:"runs"`
	Verdict struct {
		Exit int `json:"exit"`
	} `json:"verdict"`
}

type finding struct {
	Rule struct {
		ID       string `json:"id"`
		Severity string `json:"severity"`
	} `json:"rule"`
	Check    string `json:"check"`
	Location struct {
		Path   string `json:"path"`
		Line   int    `json:"start_line"`
		Symbol string `json:"symbol"`
	} `json:"location"`
	SeenBy    []witness `json:"seen_by"`
	Exchanges []struct {
		Request string `json:"request"`
	} `json:"exchanges"`
}

type witness struct {
	Check string `json:"check"`
	Rule  string `json:"rule"`
}

func main() {
	write := flag.Bool("write", false, "write the tables anew (then read them)")
	static := flag.Bool("static", false, "the application was not started: hold to the table of the sources alone")
	flag.Parse()
	if flag.NArg() != 2 || *write && *static {
		fmt.Fprintln(os.Stderr, "usage: expected [-write | -static] EXPECTED.md result.json")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), *write, *static); err != nil {
		fmt.Fprintln(os.Stderr, "expected:", err)
		os.Exit(1)
	}
}

const dast = "dast"

// A table lies between two lines; the rest of the file is for people.
type table struct{ begin, end, head string }

func tables() (sources, running table) {
	return table{"<!-- begin -->", "<!-- end -->", "| severity | check | rule | file | line |\n| --- | --- | --- | --- | --- |\n"},
		table{"<!-- begin dast -->", "<!-- end dast -->", "| severity | rule | route | parameter | confirmed |\n| --- | --- | --- | --- | --- |\n"}
}

func run(file, result string, write, static bool) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text := string(b)
	if b, err = os.ReadFile(result); err != nil {
		return err
	}
	var doc document
	if err := json.Unmarshal(b, &doc); err != nil {
		return err
	}
	sources, running := tables()
	inSources, inRunning := rows(doc)
	if write {
		for _, t := range []struct {
			table
			rows []string
		}{{sources, inSources}, {running, inRunning}} {
			if text, err = t.replace(text, t.rows); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
		}
		return os.WriteFile(file, []byte(text), 0o644)
	}
	want, err := sources.read(text)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if static {
		if len(inRunning) > 0 {
			return errors.New("the application was looked at, and -static says that it was not")
		}
		return compare(want, unconfirmed(want, inSources))
	}
	more, err := running.read(text)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return compare(append(want, more...), append(inSources, inRunning...))
}

func (t table) split(text string) (before, rows, after string, err error) {
	before, rest, ok := strings.Cut(text, t.begin+"\n")
	rows, after, ok2 := strings.Cut(rest, t.end)
	if !ok || !ok2 {
		return "", "", "", errors.New("the marks " + t.begin + " and " + t.end + " are not there")
	}
	return before, rows, after, nil
}

func (t table) read(text string) ([]string, error) {
	_, rows, _, err := t.split(text)
	if err != nil {
		return nil, err
	}
	body, ok := strings.CutPrefix(rows, t.head)
	if !ok {
		return nil, errors.New("the table does not begin with its head")
	}
	list := slices.DeleteFunc(strings.Split(body, "\n"), func(s string) bool { return strings.TrimSpace(s) == "" })
	if len(list) < 10 {
		return nil, fmt.Errorf("the table has %d rows: it shows nothing", len(list))
	}
	return list, nil
}

func (t table) replace(text string, rows []string) (string, error) {
	before, _, after, err := t.split(text)
	return before + t.begin + "\n" + t.head + strings.Join(rows, "\n") + "\n" + t.end + after, err
}

// confirmed stands instead of a severity where the running application has
// shown the flaw, too: the worse of both is in the other table.
const confirmed = "*confirmed*"

// unconfirmed gives rows as they would be with the application: those that the
// table has as confirmed cannot be so without it.
func unconfirmed(want, got []string) []string {
	out := slices.Clone(got)
	for i, r := range out {
		if severity, rest, ok := strings.Cut(strings.TrimPrefix(r, "| "), " | "); ok && severity != "" {
			if both := "| " + confirmed + " | " + rest; slices.Contains(want, both) {
				out[i] = both
			}
		}
	}
	return out
}

// rows are the findings and steps of each table, and the exit code, one line each.
func rows(doc document) (sources, running []string) {
	for _, r := range doc.Runs {
		for _, f := range r.Findings {
			seen := slices.IndexFunc(f.SeenBy, func(w witness) bool { return w.Check == dast })
			switch {
			case strings.HasPrefix(f.Location.Path, "/"):
				method, parameter, _ := strings.Cut(f.Location.Symbol, " ")
				running = append(running, live(f.Rule.Severity, f.Rule.ID, strings.TrimSpace(method+" "+f.Location.Path), parameter, ""))
			case seen < 0:
				sources = append(sources, place(f.Rule.Severity, f.Check, f.Rule.ID, f))
			default:
				first := f.SeenBy[0]
				sources = append(sources, place(confirmed, first.Check, first.Rule, f))
				route, parameter := asked(f)
				running = append(running, live(f.Rule.Severity, f.SeenBy[seen].Rule, route, parameter, fmt.Sprintf("%s, %s:%d", first.Rule, short(f), f.Location.Line)))
			}
		}
		for _, s := range r.Steps {
			if s.Check == dast {
				if s.Status != "excluded" {
					running = append(running, live("", "*"+s.Status+"*", "", "", ""))
				}
				continue
			}
			sources = append(sources, fmt.Sprintf("| | %s | *%s* | | |", s.Check, s.Status))
		}
	}
	return append(sources, fmt.Sprintf("| | | *exit %d* | | |", doc.Verdict.Exit)), running
}

func place(severity, check, rule string, f finding) string {
	return fmt.Sprintf("| %s | %s | %s | %s | %d |", severity, check, rule, short(f), f.Location.Line)
}

func live(severity, rule, route, parameter, confirmed string) string {
	row := "|"
	for _, cell := range []string{severity, rule, route, parameter, confirmed} {
		row += strings.TrimRight(" "+cell, " ") + " |"
	}
	return row
}

func short(f finding) string { return strings.TrimPrefix(f.Location.Path, "examples/clinic/") }

// asked is what the telling request of a confirmed finding asked for.
func asked(f finding) (route, parameter string) {
	if len(f.Exchanges) == 0 {
		return "", ""
	}
	line, _, _ := strings.Cut(f.Exchanges[len(f.Exchanges)-1].Request, "\n")
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return line, ""
	}
	path, query, _ := strings.Cut(fields[1], "?")
	if name, _, ok := strings.Cut(query, "="); ok && !strings.Contains(query, "&") {
		parameter = "query:" + name
	}
	return fields[0] + " " + path, parameter
}

func compare(want, got []string) error {
	var diff []string
	left := map[string]int{}
	for _, w := range want {
		left[w]++
	}
	for _, g := range got {
		if left[g]--; left[g] < 0 {
			diff = append(diff, "too many: "+g)
		}
	}
	for w, n := range left {
		for ; n > 0; n-- {
			diff = append(diff, "missing:  "+w)
		}
	}
	slices.Sort(diff)
	if len(diff) > 0 {
		return fmt.Errorf("the result is not EXPECTED.md\n%s", strings.Join(diff, "\n"))
	}
	fmt.Printf("as expected: findings, steps and exit code are the %d rows of EXPECTED.md\n", len(got))
	return nil
}
