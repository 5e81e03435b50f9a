package judge

// The exit codes of every verb. This is the one table; README and --help are
// tested against it.
const (
	ExitPass        = 0   // complete, and the gate passed
	ExitFail        = 1   // complete, and the gate failed
	ExitUsage       = 2   // before anything started: flag, configuration, target
	ExitUnknown     = 3   // something is not complete, whatever else was found
	ExitNotVerified = 4   // evidence, by verbs that verify
	ExitInternal    = 5   // a bug or an operating system failure
	ExitInterrupted = 130 // what had finished is kept
)

// ExitTexts says each code in words, in order.
func ExitTexts() []ExitText {
	return []ExitText{
		{ExitPass, "complete, and the gate passed"},
		{ExitFail, "complete, and the gate failed: findings at or above the threshold"},
		{ExitUsage, "usage: bad flag, bad configuration, no such target (before anything started)"},
		{ExitUnknown, "cannot tell: something is not complete, whatever else was found"},
		{ExitNotVerified, "not verified: signature, identity, digest, trust, freshness or completeness of evidence"},
		{ExitInternal, "internal error"},
		{ExitInterrupted, "interrupted; what had finished is kept"},
	}
}

// ExitText is one row of the table.
type ExitText struct {
	Code int
	Text string
}

// Worst is the exit code of several targets: the largest of them. No target at
// all is not a pass.
func Worst(codes ...int) int {
	if len(codes) == 0 {
		return ExitUnknown
	}
	worst := ExitPass
	for _, c := range codes {
		worst = max(worst, c)
	}
	return worst
}
