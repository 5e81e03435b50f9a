package checks

import "strings"

// Classes that several checks share.
const (
	ClassCredential = "hardcoded-credential"
	ClassDependency = "vulnerable-dependency"
	// ClassJudging begins the classes of findings about how a scan is judged.
	ClassJudging = "vitalsign/"
)

// ClassOf maps a tool's rule to the weakness it stands for, so that a finding
// seen by two tools has one identity, and keeps it when one of them is gone.
// Tools are named as their rules are: "gitleaks", "gosec", "trivy", "osv". A
// rule that is not in the table is a class of its own.
func ClassOf(tool, rule string) string {
	switch tool {
	case "gitleaks":
		return ClassCredential
	case "osv":
		return ClassDependency
	case "dast":
		if c, ok := dastClasses()[rule]; ok {
			return c
		}
	case "gosec":
		if c, ok := gosecClasses()[rule]; ok {
			return c
		}
	default:
		if c, ok := externalClasses()[tool][rule]; ok {
			return c
		}
	}
	return strings.ToLower(tool + "/" + rule)
}

// gosecClasses names gosec rules that other tools know too, or that gosec
// itself has twice (a pattern rule and a taint or SSA analyzer). Names are the
// CWE's own short words.
func gosecClasses() map[string]string {
	return map[string]string{
		"G101": ClassCredential,
		"G201": "sql-injection", "G202": "sql-injection", "G701": "sql-injection",
		"G204": "command-injection", "G702": "command-injection",
		"G304": "path-traversal", "G703": "path-traversal",
		"G107": "server-side-request-forgery", "G704": "server-side-request-forgery",
		"G203": "cross-site-scripting", "G705": "cross-site-scripting",
		"G706": "log-injection",
		"G401": "weak-hash", "G501": "weak-hash", "G505": "weak-hash", "G506": "weak-hash",
		"G405": "weak-cipher", "G406": "weak-cipher", "G502": "weak-cipher", "G503": "weak-cipher",
		"G404": "weak-random",
		"G402": "weak-tls", "G403": "weak-key",
	}
}

// dastClasses names rules about a running application whose weakness is one
// that sources are searched for, too.
func dastClasses() map[string]string {
	return map[string]string{
		"web-sql-injection": "sql-injection", "web-command-injection": "command-injection",
		"web-code-injection":     "code-injection",
		"web-template-injection": "template-injection", "web-path-traversal": "path-traversal",
		"web-ssrf": "server-side-request-forgery", "web-xss-reflected": "cross-site-scripting",
		"web-xss-stored": "cross-site-scripting", "web-open-redirect": "open-redirect",
		"web-header-injection": "header-injection", "web-xxe": "xml-external-entities",
	}
}

// externalClasses names rules of the presets' tools that other tools know too:
// bandit's plugins and blacklists, the semgrep preset's own rules, and
// eslint-plugin-security.
func externalClasses() map[string]map[string]string {
	semgrep := map[string]string{
		"python-shell-command": "command-injection", "python-unsafe-deserialization": "unsafe-deserialization",
		"javascript-eval": "code-injection", "java-sql-concatenation": "sql-injection", "tls-verification-off": "weak-tls",
	}
	return map[string]map[string]string{
		"bandit": {
			"B602": "command-injection", "B604": "command-injection", "B605": "command-injection", "B609": "command-injection",
			"B301": "unsafe-deserialization", "B302": "unsafe-deserialization", "B506": "unsafe-deserialization",
			"B307": "code-injection", "B608": "sql-injection", "B501": "weak-tls", "B502": "weak-tls", "B503": "weak-tls",
			"B303": "weak-hash", "B324": "weak-hash", "B311": "weak-random",
			"B105": ClassCredential, "B106": ClassCredential, "B107": ClassCredential,
		},
		"semgrep": semgrep, "opengrep": semgrep,
		"eslint": {
			"security/detect-eval-with-expression": "code-injection", "security/detect-child-process": "command-injection",
			"security/detect-pseudoRandomBytes": "weak-random",
		},
	}
}
