package checks

// Waived is the risk acceptance that covers a finding.
type Waived struct {
	// ID is the waiver's, whole.
	ID    string `json:"id"`
	By    string `json:"by,omitempty"`
	Until string `json:"until"`
	// Signed says that a policy's identities stand behind it. Without a policy
	// unsigned ones count, and say so here.
	Signed bool   `json:"signed"`
	Reason string `json:"reason"`
	// Debt says that it was accepted with all others of a day, not by itself.
	Debt bool `json:"debt,omitempty"`
}

// WaiverState is what became of a waiver.
type WaiverState string

// The states. Only the first sets anything aside.
const (
	WaiverApplied     WaiverState = "applied"
	WaiverUnused      WaiverState = "unused"
	WaiverExpired     WaiverState = "expired"
	WaiverRefused     WaiverState = "refused"
	WaiverUnconfirmed WaiverState = "unconfirmed" // made under another identity key
)

// Waiver is a risk acceptance that a run had before it. The zero value's state
// is none of the above, and sets nothing aside.
type Waiver struct {
	ID     string      `json:"id"`
	Rule   string      `json:"rule"`
	State  WaiverState `json:"state"`
	Reason string      `json:"reason,omitempty"` // why it does not count
	Until  string      `json:"until,omitempty"`
	By     string      `json:"by,omitempty"`
	Signed bool        `json:"signed"`
	// Covers counts the findings that it set aside.
	Covers int `json:"covers"`
	// Gone are its places whose file the target does not have: what was there
	// may have been renamed.
	Gone []string `json:"gone,omitempty"`
	// Debt says that it is the file of accepted debt: ID is its digest, Rule "*".
	Debt bool `json:"debt,omitempty"`
}
