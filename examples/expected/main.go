// Command expected holds the result of a scan of examples/clinic to the table
// in its EXPECTED.md, in both directions: a finding that is missing and one
// that is too many are both failures. It is what makes `make demo` and the
// tests agree.
//
//	expected EXPECTED.md result.json
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
		Findings []struct {
			Rule struct {
				ID       string `json:"id"`
				Severity string `json:"severity"`
			} `json:"rule"`
			Check    string `json:"check"`
			Location struct {
				Path string `json:"path"`
				Line int    `json:"start_line"`
			} `json:"location"`
		} `json:"findings"`
	} `json:"runs"`
	Verdict struct {
		Exit int `json:"exit"`
	} `json:"verdict"`
}

func main() {
	write := flag.Bool("write", false, "write the table anew (then read it)")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: expected [-write] EXPECTED.md result.json")
		os.Exit(2)
	}
	if err := run(flag.Arg(0), flag.Arg(1), *write); err != nil {
		fmt.Fprintln(os.Stderr, "expected:", err)
		os.Exit(1)
	}
}

// The table lies between these lines; the rest of the file is for people.
const begin, end = "<!-- begin -->", "<!-- end -->"

func run(table, result string, write bool) error {
	text, err := os.ReadFile(table)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(result)
	if err != nil {
		return err
	}
	var doc document
	if err := json.Unmarshal(b, &doc); err != nil {
		return err
	}
	got := rows(doc)
	before, rest, ok := strings.Cut(string(text), begin)
	want, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return errors.New("the table's marks are not in " + table)
	}
	if write {
		return os.WriteFile(table, []byte(before+begin+"\n"+head+strings.Join(got, "\n")+"\n"+end+after), 0o644)
	}
	return compare(strings.Split(strings.TrimPrefix(strings.TrimSpace(want), strings.TrimSpace(head)), "\n"), got)
}

const head = "| severity | check | rule | file | line |\n| --- | --- | --- | --- | --- |\n"

// rows are the findings, the steps and the exit code, one line each.
func rows(doc document) []string {
	var out []string
	for _, r := range doc.Runs {
		for _, f := range r.Findings {
			path := strings.TrimPrefix(f.Location.Path, "examples/clinic/")
			out = append(out, fmt.Sprintf("| %s | %s | %s | %s | %d |", f.Rule.Severity, f.Check, f.Rule.ID, path, f.Location.Line))
		}
		for _, s := range r.Steps {
			out = append(out, fmt.Sprintf("| | %s | *%s* | | |", s.Check, s.Status))
		}
	}
	return append(out, fmt.Sprintf("| | | *exit %d* | | |", doc.Verdict.Exit))
}

func compare(want, got []string) error {
	want = slices.DeleteFunc(want, func(s string) bool { return strings.TrimSpace(s) == "" })
	if len(want) < 10 {
		return fmt.Errorf("the table has %d rows: it shows nothing", len(want))
	}
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
