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

// Schema is the JSON Schema of checks.Document.
//
//go:embed scan.v1.schema.json
var Schema []byte

// JSON writes the document, indented, with a final newline.
func JSON(w io.Writer, d checks.Document) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}
