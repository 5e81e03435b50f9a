package checks

// DocumentSchema names the format of Document; the JSON Schema is published
// under it (internal/report).
const DocumentSchema = "https://github.com/vitalsign-dev/vitalsign/schema/scan/v1"

// Document is what scan -f json prints: one, whatever the number of targets.
type Document struct {
	Schema  string  `json:"schema"`
	Runs    []Run   `json:"runs"`
	Verdict Verdict `json:"verdict"`
}
