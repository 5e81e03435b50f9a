package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/vitalsign-dev/vitalsign/attest"
)

// severities from the least to the worst; unrated counts as what the gate says.
func severities() []string { return []string{"info", "low", "medium", "high", "critical"} }

// rank orders severities; what is no severity is worse than all.
func rank(s string) int {
	if i := slices.Index(severities(), s); i >= 0 {
		return i
	}
	return len(severities())
}

// Predicates are the short names that a policy may use.
func Predicates() map[string][]string {
	return map[string][]string{
		"bill-of-health": {attest.PredicateBill},
		"provenance":     {attest.PredicateProvenance, attest.PredicateProvenance02},
		"vsa":            {attest.PredicateVSA},
		"vulns":          {attest.PredicateVulns},
		"test-result":    {attest.PredicateTestResult},
		"sbom":           {attest.PredicateCycloneDX, attest.PredicateSPDX},
		"vex":            {attest.PredicateOpenVEX},
		"signature":      {Signature},
	}
}

// Signature stands for a plain signature over an artifact, which has no predicate.
const Signature = "signature"

// typesOf are the predicate types behind names.
func typesOf(names []string) []string {
	var out []string
	for _, n := range names {
		if known, ok := Predicates()[n]; ok {
			out = append(out, known...)
		} else {
			out = append(out, n)
		}
	}
	return out
}

// name is the short name of a type, for people.
func name(predicate string) string {
	for n, known := range Predicates() {
		if slices.Contains(known, predicate) {
			return "sign a " + n
		}
	}
	return "say " + predicate
}

// day is a date as a limit: it ends at 24:00 UTC.
type day struct {
	text  string
	start time.Time
}

func (d *day) UnmarshalYAML(n *yaml.Node) error {
	t, err := time.Parse(time.DateOnly, n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is not a date (YYYY-MM-DD)", n.Line, n.Value)
	}
	d.text, d.start = n.Value, t
	return nil
}

func (d day) end() time.Time { return d.start.AddDate(0, 0, 1) }

// Age is a duration in whole days or hours ("14d", "36h"). Zero is not stated.
type Age time.Duration

// UnmarshalYAML reads the text form.
func (a *Age) UnmarshalYAML(n *yaml.Node) error {
	unit := map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour}
	if len(n.Value) > 1 {
		count, err := strconv.Atoi(n.Value[:len(n.Value)-1])
		if u := unit[n.Value[len(n.Value)-1:]]; err == nil && u > 0 && count > 0 && count <= 24*3660 {
			*a = Age(time.Duration(count) * u)
			return nil
		}
	}
	return fmt.Errorf("line %d: %q is no age, e.g. 7d or 36h", n.Line, n.Value)
}

func (a Age) String() string {
	if h := time.Duration(a).Hours(); h >= 48 {
		return fmt.Sprintf("%.0f d", h/24)
	} else {
		return fmt.Sprintf("%.0f h", h)
	}
}

// check refuses what would let something through unseen.
func (p *Policy) check() error {
	f := p.file
	switch {
	case f.Schema != Schema:
		return fmt.Errorf("schema is %q, not %q", f.Schema, Schema)
	case f.Version < 1:
		return errors.New("version must be 1 or more, and grow with each change")
	case f.Expires.text == "":
		return errors.New("expires is missing: a policy is for a time")
	case len(f.Identities) == 0:
		return errors.New("identities is empty: the policy believes nobody")
	case len(f.Require.Checks) == 0:
		return errors.New("require.checks is empty: nothing would have been looked at")
	case f.Require.BillAge == 0:
		return errors.New("require.bill_max_age is missing: an old bill would be good for ever")
	case !slices.Contains([]string{"", "optional", "required"}, f.Require.Previous):
		return fmt.Errorf("require.previous is optional or required, not %q", f.Require.Previous)
	case !slices.Contains([]string{"", "off", "allowed"}, f.IgnoreFiles):
		return fmt.Errorf("ignore_files is off or allowed, not %q", f.IgnoreFiles)
	case f.Waivers.Approvals < 0:
		return errors.New("waivers.approvals is less than 0")
	}
	if err := f.checkSeverities(); err != nil {
		return err
	}
	return f.checkPeople()
}

func (f file) checkSeverities() error {
	known := func(where, s string, must bool) error {
		if s == "" && !must || rank(s) < len(severities()) {
			return nil
		}
		return fmt.Errorf("%s: %q is no severity; they are %s", where, s, strings.Join(severities(), ", "))
	}
	errs := []error{known("gate.fail_on", f.Gate.FailOn, true), known("gate.unrated_as", f.Gate.UnratedAs, false)}
	if f.Inline.MaxDays > 0 || f.Inline.MaxSeverity != "" {
		errs = append(errs, known("inline.max_severity", f.Inline.MaxSeverity, true))
	}
	for n, r := range f.Roles {
		if r == nil {
			errs = append(errs, fmt.Errorf("roles.%s says nothing", n))
			continue
		}
		for verb, b := range map[string]*Bound{"waive": r.Waive, "approve": r.Approve} {
			if b != nil {
				errs = append(errs, known("roles."+n+"."+verb+".max_severity", b.MaxSeverity, true))
			}
		}
		if r.Waive != nil && r.Waive.MaxDays < 1 {
			errs = append(errs, fmt.Errorf("roles.%s.waive.max_days is missing", n))
		}
		for _, s := range r.Speaks {
			if _, ok := Predicates()[s]; !ok && !strings.Contains(s, "://") {
				errs = append(errs, fmt.Errorf("roles.%s.speaks: there is no predicate %q", n, s))
			}
		}
	}
	return errors.Join(errs...)
}

func (f file) checkPeople() error {
	seen := map[string]bool{}
	for _, i := range f.Identities {
		switch {
		case i.Name == "" || seen[i.Name]:
			return fmt.Errorf("identities: the name %q is empty or there twice", i.Name)
		case len(i.Roles) == 0:
			return fmt.Errorf("identity %q has no role", i.Name)
		}
		seen[i.Name] = true
		for _, r := range i.Roles {
			if f.Roles[r] == nil {
				return fmt.Errorf("identity %q: there is no role %q", i.Name, r)
			}
		}
	}
	return nil
}
