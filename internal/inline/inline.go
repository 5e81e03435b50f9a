// Package inline reads the ignores that people write beside the code,
//
//	vitalsign:ignore RULE until=YYYY-MM-DD reason="..."
//
// and applies them to findings within the bounds of a trusted policy. All
// three parts are required; what is incomplete, has ended, reaches too far or
// covers something too severe is never honoured and always told, as is an
// ignore that nothing needs. The text comes from a repository that is not
// trusted: rules, reasons and messages must be escaped where they are shown.
package inline

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Marker begins a directive. It counts only between characters that are no
// part of a word, and before white space or the end of the line.
const Marker = "vitalsign:ignore"

const (
	maxRule   = 128 // bytes
	maxReason = 500 // characters
	day       = 24 * time.Hour
)

// Directive is one inline ignore.
type Directive struct {
	// Line counts from 1; Parse leaves it 0.
	Line int
	// Rule is the id of the rule, Date the last day on which the directive
	// counts (YYYY-MM-DD), and Reason why.
	Rule, Date, Reason string
	// Malformed says what is wrong with a directive that Scan found and that
	// cannot be honoured; "" when nothing is.
	Malformed string
}

// ends is when the directive stops to count: a date ends at 24:00 UTC. A
// directive without a good date has ended.
func (d Directive) ends() time.Time {
	t, err := parseDate(d.Date)
	if err != nil {
		return time.Time{}
	}
	return t.Add(day)
}

// Parse reads the first directive of a line. False means that there is none;
// an error says what is wrong with the one there is, and the Directive then
// holds what could be read, with Malformed set.
func Parse(line string) (Directive, bool, error) {
	line = strings.TrimRight(line, "\r\n")
	start := find(line, 0)
	if start < 0 {
		return Directive{}, false, nil
	}
	d, _, err := read(line[start+len(Marker):])
	return d, true, err
}

// find gives the index of the next Marker at or after from, or -1.
func find(line string, from int) int {
	for {
		i := strings.Index(line[from:], Marker)
		if i < 0 {
			return -1
		}
		i += from
		after, n := utf8.DecodeRuneInString(line[i+len(Marker):])
		if (i == 0 || !wordByte(line[i-1])) && (n == 0 || unicode.IsSpace(after)) {
			return i
		}
		from = i + len(Marker)
	}
}

// wordByte is about one byte, all that Scan keeps of what came before.
func wordByte(b byte) bool {
	return b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || bytes.IndexByte([]byte("_-:."), b) >= 0
}

// read reads what follows a Marker and gives the number of bytes it took.
// After the third part anything may follow: a comment has to end somehow.
func read(text string) (d Directive, took int, err error) {
	defer func() {
		if err != nil {
			d.Malformed = err.Error()
		}
	}()
	rest := text
	word := func() string {
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		end := strings.IndexFunc(rest, unicode.IsSpace)
		if end < 0 {
			end = len(rest)
		}
		w := rest[:end]
		rest = rest[end:]
		return w
	}
	used := func() int { return len(text) - len(rest) }
	rule := word()
	if err := checkRule(rule); err != nil {
		rest = text // what stands in the rule's place may be another directive
		return d, used(), err
	}
	d.Rule = rule
	for d.Date == "" || d.Reason == "" {
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		switch {
		case d.Date == "" && strings.HasPrefix(rest, "until="):
			date := strings.TrimPrefix(word(), "until=")
			if _, err := parseDate(date); err != nil {
				return d, used(), err
			}
			d.Date = date
		case d.Reason == "" && strings.HasPrefix(rest, `reason=`):
			reason, after, err := readReason(strings.TrimPrefix(rest, `reason=`))
			if err != nil {
				return d, used(), err
			}
			d.Reason, rest = reason, after
		default:
			return d, used(), missing(d)
		}
	}
	return d, used(), nil
}

// missing names the parts that are not there.
func missing(d Directive) error {
	switch {
	case d.Date == "" && d.Reason == "":
		return errors.New(`until=YYYY-MM-DD and reason="..." are missing after the rule`)
	case d.Date == "":
		return errors.New("until=YYYY-MM-DD is missing")
	}
	return errors.New(`reason="..." is missing`)
}

func checkRule(rule string) error {
	switch {
	case rule == "" || strings.Contains(rule, "="):
		return errors.New("the rule is missing")
	case len(rule) > maxRule:
		return fmt.Errorf("the rule is longer than %d bytes", maxRule)
	}
	for _, r := range rule {
		if r > unicode.MaxASCII || !(unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-/:@", r)) {
			return errors.New("the rule has a character that no rule has (letters, digits and . _ - / : @)")
		}
	}
	return nil
}

func parseDate(date string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return t, errors.New("until= is not a date of the calendar (YYYY-MM-DD)")
	}
	return t, nil
}

// readReason reads a text in double quotes, in which there is no escape, and
// gives what follows.
func readReason(text string) (reason, after string, err error) {
	inner, ok := strings.CutPrefix(text, `"`)
	if !ok {
		return "", "", errors.New("the reason is not in double quotes")
	}
	reason, after, ok = strings.Cut(inner, `"`)
	switch {
	case !ok:
		return "", "", errors.New("the reason's closing quote is not on the line")
	case !strings.ContainsFunc(reason, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }):
		return "", "", errors.New("the reason is empty")
	case !utf8.ValidString(reason):
		return "", "", errors.New("the reason is not UTF-8")
	case utf8.RuneCountInString(reason) > maxReason:
		return "", "", fmt.Errorf("the reason is longer than %d characters", maxReason)
	}
	return strings.TrimSpace(reason), after, nil
}
