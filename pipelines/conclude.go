package pipelines

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// maxIncomplete is how many unread files a step lists by name.
const maxIncomplete = 100

// conclude decides what the output is worth. Findings of a failed step are
// kept: what was found is true even when more may be there.
func (c *collector) conclude(step checks.Step, ended error, requireSandbox bool) (checks.Step, []checks.Finding) {
	c.applyRoutes()
	step.Coverage = c.coverage()
	if c.hello != nil {
		step.Sandbox, step.Tool = &c.hello.Sandbox, c.hello.Tool
	}
	// An output that broke the protocol is the cause, the killed child the
	// consequence.
	if c.err != nil {
		return failed(step, c.err), c.findings
	}
	if err := c.believable(ended, requireSandbox); err != nil {
		step = failed(step, err)
		if c.failure != nil {
			step.Advice = c.failure.Advice
		}
		return step, c.findings
	}
	step.ReportDigest = hex.EncodeToString(c.h.Sum(nil))
	step.Status = checks.OK
	switch {
	case len(c.missing) > 0:
		step.Status = checks.Missing
		step.Reason, step.Advice = missingWords(c.missing)
	case c.done.Truncated, c.step.Limits.Findings > 0 && len(c.findings) > c.step.Limits.Findings:
		step.Status, step.Reason = checks.Partial, fmt.Sprintf("more than %d findings; the rest was dropped", c.step.Limits.Findings)
	case c.done.TruncatedComponents:
		step.Status, step.Reason = checks.Partial, fmt.Sprintf("more than %d packages; the rest was dropped", c.step.Limits.Components)
	case len(c.partial) > 0:
		step.Status, step.Reason = checks.Partial, c.partialWords()
		step.Advice = adviceFor(c.partial)
	}
	return step, c.findings
}

// believable names the first reason why the output is no answer.
func (c *collector) believable(ended error, requireSandbox bool) error {
	switch {
	case c.failure != nil:
		return errors.New(c.failure.Reason)
	case ended != nil:
		return ended
	case c.hello == nil && c.total == 0:
		return errors.New("it ended without a word")
	case c.done == nil:
		return errors.New("its output breaks off: there is no done")
	case len(c.line) > 0:
		return errors.New("it went on after its last record")
	case requireSandbox && c.hello.Sandbox.Kind != sandbox.KindFull:
		return fmt.Errorf("the sandbox is %s and the configuration requires it: %s", c.hello.Sandbox.Kind, strings.Join(c.hello.Sandbox.Missing, "; "))
	}
	if c.step.Check.Live && c.claimed == 0 {
		return errors.New("it knows no operation of the application: nothing answers or is linked at its URL; name a specification (dast.specifications)")
	}
	if n, first := c.unaccounted(); n > 0 {
		return fmt.Errorf("it says done, but %d of %d files are neither read nor skipped (%s)", n, len(c.expect), first)
	}
	for hit, seen := range c.canary {
		if !seen {
			return fmt.Errorf("it missed the canary: rule %s did not fire on a file made for it", hit.Rule)
		}
	}
	if c.step.Check.Components && !c.canaryComponent {
		return errors.New("it missed the canary: it listed no package of a file made for it")
	}
	return nil
}

func (c *collector) unaccounted() (n int, first string) {
	for p, ok := range c.expect {
		if !ok {
			n++
			if first == "" || p < first {
				first = p
			}
		}
	}
	return n, first
}

func (c *collector) coverage() checks.Coverage {
	slices.SortFunc(c.partial, func(a, b checks.Skip) int { return strings.Compare(a.Path, b.Path) })
	cov := checks.Coverage{
		Claimed: c.claimed, Read: c.readReal, Bytes: c.bytes, Unread: mergeUnread(c.unread), Cached: c.cached,
		Incomplete: c.partial[:min(len(c.partial), maxIncomplete)],
	}
	if len(c.skipped) > 0 {
		cov.Skipped = c.skipped
	}
	return cov
}

func (c *collector) partialWords() string {
	first := c.partial[0]
	s := fmt.Sprintf("%s: %s", first.Path, first.Reason)
	if first.Detail != "" {
		s += " (" + first.Detail + ")"
	}
	if n := len(c.partial) - 1; n > 0 {
		s += fmt.Sprintf(", and %d more", n)
	}
	if c.step.Check.Live {
		return fmt.Sprintf("%s; %d of %d operations tested", s, c.readReal, c.claimed)
	}
	return fmt.Sprintf("%s; %d of %d files read", s, c.readReal, c.claimed)
}

func adviceFor(skips []checks.Skip) string {
	for _, s := range skips {
		if (checks.Location{Path: s.Path}).Live() {
			if words := liveAdvice(s.Reason); words != "" {
				return words
			}
			continue
		}
		switch s.Reason {
		case checks.SkipTooLarge:
			return "raise limits.file_size in the configuration, or name the file in .vitalsignignore"
		case checks.SkipUnreadable:
			return "give the user who scans permission to read it, or name it in .vitalsignignore"
		case checks.SkipChanged:
			return "scan again when nothing writes to the target"
		case checks.SkipPointer:
			return "fetch the content first (git lfs pull, dvc pull, git annex get)"
		case checks.SkipUnparsable:
			return "correct the file, or name it in .vitalsignignore"
		}
	}
	return ""
}

// liveAdvice says what to do about an operation that was not tested.
func liveAdvice(r checks.SkipReason) string {
	switch r {
	case checks.SkipBudget:
		return "raise dast.requests, or leave operations out with dast.exclude"
	case checks.SkipTimeout:
		return "raise dast.timeout or dast.rate, or leave operations out with dast.exclude"
	case checks.SkipUnreadable:
		return "see in the application's own log why it did not answer"
	case checks.SkipUnparsable:
		return "correct the document that dast names"
	}
	return ""
}

// missingWords names what is missing and the command that brings it, which
// every part says alike.
func missingWords(missing []checks.MissingData) (reason, advice string) {
	var parts []string
	for _, m := range missing {
		parts = append(parts, fmt.Sprintf("%s (%d)", m.What, m.Count))
	}
	return "no data for " + strings.Join(parts, ", "), "run: " + missing[0].Command
}
