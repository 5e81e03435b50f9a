package session

import "github.com/vitalsign-dev/vitalsign/checks"

// Rules are those that this package reports.
func Rules() []checks.Rule {
	const guide = "https://owasp.org/www-project-web-security-testing-guide/v42/4-Web_Application_Security_Testing/06-Session_Management_Testing/"
	const asvs = "https://github.com/OWASP/ASVS/tree/v4.0.3"
	return []checks.Rule{
		{ID: "web-session-fixation", Title: "The session of before the login is the one after it", Severity: checks.High, CWE: []string{"CWE-384"}, References: []string{guide + "03-Testing_for_Session_Fixation", asvs}, Advice: "Give a new session identifier at each login, and forget the old one."},
		{ID: "web-session-logout", Title: "A session outlives its logout", Severity: checks.Medium, CWE: []string{"CWE-613"}, References: []string{guide + "06-Testing_for_Logout_Functionality", asvs}, Advice: "End the session on the server at logout; taking the cookie away ends nothing."},
		{ID: "web-session-endless", Title: "A session or token has no end, or a late one", Severity: checks.Low, CWE: []string{"CWE-613"}, References: []string{"https://www.rfc-editor.org/rfc/rfc8725", "https://www.hhs.gov/hipaa/for-professionals/security/laws-regulations/index.html", asvs}, Advice: "Let tokens end after minutes and sessions after hours (automatic logoff, 45 CFR 164.312(a)(2)(iii)), and renew them while they are used."},
		{ID: "web-jwt-unverified", Title: "Anybody can make tokens: signatures are not checked", Severity: checks.Critical, CWE: []string{"CWE-347"}, References: []string{"https://www.rfc-editor.org/rfc/rfc8725#section-3.1", "https://www.rfc-editor.org/rfc/rfc7515#section-5.2"}, Advice: "Check each token's signature, with the algorithms of a list that does not hold none, before anything in it is believed."},
		{ID: "web-login-unlimited", Title: "Passwords can be tried without limit", Severity: checks.Low, CWE: []string{"CWE-307"}, References: []string{"https://pages.nist.gov/800-63-3/sp800-63b.html#throttle", asvs}, Advice: "Slow down or refuse further tries after a few wrong passwords, by account and by address."},
	}
}
