package config

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/misspell"
)

// Type is how a value is written.
type Type string

// The types. Text forms: a duration is whole numbers with units, largest
// first ("14d", "1h30m"; d is 24 hours; d, h, m, s, ms); a size is a whole number with
// B, KB, MB or GB, where KB is 1,024 bytes, MB 1,024 KB and GB 1,024 MB, as in
// the limits that the engine prints (KiB, MiB and GiB mean the same).
const (
	TypeSeverity Type = "severity"
	TypeNames    Type = "list of names"
	TypePatterns Type = "list of patterns"
	TypeSwitch   Type = "switch"
	TypeAge      Type = "age"
	TypeDuration Type = "duration"
	TypeSize     Type = "size"
	TypeCount    Type = "count"
	TypeSandbox  Type = "sandbox"
	TypeEngine   Type = "engine"
	TypePlace    Type = "place"
)

// Bounds of lists and of their entries. A pattern's braces multiply the work
// of matching one path, and a file of the scanned repository may hold them.
const (
	maxPlace      = 1000 // bytes of a place for evidence
	maxNames      = 50
	maxPatterns   = 200
	maxPattern    = 256 // characters
	maxBraces     = 3
	maxBraceComma = 24
)

// The forms as regular expressions; the JSON Schema says the same ones. The
// digits are bounded so that no value overflows 64 bits.
const (
	nameForm     = `^[a-z][a-z0-9-]{0,39}$`
	durationForm = `^([0-9]{1,4}d)?([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?([0-9]{1,8}ms)?$`
	sizeForm     = `^[0-9]{1,9}([KkMmGg][Ii]?)?[Bb]$`
	zeroForm     = `^[0A-Za-z]*$` // no digit but 0
)

var (
	nameRE     = regexp.MustCompile(nameForm)
	durationRE = regexp.MustCompile(durationForm)
	sizeRE     = regexp.MustCompile(sizeForm)
	zeroRE     = regexp.MustCompile(zeroForm)
)

const (
	ageOff             = "off"
	never              = math.MaxInt64 // data is never too old
	sandboxRequired    = "required"
	sandboxBestEffort  = "best-effort"
	day                = 24 * time.Hour
	maxDuration        = 9999 * day // the most that is written with four digits
	allowedDuration    = "a duration above zero such as 10m, 90s or 1h30m (units d, h, m, s, ms, largest first)"
	allowedAge         = "off, or a duration above zero such as 14d, 36h or 1d12h (units d, h, m, s, ms, largest first)"
	allowedSize        = "a size above zero such as 500MB or 2GB (units B, KB, MB, GB; 1MB is 1,048,576 bytes)"
	allowedPatternText = "patterns such as \"gen/**\", relative to the repository's root, with / between directories"
)

// value is one parsed value: a list, or a number that orders as the setting
// does (severity, nanoseconds, bytes, 0 and 1).
type value struct {
	n    int64
	list []string
}

func number(n int64) value { return value{n: n} }

func yes(b bool) value {
	if b {
		return value{n: 1}
	}
	return value{}
}

func ageValue(d time.Duration) value {
	if d == 0 {
		return value{n: never}
	}
	return value{n: int64(d)}
}

func (v value) age() time.Duration {
	if v.n == never {
		return 0
	}
	return time.Duration(v.n)
}

// isList says whether the type is written as a list.
func (t Type) isList() bool { return t == TypeNames || t == TypePatterns }

// Allowed says what may be written, for messages and help.
func (k Key) Allowed() string {
	switch k.Type {
	case TypeSeverity:
		return oneOf(severityTexts())
	case TypeNames:
		return "a list of names of " + k.nouns + ", each once, at most " + strconv.Itoa(maxNames)
	case TypePatterns:
		return "a list of at most " + strconv.Itoa(maxPatterns) + " " + allowedPatternText
	case TypeSwitch:
		return "true or false"
	case TypeAge:
		return allowedAge
	case TypeDuration:
		return allowedDuration
	case TypeSize:
		return allowedSize
	case TypeCount:
		return fmt.Sprintf("a whole number from %d to %d", k.min, k.max)
	case TypeSandbox:
		return oneOf([]string{sandboxRequired, sandboxBestEffort})
	case TypeEngine:
		return allowedEngine
	case TypePlace:
		return "default (the state directory), a directory, git:REF[@REMOTE], oci://REGISTRY/REPOSITORY or s3://BUCKET/PREFIX"
	}
	return ""
}

// Words are the words that a value is one of, or may be; nil for another kind.
func (k Key) Words() []string {
	switch k.Type {
	case TypeSeverity:
		return severityTexts()
	case TypeSwitch:
		return []string{"true", "false"}
	case TypeSandbox:
		return []string{sandboxRequired, sandboxBestEffort}
	case TypeEngine:
		return []string{EngineAuto, EngineLocal, EngineDagger}
	case TypeAge:
		return []string{ageOff}
	}
	return nil
}

// hint names the nearest of the words to a text that is none.
func (k Key) hint(ok bool, text string) string {
	if ok {
		return "" // of the wrong type only
	}
	return misspell.Hint(text, k.Words())
}

func oneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// severityTexts are the severities that a threshold may be. Unrated is not
// one of them: as a threshold it would read as its own default.
func severityTexts() []string {
	var names []string
	for _, s := range checks.Severities() {
		if s != checks.Unrated {
			names = append(names, s.String())
		}
	}
	return names
}

