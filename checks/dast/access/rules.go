package access

import "github.com/vitalsign-dev/vitalsign/checks"

// Rules are those that this package reports.
func Rules() []checks.Rule {
	const guide = "https://owasp.org/www-project-web-security-testing-guide/v42/4-Web_Application_Security_Testing/05-Authorization_Testing/"
	const hipaa = "https://www.hhs.gov/hipaa/for-professionals/security/laws-regulations/index.html"
	const top = "https://owasp.org/API-Security/editions/2023/en/"
	return []checks.Rule{
		{ID: "web-access-anonymous", Title: "Anybody gets what only somebody who is logged in should", Severity: checks.Critical, CWE: []string{"CWE-306"}, References: []string{top + "0xa2-broken-authentication/", guide + "02-Testing_for_Bypassing_Authorization_Schema", hipaa}, Advice: "Ask for credentials on the server before anything is answered, for every route that is not on a list of public ones."},
		{ID: "web-access-horizontal", Title: "Somebody gets what belongs to somebody else", Severity: checks.High, CWE: []string{"CWE-639"}, References: []string{top + "0xa1-broken-object-level-authorization/", guide + "04-Testing_for_Insecure_Direct_Object_References", hipaa}, Advice: "Look up each object together with who asks for it, and answer 404 where it is not theirs."},
		{ID: "web-access-bypass", Title: "Another spelling of a request opens what is closed", Severity: checks.High, CWE: []string{"CWE-288"}, References: []string{guide + "02-Testing_for_Bypassing_Authorization_Schema", "https://www.rfc-editor.org/rfc/rfc3986#section-6"}, Advice: "Decide about access where the request is routed, after the path is normalised, and drop headers that name another path or method."},
		{ID: "web-excess-data", Title: "Answers hold secrets that no screen needs", Severity: checks.Low, CWE: []string{"CWE-213"}, References: []string{top + "0xa3-broken-object-property-level-authorization/", "https://www.hhs.gov/hipaa/for-professionals/privacy/guidance/minimum-necessary-requirement/index.html"}, Advice: "Build answers from a list of the members that are needed, and never from the whole record."},
	}
}
