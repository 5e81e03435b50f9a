package surface

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// plausible gives a value for a type and format as JSON Schema names them
// (2020-12 Validation, 7.3). It is the same one every time, and of nobody.
func plausible(kind, format string) string {
	switch format {
	case "uuid":
		return "00000000-0000-4000-8000-000000000001"
	case "date":
		return "2020-01-31"
	case "date-time":
		return "2020-01-31T12:00:00Z"
	case "time":
		return "12:00:00Z"
	case "duration":
		return "P1D"
	case "email", "idn-email":
		return "user@example.org"
	case "uri", "url", "uri-reference", "iri":
		return "https://example.org/"
	case "hostname":
		return "example.org"
	case "ipv4":
		return "192.0.2.1" // RFC 5737
	case "ipv6":
		return "2001:db8::1" // RFC 3849
	case "byte":
		return "ZXhhbXBsZQ=="
	case "phone", "tel":
		return "555-0100"
	}
	switch kind {
	case "integer", "number":
		return "1"
	case "boolean":
		return "true"
	case "array":
		return "[]"
	case "object":
		return "{}"
	}
	return "example"
}

// value is what a request holds for a parameter that nobody set.
func (p Parameter) value() string {
	if p.Example != "" {
		return p.Example
	}
	if len(p.Enum) > 0 {
		return p.Enum[0]
	}
	return plausible(p.Type, p.Format)
}

// typed gives a text as a JSON value of a type; what is not of the type stays
// the string that it is, since a payload is to arrive as it was written.
func typed(kind, s string) any {
	switch kind {
	case "integer", "number":
		if isNumber(s) {
			return json.Number(s)
		}
	case "boolean":
		if b, err := strconv.ParseBool(s); err == nil && (s == "true" || s == "false") {
			return b
		}
	case "array", "object":
		if v, err := decodeJSON([]byte(s)); err == nil {
			return v
		}
	}
	return s
}

// kindOf gives JSON Schema's word for a value.
func kindOf(v any) string {
	switch v := v.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case interface{ String() string }:
		if strings.ContainsAny(v.String(), ".eE") {
			return "number"
		}
		return "integer"
	}
	return ""
}

// kindOfText guesses the type of a value that was seen in a request.
func kindOfText(s string) (kind, format string) {
	switch {
	case s == "":
		return "", ""
	case s == "true" || s == "false":
		return "boolean", ""
	case len(s) < 16 && digits(s):
		return "integer", ""
	case isUUID(s):
		return "string", "uuid"
	case isDate(s):
		return "string", "date"
	}
	return "string", ""
}

// secretWords are parts of names whose values are credentials. A name is cut
// into its words first: "author" holds no "auth".
func secretWords() []string {
	return []string{
		"authorization", "auth", "cookie", "password", "passwd", "pwd", "passphrase", "pin", "otp", "totp", "secret",
		"token", "jwt", "apikey", "credential", "credentials", "session", "sessionid", "sid", "jsessionid", "phpsessid",
		"signature", "sig", "assertion", "csrf", "xsrf", "nonce", "samlresponse", "samlrequest", "accesskey", "verifier",
	}
}

// secretName says whether a field of this name holds a credential: "X-Api-Key",
// "access_token", "newPassword".
func secretName(name string) bool {
	words := words(name)
	joined := strings.Join(words, "")
	for _, w := range secretWords() {
		if slices.Contains(words, w) || len(w) > 4 && strings.Contains(joined, w) {
			return true
		}
	}
	return slices.Contains(words, "key") && (slices.Contains(words, "api") || slices.Contains(words, "access") || slices.Contains(words, "subscription"))
}

// words cuts a name at everything that is no letter or digit, and where lower
// case turns to upper case; the words are in lower case.
func words(name string) []string {
	var out []string
	var word []byte
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'A' && c <= 'Z':
			if i > 0 && (name[i-1] < 'A' || name[i-1] > 'Z') {
				flush()
			}
			word = append(word, c)
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			word = append(word, c)
		default:
			flush()
		}
	}
	flush()
	return out
}

// secretShape are values that are credentials whatever they are called: JSON
// Web Tokens (RFC 7519, 3), and what stands in an Authorization field (RFC 9110,
// 11.6.2).
var secretShape = regexp.MustCompile(`^(?i:bearer|basic|digest|negotiate)\s+\S|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+|^(?:sk|pk|ghp|gho|xox[abp])[_-][A-Za-z0-9_-]{16,}`)

// secret says whether a recorded value must not be kept.
func secret(name, value string) bool { return secretName(name) || secretText(value) }

// secretText is secretShape with a quick look before, since it is asked of each
// segment of each path.
func secretText(s string) bool {
	head := s[:min(len(s), 12)]
	return len(s) >= 7 && (strings.ContainsAny(head, " \t\r\n\f_-") || strings.Contains(s, "eyJ")) && secretShape.MatchString(s)
}
