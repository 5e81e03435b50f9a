package osvdb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds on one record. The largest record of osv.dev's exports is a few MB;
// what is over a bound is refused, never cut, except for the texts.
const (
	maxRecord     = 16 << 20 // bytes of JSON
	maxID         = 128
	maxName       = 1024
	maxVersion    = 256
	maxAliases    = 1000
	maxPackages   = 20000 // affected entries
	maxVersions   = 100000
	maxEvents     = 10000 // of one range
	maxRanges     = 10000 // of one affected entry
	maxSummary    = 200   // characters
	maxReferences = 3
	maxReference  = 300
	maxCWE        = 10
)

// Record is a checked record: its advisories by ecosystem and package.
type Record struct {
	ID string
	// Newest is the later of modified and published, UTC. A date that cannot be
	// read counts as none: it decides nothing but the age of the data.
	Newest time.Time
	// Packages holds one entry per ecosystem (without suffix) and normalised name.
	Packages map[PackageKey]Advisory
}

// PackageKey names a package of an ecosystem.
type PackageKey struct{ Ecosystem, Name string }

// rawRecord is the part of the schema that is read.
type rawRecord struct {
	SchemaVersion    string          `json:"schema_version"`
	ID               string          `json:"id"`
	Modified         string          `json:"modified"`
	Published        string          `json:"published"`
	Withdrawn        string          `json:"withdrawn"`
	Aliases          []string        `json:"aliases"`
	Summary          string          `json:"summary"`
	Details          string          `json:"details"`
	Severity         []Severity      `json:"severity"`
	Affected         []rawAffected   `json:"affected"`
	References       []rawReference  `json:"references"`
	DatabaseSpecific json.RawMessage `json:"database_specific"`
}

type rawAffected struct {
	Package *struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
	} `json:"package"`
	Ranges           []Range         `json:"ranges"`
	Versions         []string        `json:"versions"`
	Severity         []Severity      `json:"severity"`
	DatabaseSpecific json.RawMessage `json:"database_specific"`
}

type rawReference struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// ParseRecord checks one OSV record (schema 1.x: id, modified, affected and
// what they hold) and reduces it. A record that is not well-formed is an error.
// One that names no package (commits only) gives no packages.
func ParseRecord(b []byte) (Record, error) {
	if len(b) > maxRecord {
		return Record{}, fmt.Errorf("larger than %d bytes", maxRecord)
	}
	var raw rawRecord
	if err := json.Unmarshal(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), &raw); err != nil {
		return Record{}, fmt.Errorf("not an OSV record: %w", err)
	}
	if err := raw.check(); err != nil {
		return Record{}, err
	}
	r := Record{ID: raw.ID, Newest: date(raw.Modified), Packages: map[PackageKey]Advisory{}}
	if published := date(raw.Published); published.After(r.Newest) {
		r.Newest = published
	}
	for _, a := range raw.Affected {
		if a.Package == nil {
			continue
		}
		key := PackageKey{Base(a.Package.Ecosystem), NormalName(a.Package.Ecosystem, a.Package.Name)}
		affected, err := a.reduce()
		if err != nil {
			return Record{}, fmt.Errorf("%s: %w", raw.ID, err)
		}
		adv, known := r.Packages[key]
		if !known {
			adv = raw.advisory(a)
		}
		adv.Affected = append(adv.Affected, affected)
		r.Packages[key] = adv
	}
	return r, nil
}

func (r rawRecord) check() error {
	switch {
	case !printable(r.ID, maxID) || strings.ContainsAny(r.ID, " /\\"):
		return errors.New("id is missing or malformed")
	case r.SchemaVersion != "" && !strings.HasPrefix(r.SchemaVersion, "1."):
		return fmt.Errorf("%s: schema_version %.20q is not 1.x", r.ID, r.SchemaVersion)
	case r.Modified == "":
		return fmt.Errorf("%s: modified is missing", r.ID)
	case len(r.Affected) == 0 && r.Withdrawn == "":
		return fmt.Errorf("%s: affected is missing", r.ID)
	case len(r.Affected) > maxPackages || len(r.Aliases) > maxAliases:
		return fmt.Errorf("%s: more than %d affected entries or %d aliases", r.ID, maxPackages, maxAliases)
	}
	for _, alias := range r.Aliases {
		if !printable(alias, maxID) {
			return fmt.Errorf("%s: a malformed alias", r.ID)
		}
	}
	for _, a := range r.Affected {
		if p := a.Package; p != nil && (!printable(p.Name, maxName) || !ecosystemShape.MatchString(Base(p.Ecosystem))) {
			return fmt.Errorf("%s: a malformed package or ecosystem", r.ID)
		}
	}
	return nil
}

