package checks

import (
	"fmt"
	"strings"
)

// Severity orders findings. The zero value is Unrated, which a gate must treat
// as its policy's unrated_as (default high), never as harmless.
type Severity int

// The severities, from "nobody rated it" upwards.
const (
	Unrated Severity = iota
	Info
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"unrated", "info", "low", "medium", "high", "critical"}

// Severities lists every severity from worst to Unrated, for reports.
func Severities() []Severity {
	return []Severity{Critical, High, Medium, Low, Info, Unrated}
}

func (s Severity) String() string {
	if s < 0 || int(s) >= len(severityNames) {
		return severityNames[Unrated]
	}
	return severityNames[s]
}

// ParseSeverity reads a severity by name, in any case. An unknown name is an
// error that lists the known ones.
func ParseSeverity(name string) (Severity, error) {
	for i, n := range severityNames {
		if strings.EqualFold(n, name) {
			return Severity(i), nil
		}
	}
	return Unrated, fmt.Errorf("severity %q is not one of %s", name, strings.Join(severityNames[:], ", "))
}

// MarshalText writes the lower-case name.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a name as ParseSeverity does.
func (s *Severity) UnmarshalText(b []byte) error {
	v, err := ParseSeverity(string(b))
	if err != nil {
		return err
	}
	*s = v
	return nil
}

// SecuritySeverity is the CVSS-like number that SARIF consumers sort by
// (properties.security-severity, "0.1" to "10.0"): the middle of the CVSS v3.1
// qualitative band of that name (specification section 5). Unrated is given
// high's number, because that is how it is judged by default.
func (s Severity) SecuritySeverity() string {
	switch s {
	case Critical:
		return "9.5"
	case High, Unrated:
		return "8.0"
	case Medium:
		return "5.5"
	case Low:
		return "2.0"
	default:
		return "0.1"
	}
}
