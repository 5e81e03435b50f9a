package checks

// DocumentSchema names the format of Document; the JSON Schema is published
// under it (internal/report).
const DocumentSchema = "https://github.com/vitalsign-dev/vitalsign/schema/scan/v1"

// Document is what scan -f json prints: one, whatever the number of targets.
type Document struct {
	Schema  string  `json:"schema"`
	Runs    []Run   `json:"runs"`
	Verdict Verdict `json:"verdict"`
	// NotScanned are parts of the targets that nobody looked at.
	NotScanned []NotScanned `json:"not_scanned,omitempty"`
}

// NotScanned is a project that was not scanned, or with an empty Project the
// rest of its target.
type NotScanned struct {
	Target  string `json:"target"`
	Project string `json:"project,omitempty"`
	Path    string `json:"path,omitempty"`
	Owner   string `json:"owner,omitempty"`
	// Why it was not: not asked, or not touched by the change.
	Why string `json:"why"`
}
