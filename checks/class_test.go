package checks

import "testing"

// A weakness that several tools know has one class, and with the same flagged
// text one identity.
func TestOneWeaknessOneClass(t *testing.T) {
	for class, rules := range map[string][][2]string{
		"command-injection":          {{"gosec", "G204"}, {"bandit", "B602"}, {"semgrep", "python-shell-command"}, {"opengrep", "python-shell-command"}},
		"code-injection":             {{"eslint", "security/detect-eval-with-expression"}, {"semgrep", "javascript-eval"}, {"bandit", "B307"}},
		"unsafe-deserialization":     {{"bandit", "B301"}, {"semgrep", "python-unsafe-deserialization"}},
		"weak-tls":                   {{"gosec", "G402"}, {"bandit", "B501"}, {"semgrep", "tls-verification-off"}},
		ClassCredential:              {{"gitleaks", "aws-access-token"}, {"gosec", "G101"}, {"bandit", "B105"}},
		"house/python-shell-command": {{"house", "python-shell-command"}}, // a name says nothing by itself
	} {
		for _, r := range rules {
			if got := ClassOf(r[0], r[1]); got != class {
				t.Errorf("%s %s is %s, want %s", r[0], r[1], got, class)
			}
		}
	}
}
