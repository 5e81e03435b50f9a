package exposed

import "github.com/vitalsign-dev/vitalsign/checks"

// Rules are those that this package reports.
func Rules() []checks.Rule {
	const guide = "https://owasp.org/www-project-web-security-testing-guide/v42/4-Web_Application_Security_Testing/02-Configuration_and_Deployment_Management_Testing/"
	const cors = "https://fetch.spec.whatwg.org/#http-cors-protocol"
	return []checks.Rule{
		{ID: "web-exposed-vcs", Title: "Version control is served", Severity: checks.High, CWE: []string{"CWE-527"}, References: []string{guide + "04-Review_Old_Backup_and_Unreferenced_Files_for_Sensitive_Information"}, Advice: "Do not deploy .git and its like; have the server refuse names that begin with a dot. Take whatever secrets its history holds for known."},
		{ID: "web-exposed-configuration", Title: "Settings or credentials are served", Severity: checks.High, CWE: []string{"CWE-538"}, References: []string{guide + "03-Test_File_Extensions_Handling_for_Sensitive_Information"}, Advice: "Keep settings outside of what is served, and change the credentials that were in them."},
		{ID: "web-exposed-backup", Title: "Backups are served", Severity: checks.High, CWE: []string{"CWE-530"}, References: []string{guide + "04-Review_Old_Backup_and_Unreferenced_Files_for_Sensitive_Information"}, Advice: "Take copies and dumps off the server."},
		{ID: "web-exposed-operations", Title: "Doors for operators are open", Severity: checks.High, CWE: []string{"CWE-497"}, References: []string{guide + "05-Enumerate_Infrastructure_and_Application_Admin_Interfaces"}, Advice: "Serve them on another port that only operators reach, or switch them off."},
		{ID: "web-directory-listing", Title: "Directories are listed", Severity: checks.Low, CWE: []string{"CWE-548"}, References: []string{"https://cwe.mitre.org/data/definitions/548.html"}, Advice: "Switch listings off (nginx: autoindex off; Apache: Options -Indexes)."},
		{ID: "web-source-map", Title: "Sources of scripts are served", Severity: checks.Low, CWE: []string{"CWE-540"}, References: []string{"https://tc39.es/ecma426/"}, Advice: "Leave source maps out of what is deployed, or serve them to developers only."},
		{ID: "web-cors-open", Title: "Any site may read the answers", Severity: checks.Low, CWE: []string{"CWE-942"}, References: []string{cors}, Advice: "Name the sites that may; do not repeat the Origin that was sent."},
		{ID: "web-cors-credentials", Title: "Any site may read the answers of who is logged in", Severity: checks.High, CWE: []string{"CWE-942"}, References: []string{cors}, Advice: "Allow credentials only for sites of a list, compared whole."},
	}
}
