package report

import (
	"bufio"
	"encoding/json"
	"io"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// ReleaseSchemaID names the format of Release.
const ReleaseSchemaID = "https://github.com/vitalsign-dev/vitalsign/schema/build/v1"

// Release is what build -f json prints.
type Release struct {
	Schema string `json:"schema"`
	// Out is the output directory, "" where nothing was written.
	Out       string     `json:"out,omitempty"`
	Artifacts []Artifact `json:"artifacts"`
	// SourceRun is the id of the scan of what went in.
	SourceRun string         `json:"source_run"`
	Verdict   checks.Verdict `json:"verdict"`
}

// Artifact is one that was made.
type Artifact struct {
	Name  string         `json:"name"`
	Kind  string         `json:"kind"`
	Files []ArtifactFile `json:"files"`
	// Provenance is a file below Out; "" where nothing was written. Bundle is
	// the same signed, "" where nobody has signed it.
	Provenance string `json:"provenance,omitempty"`
	Bundle     string `json:"bundle,omitempty"`
	// ResultRun is the id of the scan of what came out.
	ResultRun string `json:"result_run,omitempty"`
}

// ArtifactFile is a file of one. Path is below Out; size is in bytes.
type ArtifactFile struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// ReleaseJSON writes the document, indented, with a final newline.
func ReleaseJSON(w io.Writer, r Release) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// ReleaseTable writes the scans, then the artifacts with their files, then the
// verdict as the last line.
func ReleaseTable(w io.Writer, r Release, runs []checks.Run, o TableOptions) error {
	b := bufio.NewWriter(w)
	t := table{b, o}
	for _, run := range runs {
		t.run(run, true)
	}
	for _, a := range r.Artifacts {
		t.printf("\n%s (%s)\n", o.Style.bold.Render(safetext.Line(a.Name)), a.Kind)
		for _, f := range a.Files {
			t.printf("  %s  %12d  %s\n", f.SHA256, f.Size, safetext.Line(f.Path))
		}
		if a.Provenance != "" {
			signed := "unsigned"
			if a.Bundle != "" {
				signed = "signed: " + safetext.Line(a.Bundle)
			}
			t.printf("  provenance: %s (%s)\n", safetext.Line(a.Provenance), signed)
		}
	}
	if len(r.Artifacts) > 0 {
		t.printf("\n")
	}
	what := "nothing was written"
	if r.Out != "" {
		what = "written to " + r.Out
	}
	t.verdict(what, r.Verdict)
	return b.Flush()
}
