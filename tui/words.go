package tui

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
)

// look is a word with its mark and tone.
type look struct {
	mark, text string
	tone       tone
}

// gateOf says a verdict in a word. What was never judged is not a pass.
func gateOf(v checks.Verdict) look {
	switch {
	case v.Exit == judge.ExitInterrupted:
		return look{"?", "interrupted", toneWarn}
	case v.Exit == judge.ExitNotVerified:
		return look{"x", "not verified", toneBad}
	case v.Exit == judge.ExitPass && v.Findings == checks.Pass && v.Complete:
		return look{"+", "pass", toneGood}
	case v.Exit == judge.ExitFail && v.Findings == checks.Fail && v.Complete:
		return look{"x", "fail", toneBad}
	case v.Findings == checks.Fail:
		return look{"?", "cannot tell", toneBad} // and what was seen fails
	}
	return look{"?", "cannot tell", toneWarn}
}

func statusLook(s checks.Status) look {
	switch s {
	case checks.OK:
		return look{"+", "ok", toneGood}
	case checks.NotApplicable:
		return look{"-", "not applicable", toneDim}
	case checks.Excluded:
		return look{"-", "not asked", toneDim}
	case checks.Partial, checks.Stale, checks.Missing:
		return look{"?", string(s), toneWarn}
	case checks.Failed:
		return look{"x", "failed", toneBad}
	}
	return look{"?", "no status", toneWarn}
}

func attestLook(s AttestState) look {
	switch s {
	case AttestVerified:
		return look{"+", "verified", toneGood}
	case AttestUnsigned:
		return look{"o", "unsigned", toneDim}
	case AttestStale:
		return look{"?", "stale", toneWarn}
	case AttestBroken:
		return look{"x", "broken", toneBad}
	}
	return look{"?", "not checked", toneDim}
}

// glyph is the mark as the terminal shows it.
func (l look) glyph(g glyphs) string {
	return map[string]string{"+": g.good, "x": g.bad, "?": g.unknown, "o": g.none, "-": g.dot}[l.mark]
}

func (l look) cell(g glyphs) cell { return cell{l.glyph(g) + " " + l.text, l.tone} }

// count says how many of what: "1 file", "1,203 files".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if s, ok := strings.CutSuffix(what, "y"); ok {
		return number(n) + " " + s + "ies"
	}
	return number(n) + " " + what + "s"
}

// number groups digits by three.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// numberOr is a number, or nothing to look at where it is zero.
func numberOr(n int, g glyphs) string {
	if n == 0 {
		return g.dot
	}
	return number(n)
}

// ago says when something was.
func ago(now, then time.Time) string {
	if a := age(now, then); a != "now" && a != "never" {
		return a + " ago"
	}
	return "just now"
}

// age says how old something is.
func age(now, then time.Time) string {
	if then.IsZero() {
		return "never"
	}
	d := max(0, now.Sub(then))
	switch {
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	case d < 60*24*time.Hour:
		return fmt.Sprintf("%d d", int(d.Hours()/24))
	}
	return fmt.Sprintf("%d mo", int(d.Hours()/24/30))
}

func duration(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d:%02d min", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d:%02d h", int(d.Hours()), int(d.Minutes())%60)
}

func size(bytes int64) string {
	const kib = 1024
	switch {
	case bytes < kib:
		return fmt.Sprintf("%d bytes", bytes)
	case bytes < kib*kib:
		return fmt.Sprintf("%.0f KiB", float64(bytes)/kib)
	}
	return fmt.Sprintf("%.1f MiB", float64(bytes)/kib/kib)
}

func whenSet(s string, set bool) string {
	if set {
		return s
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// spark draws numbers as a small graph, the newest at the right.
func spark(n []int, g glyphs) string {
	most := 0
	for _, v := range n {
		most = max(most, v)
	}
	var b strings.Builder
	if len(g.trend) == 0 {
		return strings.Trim(fmt.Sprint(n), "[]")
	}
	for _, v := range n {
		i := 0
		if most > 0 {
			i = v * (len(g.trend) - 1) / most
		}
		b.WriteString(g.trend[i])
	}
	return b.String()
}

func short(id string) string { return id[:min(7, len(id))] }
