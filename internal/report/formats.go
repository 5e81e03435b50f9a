package report

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/misspell"
	"github.com/vitalsign-dev/vitalsign/internal/sbom"
)

// Options are what some formats need besides the document.
type Options struct {
	Table TableOptions
	// Hashes gives GitHub's line hashes to sarif; nil means none.
	Hashes LineHashes
	// Seen gives html the ages of findings; nil where nobody knows.
	Seen FirstSeen
}

// Format is one way to write a document.
type Format struct {
	// Name is what -f and --output take.
	Name string
	// Purpose says in a few words who reads it, and Limits what is cut where;
	// both are read by help and docs/formats.md.
	Purpose, Limits string
	// File is what such a file is called by those who read it.
	File string
	// Single formats hold one target and no more.
	Single bool
	Write  func(io.Writer, checks.Document, Options) error
	// Omits says which findings of a document are not written, "" for none; nil
	// for a format that holds them all, or says in itself what it does not.
	Omits func(checks.Document) string
}

// Formats is the one table of formats: help, messages, the parser of flags and
// docs/formats.md read it.
func Formats() []Format {
	all := []Format{
		{Name: "table", Purpose: "people at a terminal", File: "report.txt", Limits: "ten places of a rule (all with --verbose)",
			Write: func(w io.Writer, d checks.Document, o Options) error { return Table(w, d, o.Table) }},
		{Name: "json", Purpose: "programs; everything that is known, with a schema", File: "report.json", Limits: "none",
			Write: func(w io.Writer, d checks.Document, _ Options) error { return JSON(w, d) }},
		{Name: "sarif", Purpose: "code scanning (SARIF 2.1.0)", File: "report.sarif", Limits: "5,000 results a run; more are further runs",
			Write: func(w io.Writer, d checks.Document, o Options) error { return SARIF(w, d, o.hashes()) }},
		{Name: "markdown", Purpose: "a comment on a pull request", File: "report.md", Limits: "65,536 bytes, then \"and N more\"",
			Write: func(w io.Writer, d checks.Document, _ Options) error { return Markdown(w, d, CommentLimit) }},
		{Name: "github", Purpose: "annotations and step summary of GitHub Actions", File: "commands.txt", Limits: "10 annotations of a kind, then \"and N more\"; a summary of 1 MiB",
			Write: func(w io.Writer, d checks.Document, _ Options) error { return GitHub(w, d) }},
		{Name: "ocsf", Purpose: "SIEMs: one event a line (OCSF 1.8.0)", File: "events.ndjson", Limits: "none; a text of 4,000 bytes",
			Write: func(w io.Writer, d checks.Document, _ Options) error { return OCSF(w, d) }},
		{Name: "junit", Purpose: "test reports of CI systems (JUnit XML)", File: "report.xml", Limits: "none",
			Write: func(w io.Writer, d checks.Document, _ Options) error { return JUnit(w, d) }},
		{Name: "html", Purpose: "people: one page that stands alone", File: "report.html", Limits: "1,000 findings over all targets, worst first, then how many more",
			Write: func(w io.Writer, d checks.Document, o Options) error { return HTML(w, d, o.Seen) }},
		{Name: "csv", Purpose: "spreadsheets (RFC 4180)", File: "report.csv", Limits: "none",
			Write: func(w io.Writer, d checks.Document, _ Options) error { return CSV(w, d) }},
	}
	return append(append(all, gitlabFormats()...), billFormats()...)
}

// hashes are never nil.
func (o Options) hashes() LineHashes {
	if o.Hashes == nil {
		return func(checks.Run, checks.Finding) string { return "" }
	}
	return o.Hashes
}

// billFormats are bills of materials. What is not known to be whole says so in
// the document itself (see internal/sbom), so that ErrIncomplete is no error here.
func billFormats() []Format {
	write := func(bill func(checks.Run, sbom.Options) ([]byte, error)) func(io.Writer, checks.Document, Options) error {
		return func(w io.Writer, d checks.Document, _ Options) error {
			if len(d.Runs) != 1 {
				return fmt.Errorf("a bill of materials is about one target, and there are %d", len(d.Runs))
			}
			b, err := bill(d.Runs[0], sbom.Options{Vulnerabilities: true})
			if err != nil && !errors.Is(err, sbom.ErrIncomplete) {
				return err
			}
			_, err = w.Write(b)
			return err
		}
	}
	return []Format{
		{Name: "cyclonedx", Purpose: "bill of materials with vulnerabilities (CycloneDX 1.6)", File: "bom.cdx.json", Limits: "one target", Single: true, Write: write(sbom.CycloneDX)},
		{Name: "spdx", Purpose: "bill of materials (SPDX 2.3)", File: "bom.spdx.json", Limits: "one target", Single: true, Write: write(sbom.SPDX)},
	}
}

// FormatNames lists the names, in the table's order.
func FormatNames() []string {
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
	}
	return names
}

// FormatNamed finds a format. The error for a name that there is not names the
// nearest one.
func FormatNamed(name string) (Format, error) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, nil
		}
	}
	names := FormatNames()
	return Format{}, fmt.Errorf("there is no format %q%s; the formats are %s", name, misspell.Hint(name, names), strings.Join(names, ", "))
}
