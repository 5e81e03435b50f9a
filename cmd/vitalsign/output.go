package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/misspell"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

// output is one FORMAT=FILE.
type output struct{ format, file string }

func parseOutputs(f scanFlags) ([]output, error) {
	outs := []output{{f.format, ""}}
	for _, o := range f.outputs {
		format, file, ok := strings.Cut(o, "=")
		if !ok || file == "" {
			return nil, usageError("--output %q is not FORMAT=FILE", o)
		}
		outs = append(outs, output{format, file})
	}
	for _, o := range outs {
		if _, err := report.FormatNamed(o.format); err != nil {
			return nil, exitError{judge.ExitUsage, err}
		}
	}
	return outs, nil
}

// write prints the document. A report that cannot be written is an internal
// error: nobody may take an old file for the answer.
func (a *app) write(cmd *cobra.Command, doc checks.Document, f scanFlags, outputs []output, hashes report.LineHashes) error {
	opts := report.Options{Hashes: hashes, Seen: a.firstSeen(cmd.Context())}
	for _, o := range outputs {
		var err error
		if o.file == "" {
			err = a.render(a.out, o.format, doc, f, a.colour(cmd, a.out), opts)
		} else {
			err = a.writeFile(o, doc, f, opts)
		}
		if err != nil {
			return exitError{judge.ExitInternal, fmt.Errorf("the %s report could not be written: %w", o.format, err)}
		}
		if as, err := report.FormatNamed(o.format); err == nil && as.Omits != nil && !f.quiet {
			if left := as.Omits(doc); left != "" {
				fmt.Fprintf(a.err, "%s: %s\n", o.format, left)
			}
		}
	}
	if slices.ContainsFunc(outputs, func(o output) bool { return o.format == "github" }) {
		a.stepSummary(doc)
	}
	return nil
}

func (a *app) writeFile(o output, doc checks.Document, f scanFlags, opts report.Options) error {
	// A pipe or a terminal is written to; only a file can be replaced.
	if info, err := os.Stat(o.file); err == nil && !info.Mode().IsRegular() {
		w, err := os.OpenFile(o.file, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(a.render(w, o.format, doc, f, false, opts), w.Close())
	}
	return wholefile.Write(o.file, 0o644, func(w io.Writer) error { return a.render(w, o.format, doc, f, false, opts) })
}

func (a *app) render(w io.Writer, format string, doc checks.Document, f scanFlags, colour bool, opts report.Options) error {
	as, err := report.FormatNamed(format)
	if err != nil {
		return err
	}
	opts.Table = report.TableOptions{Style: report.NewStyle(w, colour), Verbose: f.verbose, Quiet: f.quiet, Brief: f.staged && !f.verbose}
	return as.Write(w, doc, opts)
}

// seenIn is how many kept runs of a target are asked when a finding was first seen.
const seenIn = 500

// firstSeen asks the store of runs, which is opened only when a format wants to
// know. What cannot be told is not known, and no error of the report.
func (a *app) firstSeen(ctx context.Context) report.FirstSeen {
	return func(run checks.Run) (map[string]time.Time, time.Time) {
		s, err := a.openStore(ctx)
		if err != nil {
			return nil, time.Time{}
		}
		defer s.Close() // read only
		first, since, err := s.FirstSeen(ctx, run, seenIn)
		if err != nil {
			return nil, time.Time{}
		}
		return first, since
	}
}

// single refuses formats that hold one target where there are several, before
// the first is scanned.
func single(outputs []output, targets int) error {
	for _, o := range outputs {
		if f, err := report.FormatNamed(o.format); err == nil && f.Single && targets > 1 {
			return usageError("a document in format %s is about one target, and there are %d: scan them one by one (--project names one of a repository's projects)", o.format, targets)
		}
	}
	return nil
}

// progress shows events as the stream of errors can show them.
func (a *app) progress(cmd *cobra.Command, f scanFlags) report.Progress {
	style := report.NewStyle(a.err, a.colour(cmd, a.err))
	switch width := a.columns(a.err); {
	case f.quiet, f.staged && !f.verbose: // it is over before anybody could read it
		return report.Silent()
	case width > 0 && a.getenv("CI") == "" && a.getenv("TERM") != "dumb":
		return report.Live(a.err, style, width)
	default:
		return a.plainProgress(cmd)
	}
}

func (a *app) plainProgress(cmd *cobra.Command) report.Progress {
	return report.Plain(a.err, report.NewStyle(a.err, a.colour(cmd, a.err)))
}

// oneOfFormats refuses a format that a verb does not write, and names the
// nearest that it does.
func oneOfFormats(format string, known ...string) error {
	if slices.Contains(known, format) {
		return nil
	}
	return usageError("there is no format %q%s; the formats are %s", format, misspell.Hint(format, known), strings.Join(known, ", "))
}

// writeJSON writes a document of a verb for machines, indented.
func writeJSON(w io.Writer, doc any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(doc)
}
