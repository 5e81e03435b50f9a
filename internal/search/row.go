// Package search finds, orders and groups findings of one or many repositories
// while somebody types. It is pure: rows go in through a Builder, an Index
// answers, and nothing is read from a disk, a clock or a terminal.
//
// An Index keeps a million findings in columns of numbers; every text is there
// once, in a dictionary. A query is matched against the dictionaries and not
// against the rows, which are then asked for their numbers only. Text is kept
// as it came, whatever it holds: who shows it escapes it.
package search

import (
	"encoding/hex"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Row is a finding as a list shows it.
type Row struct {
	// Repo is what a person calls the target, Target its path, Run the id of
	// the run that saw it and Ordinal the place in that run's Findings.
	Repo, Target, Run string
	Ordinal           int
	Fingerprint       string
	Severity          checks.Severity
	// Check, Rule and Title say what was found, Path and Line where.
	Check, Rule, Title, Path string
	Line                     int
	Package                  string
	CWE                      []string
	Role                     string
	// Credential says that the finding blocks whatever its role is.
	Credential bool
	// New means something only where NewKnown is set: without a run to compare
	// with, a finding is neither new nor known.
	New, NewKnown   bool
	Waived, Ignored bool
}

// Open says whether nothing sets the finding aside.
func (r Row) Open() bool { return !r.Waived && !r.Ignored }

// Batch is the findings of one run with each text once: how a store hands over
// thousands of rows without making thousands of strings.
type Batch struct {
	Repo, Target, Run string
	Kinds             []Kind
	Paths, Packages   []string
	Items             []Item
	// Odd holds, by place in Items, the fingerprints that are not 64 lower-case
	// hex digits.
	Odd map[int]string
}

// Kind is what many findings of a run have in common.
type Kind struct {
	Check, Rule, Title string
	Severity           checks.Severity
	CWE                []string
	Role               string
	Credential         bool
}

// Item is one finding of a batch. Kind, Path and Package are places in the
// batch's lists.
type Item struct {
	Kind, Path, Package            uint32
	Line                           int32
	Ordinal                        uint32
	New, NewKnown, Waived, Ignored bool
	Print                          Print
}

// Print is a fingerprint in bytes.
type Print [32]byte

// ParsePrint reads 64 lower-case hex digits; ok is false for anything else.
func ParsePrint(s string) (p Print, ok bool) {
	if len(s) != 2*len(p) {
		return p, false
	}
	for i := range p {
		hi, lo := digit(s[2*i]), digit(s[2*i+1])
		if hi > 15 || lo > 15 {
			return Print{}, false
		}
		p[i] = hi<<4 | lo
	}
	return p, true
}

// digit is the value of a lower-case hex digit, or more than 15.
func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	}
	return 0xff
}

func (p Print) String() string { return hex.EncodeToString(p[:]) }