// scalar reads the text form of a value that is no list; false when it is
// not one.
func (k Key) scalar(text string) (value, bool) {
	switch k.Type {
	case TypeSeverity:
		s, err := checks.ParseSeverity(text)
		return number(int64(s)), err == nil && slices.Contains(severityTexts(), text)
	case TypeSwitch:
		return yes(text == "true"), text == "true" || text == "false"
	case TypeSandbox:
		return yes(text == sandboxRequired), text == sandboxRequired || text == sandboxBestEffort
	case TypeEngine:
		e, ok := parseEngine(text)
		return value{list: []string{e.String()}}, ok
	case TypePlace:
		return value{list: []string{text}}, text != "" && utf8.RuneCountInString(text) <= maxPlace && !strings.ContainsFunc(text, unicode.IsControl)
	case TypeAge:
		if text == ageOff {
			return number(never), true
		}
		return parseDuration(text)
	case TypeDuration:
		return parseDuration(text)
	case TypeSize:
		return parseSize(text)
	case TypeCount:
		n, err := strconv.ParseInt(text, 10, 64)
		// Only the plain form: YAML reads 010 as eight.
		return number(n), err == nil && n >= k.min && n <= k.max && strconv.FormatInt(n, 10) == text
	}
	return value{}, false
}

// parseDuration reads durationForm; time.ParseDuration knows no days.
func parseDuration(text string) (value, bool) {
	m := durationRE.FindStringSubmatch(text)
	if m == nil || zeroRE.MatchString(text) {
		return value{}, false
	}
	var sum time.Duration
	for i, unit := range []time.Duration{day, time.Hour, time.Minute, time.Second, time.Millisecond} {
		digits := strings.TrimRight(m[i+1], "dhms")
		if digits == "" {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return value{}, false
		}
		sum += time.Duration(n) * unit
	}
	return number(int64(sum)), sum <= maxDuration
}

// parseSize reads sizeForm into bytes.
func parseSize(text string) (value, bool) {
	if !sizeRE.MatchString(text) || zeroRE.MatchString(text) {
		return value{}, false
	}
	digits := strings.TrimRight(text, "KkMmGgIiBb")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return value{}, false
	}
	shift := map[byte]uint{'K': 10, 'M': 20, 'G': 30}[strings.ToUpper(text)[len(digits)]]
	return number(n << shift), true
}

// entry says what is wrong with one entry of a list; "" when nothing is.
func (k Key) entry(text string) string {
	switch {
	case k.Type == TypeNames && !nameRE.MatchString(text):
		return "is not the name of a " + k.noun + " (lower-case letters, digits and -)"
	case k.Type == TypePatterns:
		return wrongPattern(text)
	}
	return ""
}

func wrongPattern(p string) string {
	switch {
	case p == "":
		return "is empty"
	case utf8.RuneCountInString(p) > maxPattern:
		return fmt.Sprintf("is longer than %d characters", maxPattern)
	case strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "has a character that does not print"
	case strings.HasPrefix(p, "/"):
		return "starts with /; patterns are relative to the repository's root"
	case strings.Count(p, "{") > maxBraces || strings.Count(p, "{") > 0 && strings.Count(p, ",") > maxBraceComma:
		return fmt.Sprintf("has more than %d alternatives in braces, or more than %d commas in them", maxBraces, maxBraceComma)
	case !doublestar.ValidatePattern(p):
		return "is not a pattern (a bracket, brace or backslash is not closed)"
	}
	for _, part := range strings.Split(p, "/") {
		if part == "." || part == ".." {
			return "has a directory " + part + ", which matches nothing"
		}
	}
	return ""
}

// maxEntries bounds a list.
func (k Key) maxEntries() int {
	if k.Type == TypeNames {
		return maxNames
	}
	return maxPatterns
}

// format writes a value as text, the inverse of scalar.
func (k Key) format(v value) string {
	switch k.Type {
	case TypeSeverity:
		return checks.Severity(v.n).String()
	case TypeNames, TypePatterns:
		return "[" + strings.Join(v.list, ", ") + "]"
	case TypeEngine:
		return strings.Join(v.list, ",")
	case TypeSwitch:
		return strconv.FormatBool(v.n != 0)
	case TypeSandbox:
		if v.n != 0 {
			return sandboxRequired
		}
		return sandboxBestEffort
	case TypePlace:
		return v.list[0]
	case TypeAge:
		if v.n == never {
			return ageOff
		}
		return formatDuration(time.Duration(v.n))
	case TypeDuration:
		return formatDuration(time.Duration(v.n))
	case TypeSize:
		return formatSize(v.n)
	}
	return strconv.FormatInt(v.n, 10)
}

// formatDuration writes the largest units first and leaves out zeros. Hours
// are kept up to two days, so that 36h stays what somebody wrote.
func formatDuration(d time.Duration) string {
	var b strings.Builder
	if days := d / day; days >= 2 || d == day {
		fmt.Fprintf(&b, "%dd", days)
		d -= days * day
	}
	for _, u := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if n := d / u.size; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d -= n * u.size
		}
	}
	return b.String()
}

// formatSize writes the largest unit that divides the bytes.
func formatSize(n int64) string {
	for _, u := range []struct {
		shift uint
		name  string
	}{{30, "GB"}, {20, "MB"}, {10, "KB"}} {
		if n >= 1<<u.shift && n%(1<<u.shift) == 0 {
			return strconv.FormatInt(n>>u.shift, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}
