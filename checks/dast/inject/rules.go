package inject

import "github.com/vitalsign-dev/vitalsign/checks"

// Rules are those that this package reports.
func Rules() []checks.Rule {
	cheat := func(name string) []string {
		return []string{"https://cheatsheetseries.owasp.org/cheatsheets/" + name + "_Cheat_Sheet.html"}
	}
	return []checks.Rule{
		{ID: "web-sql-injection", Title: "SQL injection", Severity: checks.Critical, CWE: []string{"CWE-89"}, References: cheat("SQL_Injection_Prevention"), Advice: "Give values to the database as parameters, never as part of the statement."},
		{ID: "web-command-injection", Title: "Command injection", Severity: checks.Critical, CWE: []string{"CWE-78"}, References: cheat("OS_Command_Injection_Defense"), Advice: "Start programs with a list of arguments and without a shell; take only values from a list."},
		{ID: "web-code-injection", Title: "Code injection", Severity: checks.Critical, CWE: []string{"CWE-95"}, References: []string{"https://owasp.org/www-community/attacks/Code_Injection"}, Advice: "Do not evaluate input; parse it, or choose from a list."},
		{ID: "web-template-injection", Title: "Template injection", Severity: checks.Critical, CWE: []string{"CWE-1336"}, References: []string{"https://owasp.org/www-project-web-security-testing-guide/v42/4-Web_Application_Security_Testing/07-Input_Validation_Testing/18-Testing_for_Server-side_Template_Injection"}, Advice: "Give input to templates as values, never as part of the template."},
		{ID: "web-path-traversal", Title: "Files outside of the application can be read", Severity: checks.High, CWE: []string{"CWE-22"}, References: []string{"https://owasp.org/www-community/attacks/Path_Traversal"}, Advice: "Open files below one directory only (Go: os.Root), by an id and not by a name that was sent."},
		{ID: "web-header-injection", Title: "Header injection", Severity: checks.High, CWE: []string{"CWE-113"}, References: []string{"https://www.rfc-editor.org/rfc/rfc9110#section-5.5"}, Advice: "Refuse line breaks in values that go into headers."},
		{ID: "web-open-redirect", Title: "Open redirect", Severity: checks.Medium, CWE: []string{"CWE-601"}, References: cheat("Unvalidated_Redirects_and_Forwards"), Advice: "Redirect to paths of the application only, or to hosts of a list."},
		{ID: "web-ssrf", Title: "Server-side request forgery", Severity: checks.High, CWE: []string{"CWE-918"}, References: cheat("Server_Side_Request_Forgery_Prevention"), Advice: "Take names of known services instead of addresses; resolve once, and refuse addresses of the own network."},
		{ID: "web-xxe", Title: "External XML entities are resolved", Severity: checks.High, CWE: []string{"CWE-611"}, References: cheat("XML_External_Entity_Prevention"), Advice: "Switch document types and external entities off in the XML parser."},
		{ID: "web-xss-reflected", Title: "Reflected cross-site scripting", Severity: checks.High, CWE: []string{"CWE-79"}, References: cheat("Cross_Site_Scripting_Prevention"), Advice: "Write values into pages with a template that escapes by context."},
		{ID: "web-xss-stored", Title: "Stored cross-site scripting", Severity: checks.High, CWE: []string{"CWE-79"}, References: cheat("Cross_Site_Scripting_Prevention"), Advice: "Write values into pages with a template that escapes by context, also those from the database."},
	}
}
