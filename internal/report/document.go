// Package report writes what a run saw, for people and for machines. Every
// writer is pure: the same document gives the same bytes. Text that came from
// the target is escaped for the place it is written to.
package report

import (
	_ "embed"
	"encoding/json"
	"io"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// SchemaID names the format of Document; the schema is published under it.
const SchemaID = "https://github.com/vitalsign-dev/vitalsign/schema/scan/v1"

// Schema is the JSON Schema of Document.
//
//go:embed scan.v1.schema.json
var Schema []byte

// Document is what scan -f json prints: one, whatever the number of targets.
type Document struct {
	Schema  string         `json:"schema"`
	Runs    []checks.Run   `json:"runs"`
	Verdict checks.Verdict `json:"verdict"`
}

// JSON writes the document, indented, with a final newline.
func JSON(w io.Writer, d Document) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}
