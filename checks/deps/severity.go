package deps

import (
	"strings"

	gocvss20 "github.com/pandatix/go-cvss/20"
	gocvss30 "github.com/pandatix/go-cvss/30"
	gocvss31 "github.com/pandatix/go-cvss/31"
	gocvss40 "github.com/pandatix/go-cvss/40"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/osvdb"
)

// maliciousPrefix marks records of the OpenSSF malicious-packages database.
const maliciousPrefix = "MAL-"

// severity rates a record: a malicious package is critical; then the newest
// CVSS version that the record has; then the database's own word; else unrated.
func severity(a osvdb.Advisory) checks.Severity {
	if strings.HasPrefix(a.ID, maliciousPrefix) {
		return checks.Critical
	}
	for _, kind := range []string{"CVSS_V4", "CVSS_V3", "CVSS_V2"} {
		for _, s := range a.Severity {
			if s.Type != kind {
				continue
			}
			if score, ok := score(s.Score); ok {
				return band(kind, score)
			}
		}
	}
	return word(a.Level)
}

// score computes the base score of a CVSS vector.
func score(vector string) (float64, bool) {
	switch {
	case strings.HasPrefix(vector, "CVSS:4.0/"):
		v, err := gocvss40.ParseVector(vector)
		if err != nil {
			return 0, false
		}
		return v.Score(), true
	case strings.HasPrefix(vector, "CVSS:3.1/"):
		v, err := gocvss31.ParseVector(vector)
		if err != nil {
			return 0, false
		}
		return v.BaseScore(), true
	case strings.HasPrefix(vector, "CVSS:3.0/"):
		v, err := gocvss30.ParseVector(vector)
		if err != nil {
			return 0, false
		}
		return v.BaseScore(), true
	}
	v, err := gocvss20.ParseVector(strings.Trim(vector, "()"))
	if err != nil {
		return 0, false
	}
	return v.BaseScore(), true
}

// band is the qualitative scale of CVSS v3.1 (specification section 5) and v4.0
// (section 6). CVSS v2 has none of its own and is given NVD's, without critical
// (https://nvd.nist.gov/vuln-metrics/cvss).
func band(kind string, score float64) checks.Severity {
	switch {
	case score >= 9 && kind != "CVSS_V2":
		return checks.Critical
	case score >= 7:
		return checks.High
	case score >= 4:
		return checks.Medium
	case score > 0:
		return checks.Low
	}
	return checks.Info
}

// word reads database_specific.severity as GitHub writes it.
func word(level string) checks.Severity {
	switch level {
	case "CRITICAL":
		return checks.Critical
	case "HIGH":
		return checks.High
	case "MODERATE", "MEDIUM":
		return checks.Medium
	case "LOW":
		return checks.Low
	}
	return checks.Unrated
}
