package passive

import "github.com/vitalsign-dev/vitalsign/checks"

// Rules are those that this package reports.
func Rules() []checks.Rule {
	const secureHeaders = "https://owasp.org/www-project-secure-headers/"
	const asvs = "https://github.com/OWASP/ASVS/tree/v4.0.3"
	return []checks.Rule{
		{ID: "web-hsts", Title: "No lasting HTTP Strict Transport Security", Severity: checks.Medium, CWE: []string{"CWE-319"}, References: []string{"https://www.rfc-editor.org/rfc/rfc6797", secureHeaders}, Advice: "Send Strict-Transport-Security: max-age=31536000; includeSubDomains with every answer over TLS."},
		{ID: "web-csp", Title: "No Content-Security-Policy that stops injected scripts", Severity: checks.Low, CWE: []string{"CWE-693"}, References: []string{"https://www.w3.org/TR/CSP3/", secureHeaders}, Advice: "Send a Content-Security-Policy with script-src by nonce or hash and object-src 'none'."},
		{ID: "web-content-type-options", Title: "Browsers may guess the type of answers", Severity: checks.Low, CWE: []string{"CWE-693"}, References: []string{"https://fetch.spec.whatwg.org/#x-content-type-options-header", secureHeaders}, Advice: "Send X-Content-Type-Options: nosniff with every answer."},
		{ID: "web-framing", Title: "Pages can be framed by other sites", Severity: checks.Low, CWE: []string{"CWE-1021"}, References: []string{"https://www.w3.org/TR/CSP3/#directive-frame-ancestors", secureHeaders}, Advice: "Send Content-Security-Policy: frame-ancestors 'none' (or the sites that may), and X-Frame-Options for old browsers."},
		{ID: "web-referrer-policy", Title: "No Referrer-Policy", Severity: checks.Info, CWE: []string{"CWE-200"}, References: []string{"https://www.w3.org/TR/referrer-policy/", secureHeaders}, Advice: "Send Referrer-Policy: no-referrer or strict-origin: an address may name a patient."},
		{ID: "web-cookie-secure", Title: "Cookie without Secure", Severity: checks.Medium, CWE: []string{"CWE-614"}, References: []string{"https://www.rfc-editor.org/rfc/rfc6265#section-4.1.2.5", asvs}, Advice: "Set Secure on every cookie."},
		{ID: "web-cookie-httponly", Title: "Session cookie that scripts can read", Severity: checks.Medium, CWE: []string{"CWE-1004"}, References: []string{"https://www.rfc-editor.org/rfc/rfc6265#section-4.1.2.6", asvs}, Advice: "Set HttpOnly on the cookie."},
		{ID: "web-cookie-samesite", Title: "Session cookie without SameSite", Severity: checks.Low, CWE: []string{"CWE-1275"}, References: []string{"https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis", asvs}, Advice: "Set SameSite=Lax or Strict on the cookie."},
		{ID: "web-server-version", Title: "Answers name the server's software and version", Severity: checks.Info, CWE: []string{"CWE-200"}, References: []string{"https://www.rfc-editor.org/rfc/rfc9110#section-10.2.4"}, Advice: "Leave the version out (nginx: server_tokens off), and X-Powered-By altogether."},
		{ID: "web-stack-trace", Title: "Error that shows the inside of the application", Severity: checks.Medium, CWE: []string{"CWE-209"}, References: []string{asvs}, Advice: "Answer with a general error and a number to look up; write the trace to the log, without patient data. Switch debug modes off."},
		{ID: "web-cache", Title: "Personal answers may be kept by caches", Severity: checks.Medium, CWE: []string{"CWE-524"}, References: []string{"https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.5", asvs}, Advice: "Send Cache-Control: no-store with every answer that is for one person."},
	}
}
