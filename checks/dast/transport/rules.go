package transport

import "github.com/vitalsign-dev/vitalsign/checks"

// The ids of the rules.
const (
	ruleObsolete      = "tls-version-obsolete"
	ruleOnly12        = "tls-only-1.2"
	ruleBroken        = "tls-suite-broken"
	ruleWeak          = "tls-suite-weak"
	ruleCBC           = "tls-suite-cbc"
	ruleForward       = "tls-no-forward-secrecy"
	ruleExpired       = "tls-certificate-expired"
	ruleExpires       = "tls-certificate-expires-soon"
	ruleNotYet        = "tls-certificate-not-yet-valid"
	ruleName          = "tls-certificate-name"
	ruleUntrusted     = "tls-certificate-untrusted"
	ruleWeakCert      = "tls-certificate-weak"
	ruleCompression   = "tls-compression"
	ruleRenegotiation = "tls-renegotiation-insecure"
)

// weakTLS is the class that rules on source code have for the same weakness.
const weakTLS = "weak-tls"

const (
	sp800  = "https://doi.org/10.6028/NIST.SP.800-52r2"
	rfc    = "https://www.rfc-editor.org/rfc/rfc"
	cwe295 = "CWE-295"
	cwe326 = "CWE-326"
	cwe327 = "CWE-327"
)

// Rules lists every rule that [Judge] reports.
func Rules() []checks.Rule { return append(offerRules(), certificateRules()...) }

func offerRules() []checks.Rule {
	return []checks.Rule{
		{ID: ruleObsolete, Title: "Obsolete TLS version accepted", Severity: checks.High, CWE: []string{cwe326, cwe327}, Class: weakTLS,
			References: []string{rfc + "8996", rfc + "7568", rfc + "9325#section-3.1.1", sp800 + " (section 3.1)"},
			Advice:     "Turn off everything below TLS 1.2 at the server and at whatever ends TLS in front of it."},
		{ID: ruleOnly12, Title: "TLS 1.3 not offered", Severity: checks.Info, CWE: []string{cwe326}, Class: weakTLS,
			References: []string{rfc + "9325#section-3.1.1", sp800 + " (section 3.1)"},
			Advice:     "Offer TLS 1.3 besides TLS 1.2; NIST has required it of government servers since January 2024."},
		{ID: ruleBroken, Title: "Broken TLS cipher suite accepted", Severity: checks.High, CWE: []string{cwe327}, Class: weakTLS,
			References: []string{rfc + "9325#section-4.1", rfc + "7465", sp800 + " (section 3.3.1)"},
			Advice:     "Accept only suites with AES-GCM, AES-CCM or ChaCha20-Poly1305 and an authenticated, ephemeral key exchange."},
		{ID: ruleWeak, Title: "TLS cipher suite with 64-bit blocks accepted", Severity: checks.Medium, CWE: []string{cwe326, cwe327}, Class: weakTLS,
			References: []string{rfc + "9325#section-4.1", "https://sweet32.info/", sp800 + " (section 3.3.1)"},
			Advice:     "Remove 3DES and IDEA: after some hundred gigabytes under one key, blocks repeat and show plaintext (CVE-2016-2183)."},
		{ID: ruleCBC, Title: "Only CBC cipher suites offered", Severity: checks.Low, CWE: []string{cwe327}, Class: weakTLS,
			References: []string{rfc + "9325#section-4.2", rfc + "7366#section-1", sp800 + " (section 3.3.1)"},
			Advice:     "Offer AES-GCM or ChaCha20-Poly1305; CBC with MAC-then-encrypt has been a source of padding oracles since Lucky Thirteen."},
		{ID: ruleForward, Title: "No forward secrecy offered", Severity: checks.Medium, CWE: []string{cwe326}, Class: weakTLS,
			References: []string{rfc + "9325#section-4.1", sp800 + " (section 3.3.1)"},
			Advice:     "Offer ECDHE suites: without them the server's key opens every session that was ever recorded."},
		{ID: ruleCompression, Title: "TLS compression accepted", Severity: checks.Medium, CWE: []string{"CWE-310"}, Class: ruleCompression,
			References: []string{rfc + "9325#section-3.3", sp800 + " (section 3.6)"},
			Advice:     "Turn off compression in TLS: the length of an answer then tells what it holds (CRIME, CVE-2012-4929)."},
		{ID: ruleRenegotiation, Title: "No secure renegotiation", Severity: checks.Medium, CWE: []string{"CWE-300"}, Class: ruleRenegotiation,
			References: []string{rfc + "5746", rfc + "9325#section-3.5", sp800 + " (section 3.4.1.1)"},
			Advice:     "Update the TLS library: it knows nothing of RFC 5746, so a session can be started by somebody else (CVE-2009-3555)."},
	}
}

func certificateRules() []checks.Rule {
	validation := []string{rfc + "5280#section-6.1.3", sp800 + " (section 3.2)"}
	return []checks.Rule{
		{ID: ruleExpired, Title: "TLS certificate expired", Severity: checks.High, CWE: []string{"CWE-298"}, Class: ruleExpired,
			References: validation, Advice: "Renew the certificate, and let a machine do it from now on (RFC 8555)."},
		{ID: ruleExpires, Title: "TLS certificate expires soon", Severity: checks.Low, CWE: []string{"CWE-298"}, Class: ruleExpires,
			References: validation, Advice: "Renew the certificate, and let a machine do it from now on (RFC 8555)."},
		{ID: ruleNotYet, Title: "TLS certificate not yet valid", Severity: checks.High, CWE: []string{"CWE-298"}, Class: ruleNotYet,
			References: validation, Advice: "Put the certificate in place that is valid today, or set the clock of the machine that issued it."},
		{ID: ruleName, Title: "TLS certificate for another name", Severity: checks.High, CWE: []string{"CWE-297"}, Class: ruleName,
			References: []string{rfc + "9525#section-6", rfc + "9325#section-6.1"},
			Advice:     "Issue a certificate that has the name in its subjectAltName; the common name does not count."},
		{ID: ruleUntrusted, Title: "TLS certificate not trusted", Severity: checks.Medium, CWE: []string{cwe295}, Class: ruleUntrusted,
			References: []string{rfc + "5280#section-6.1", sp800 + " (section 3.2)"},
			Advice:     "Use a certificate of an authority that the clients trust, and let the server send the certificates in between."},
		{ID: ruleWeakCert, Title: "Weak TLS certificate", Severity: checks.High, CWE: []string{cwe326, cwe327}, Class: ruleWeakCert,
			References: []string{rfc + "9325#section-4.5", sp800 + " (section 3.2.1)"},
			Advice:     "Issue the chain anew with RSA of at least 2048 bits or ECDSA over P-256, signed with SHA-256."},
	}
}