// date reads RFC 3339. golang/vulndb's own files carry year 1 as a placeholder.
func date(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// printable says whether s is short, valid, and without control characters,
// which would break lines and terminals.
func printable(s string, limit int) bool {
	return s != "" && len(s) <= limit && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// advisory is the record without its affected entries.
func (r rawRecord) advisory(a rawAffected) Advisory {
	adv := Advisory{
		ID: r.ID, Aliases: r.Aliases, Summary: summary(r.Summary, r.Details), Withdrawn: r.Withdrawn != "",
		Severity: severities(r.Severity), Level: level(r.DatabaseSpecific), References: references(r.References),
	}
	if own := severities(a.Severity); len(own) > 0 {
		adv.Severity = own
	}
	adv.CWE = cwes(r.DatabaseSpecific, a.DatabaseSpecific)
	return adv
}

func (a rawAffected) reduce() (Affected, error) {
	if len(a.Ranges) > maxRanges || len(a.Versions) > maxVersions {
		return Affected{}, fmt.Errorf("more than %d ranges or %d versions", maxRanges, maxVersions)
	}
	out := Affected{Versions: a.Versions}
	for _, v := range a.Versions {
		if !printable(v, maxVersion) {
			return Affected{}, errors.New("a malformed version")
		}
	}
	for _, r := range a.Ranges {
		reduced, err := r.reduce()
		if err != nil {
			return Affected{}, err
		}
		if r.Type == RangeGit && slices.ContainsFunc(out.Ranges, func(o Range) bool { return o.Type == RangeGit }) {
			continue
		}
		out.Ranges = append(out.Ranges, reduced)
	}
	return out, nil
}

// reduce gives every event exactly one field, and a range that says no
// introduced (the schema requires one) the widest meaning: from the beginning.
func (r Range) reduce() (Range, error) {
	switch {
	case r.Type == RangeGit:
		return Range{Type: RangeGit}, nil
	case r.Type != RangeSemver && r.Type != RangeEcosystem:
		return Range{}, fmt.Errorf("range type %.20q is not known", r.Type)
	case len(r.Events) > maxEvents:
		return Range{}, fmt.Errorf("a range of more than %d events", maxEvents)
	}
	out := Range{Type: r.Type}
	begins := false
	for _, e := range r.Events {
		begins = begins || e.Introduced != ""
		single := e.split()
		if len(single) == 0 {
			return Range{}, errors.New("an event without a version")
		}
		out.Events = append(out.Events, single...)
	}
	for _, e := range out.Events {
		if !printable(e.Version(), maxVersion) {
			return Range{}, errors.New("a malformed version in an event")
		}
	}
	if !begins {
		out.Events = append([]Event{{Introduced: "0"}}, out.Events...)
	}
	return out, nil
}

func (e Event) split() (out []Event) {
	for _, one := range []Event{{Introduced: e.Introduced}, {Fixed: e.Fixed}, {LastAffected: e.LastAffected}, {Limit: e.Limit}} {
		if one != (Event{}) {
			out = append(out, one)
		}
	}
	return out
}

// Version is the version that the event names.
func (e Event) Version() string { return e.Introduced + e.Fixed + e.LastAffected + e.Limit }

// summary is the summary, or the first line of the details, clipped.
func summary(short, long string) string {
	s := strings.TrimSpace(short)
	if s == "" {
		s, _, _ = strings.Cut(strings.TrimLeft(long, "# \t\r\n"), "\n")
	}
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	if r := []rune(s); len(r) > maxSummary {
		s = strings.TrimSpace(string(r[:maxSummary])) + "…"
	}
	return s
}

func severities(in []Severity) (out []Severity) {
	for _, s := range in {
		if strings.HasPrefix(s.Type, "CVSS_") && printable(s.Type, 16) && printable(s.Score, maxVersion) && len(out) < 8 {
			out = append(out, s)
		}
	}
	return out
}

// level reads database_specific.severity, a word that GitHub's advisories carry.
func level(specific json.RawMessage) string {
	var d struct {
		Severity string `json:"severity"`
	}
	if json.Unmarshal(specific, &d) != nil || !printable(d.Severity, 16) {
		return "" // free-form by the schema: another shape says nothing
	}
	return strings.ToUpper(d.Severity)
}

var cweShape = regexp.MustCompile(`^CWE-[0-9]{1,5}$`)

// cwes reads the two places where databases write weaknesses:
// database_specific.cwe_ids (GitHub) and affected[].database_specific.cwes
// (OpenSSF malicious packages).
func cwes(record, affected json.RawMessage) []string {
	var d struct {
		IDs []string `json:"cwe_ids"`
	}
	var a struct {
		CWEs []struct {
			ID string `json:"cweId"`
		} `json:"cwes"`
	}
	// Both are free-form by the schema: another shape says nothing.
	_ = json.Unmarshal(record, &d)
	_ = json.Unmarshal(affected, &a)
	ids := d.IDs
	for _, c := range a.CWEs {
		ids = append(ids, c.ID)
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return !cweShape.MatchString(id) })
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return ids[:min(len(ids), maxCWE)]
}

// references keeps the few that explain best: the advisory, then reports and
// articles, then anything else that is a web address.
func references(in []rawReference) (out []string) {
	order := []string{"ADVISORY", "REPORT", "ARTICLE", "WEB", ""}
	for _, kind := range order {
		for _, r := range in {
			if len(out) < maxReferences && (r.Type == kind || kind == "") && printable(r.URL, maxReference) &&
				strings.HasPrefix(r.URL, "https://") && !slices.Contains(out, r.URL) {
				out = append(out, r.URL)
			}
		}
	}
	return out
}
