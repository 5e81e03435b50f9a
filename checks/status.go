package checks

import (
	"strings"

	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// Status is how a step ended. The zero value is no status at all, and counts
// as not complete.
type Status string

// The statuses of a step.
const (
	OK            Status = "ok"
	Partial       Status = "partial"        // something it claims was not read
	Failed        Status = "failed"         // no answer that could be believed
	Missing       Status = "missing"        // tool or data are not there
	Stale         Status = "stale"          // data older than allowed
	Excluded      Status = "excluded"       // not asked, by flag or trusted configuration
	NotApplicable Status = "not-applicable" // claims no file of the target
)

// Complete says whether a step with this status leaves the run complete.
func (s Status) Complete() bool {
	return s == OK || s == Excluded || s == NotApplicable
}

// SkipReason says why a file was not read. The set is closed: an unknown
// reason is treated as the worst.
type SkipReason string

// Reasons that leave a step complete: the file is not of the check's kind, or
// a trusted rule set or configuration says so by name.
const (
	SkipIgnored   SkipReason = inventory.Ignored
	SkipSymlink   SkipReason = inventory.Symlink
	SkipSpecial   SkipReason = inventory.Special
	SkipSubmodule SkipReason = inventory.Submodule
	SkipPointer   SkipReason = inventory.Pointer
	SkipGitDir    SkipReason = inventory.GitDir
	SkipSparse    SkipReason = inventory.Sparse
	// SkipBinary is content that the check's rules are not written for.
	SkipBinary SkipReason = "binary"
	// SkipAllowlisted is named by the tool's own published rules.
	SkipAllowlisted SkipReason = "allowlisted"
	// SkipConstraint is a source file that no build of its package holds.
	SkipConstraint SkipReason = "build-constraint"
	// SkipUnsafe is an operation that changes state, where that is not allowed.
	SkipUnsafe SkipReason = "unsafe"
	// SkipScope is an operation that a trusted configuration leaves out.
	SkipScope SkipReason = "out-of-scope"
)

// Reasons that make a step partial: somebody should have looked.
const (
	SkipUnreadable SkipReason = inventory.Unreadable
	SkipChanged    SkipReason = inventory.Changed // not what the inventory saw
	SkipTooLarge   SkipReason = "too-large"
	SkipTimeout    SkipReason = "timeout"
	SkipUnparsable SkipReason = "unparsable"
	// SkipBudget is an operation for which no requests were left.
	SkipBudget SkipReason = "budget"
)

// Complete says whether a claimed file skipped for this reason leaves the step
// complete.
func (r SkipReason) Complete() bool {
	switch r {
	case SkipBinary, SkipAllowlisted, SkipIgnored, SkipSymlink, SkipSpecial,
		SkipSubmodule, SkipPointer, SkipGitDir, SkipConstraint, SkipSparse, SkipUnsafe, SkipScope:
		return true
	}
	return false
}

// Skip is one file that was not read.
type Skip struct {
	Path   string     `json:"path"`
	Reason SkipReason `json:"reason"`
	Detail string     `json:"detail,omitempty"`
}

// WhyNoRules is why files of a language are unread that no check has rules for.
const WhyNoRules = "no rules"

// Unread is something a check cannot look into at all, counted and named.
type Unread struct {
	// What, in words: "TypeScript files", "Terraform modules not on disk".
	What  string `json:"what"`
	Count int    `json:"count"`
	Why   string `json:"why,omitempty"`
	// Command brings it, where one does.
	Command  string   `json:"command,omitempty"`
	Examples []string `json:"examples,omitempty"`
}

// Coverage is what a step read and what it could not.
type Coverage struct {
	Claimed int   `json:"claimed"`
	Read    int   `json:"read"`
	Bytes   int64 `json:"bytes"`
	// Cached counts the files, among those read or skipped, that an earlier
	// answer covers.
	Cached  int            `json:"cached,omitempty"`
	Skipped map[string]int `json:"skipped,omitempty"` // by reason
	// Incomplete lists the skipped files that make the step partial, at most
	// the first hundred; Skipped has the count.
	Incomplete []Skip   `json:"incomplete,omitempty"`
	Unread     []Unread `json:"unread,omitempty"`
}

// ClinicalFile says whether a file's name is that of a clinical format, so
// that one whose content is elsewhere (a pointer) leaves a step partial:
// DICOM (PS3.10 annex A and use), HL7 v2, C-CDA, X12, xDT and NIfTI images.
func ClinicalFile(path string) bool {
	lower := strings.ToLower(strings.TrimSuffix(strings.ToLower(path), ".dvc"))
	for _, ext := range []string{
		".dcm", ".dicom", ".hl7", ".cda", ".ccda", ".x12", ".edi", ".837", ".835", ".834",
		".ldt", ".bdt", ".gdt", ".nii", ".nii.gz", ".ndjson",
	} {
		if strings.HasSuffix(lower, ext) {
			return true
		}
	}
	return false
}
