package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// smallSummary is the least room, in bytes, in which a verdict and what is not
// complete can be said.
const smallSummary = 4096

// stepSummary adds the report to the summary of the step, where GitHub Actions
// names a file for it. Reporting is not judging: what goes wrong is one line.
func (a *app) stepSummary(doc checks.Document) {
	file := a.getenv("GITHUB_STEP_SUMMARY")
	if file == "" {
		return
	}
	if err := appendSummary(file, doc); err != nil {
		fmt.Fprintf(a.err, "the step summary could not be written: %s (GITHUB_STEP_SUMMARY); the exit code is not changed by this\n", safetext.Line(err.Error()))
	}
}

// appendSummary stays below the limit together with what others wrote before.
func appendSummary(file string, doc checks.Document) error {
	w, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	info, err := w.Stat()
	if err != nil {
		return errors.Join(err, w.Close())
	}
	room := report.SummaryLimit - int(min(info.Size(), report.SummaryLimit))
	if room < smallSummary {
		return errors.Join(fmt.Errorf("%s has no room left", file), w.Close())
	}
	return errors.Join(report.Markdown(w, doc, room), w.Close())
}
