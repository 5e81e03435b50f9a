package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/screen"
)

// shown is how many findings fit, columns how much of a line.
const (
	shown   = 4
	columns = 116
)

// scan draws the table of a scan: the worst findings only, so that the picture
// can be read.
func scan(file string, w io.Writer) error {
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
	lines := strings.Split(strings.TrimRight(table.String(), "\n"), "\n")
	s := screen.New(columns, len(lines))
	for i, l := range lines {
		lines[i] = ansi.Truncate(l, columns, "~")
	}
	if _, err := io.WriteString(s, strings.Join(lines, "\r\n")); err != nil {
		return err
	}
	_, err = io.WriteString(w, svg(s))
	return err
}
