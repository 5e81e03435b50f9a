// Command picture draws the table of a scan as SVG, for the README:
//
//	vitalsign scan --output json=r.json examples/clinic
//	go run ./docs/picture r.json > docs/scan.svg
//
// The worst findings only, so that the picture can be read.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/report"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: picture result.json > scan.svg")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

// shown is how many findings fit.
const shown = 4

func run(file string, w io.Writer) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var doc checks.Document
	if err := json.Unmarshal(b, &doc); err != nil {
		return err
	}
	for i := range doc.Runs {
		r := &doc.Runs[i]
		// No path or commit of the machine that drew it.
		r.Target.Path, r.Target.Commit = "/src/"+filepath.Base(r.Target.Path), ""
		picked := r.Findings[:0:0]
		seen := map[string]int{}
		for _, f := range r.Findings {
			if seen[f.Check]++; seen[f.Check] == 1 && len(picked) < shown {
				picked = append(picked, f)
			}
		}
		r.Findings = picked
	}
	var table bytes.Buffer
	if err := report.Table(&table, doc, report.TableOptions{Style: report.NewStyle(&table, true)}); err != nil {
		return err
	}
	_, err = io.WriteString(w, svg(strings.Split(strings.TrimRight(table.String(), "\n"), "\n")))
	return err
}

// Sizes in pixels.
const (
	lineHeight = 18
	margin     = 14
	width      = 1000
	columns    = 116
)

func svg(lines []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="ui-monospace,Menlo,Consolas,monospace" font-size="14">`+"\n",
		width, 2*margin+lineHeight*len(lines))
	b.WriteString(`<rect width="100%" height="100%" rx="6" fill="#10141a"/>` + "\n")
	for i, line := range lines {
		fmt.Fprintf(&b, `<text xml:space="preserve" x="%d" y="%d" fill="#d5dae1">%s</text>`+"\n", margin, margin+lineHeight*(i+1)-5, spans(ansi.Truncate(line, columns, "~")))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// spans turns the few sequences that report writes (ECMA-48 SGR) into spans.
func spans(line string) string {
	var b strings.Builder
	open := false
	for {
		before, rest, ok := strings.Cut(line, "\x1b[")
		b.WriteString(html.EscapeString(before))
		if !ok {
			break
		}
		codes, after, _ := strings.Cut(rest, "m")
		if open {
			b.WriteString("</tspan>")
			open = false
		}
		if look := attributes(strings.Split(codes, ";")); look != "" {
			b.WriteString("<tspan" + look + ">")
			open = true
		}
		line = after
	}
	if open {
		b.WriteString("</tspan>")
	}
	return b.String()
}

func attributes(codes []string) string {
	colours := map[string]string{"31": "#ff6b6b", "32": "#5fd38d", "33": "#f2c14e", "35": "#c792ea", "36": "#5ec4d4"}
	out := ""
	for _, c := range codes {
		switch {
		case c == "1":
			out += ` font-weight="bold"`
		case c == "2":
			out += ` fill="#7d8794"`
		case colours[c] != "":
			out += ` fill="` + colours[c] + `"`
		}
	}
	return out
}
