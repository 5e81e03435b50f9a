package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// shownHeaders are those of an answer that say something of the server and
// nothing of a person. Of the others only the names are shown.
func shownHeaders() []string {
	return []string{
		"Access-Control-Allow-Credentials", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin",
		"Age", "Allow", "Cache-Control", "Content-Encoding", "Content-Length", "Content-Security-Policy", "Content-Type",
		"Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Date", "Expires", "Pragma", "Permissions-Policy",
		"Referrer-Policy", "Server", "Strict-Transport-Security", "Vary", "Via", "Www-Authenticate", "X-Aspnet-Version",
		"X-Content-Type-Options", "X-Frame-Options", "X-Powered-By", "X-Robots-Tag", "X-Xss-Protection", "Retry-After",
	}
}

// maxShownHeader bounds one value, in bytes.
const maxShownHeader = 300

// Show gives an exchange as it may be shown: what the application answered is
// there as status, headers of the server and size, never as content.
func (c *Client) Show(e Exchange) checks.Exchange {
	return checks.Exchange{Note: e.Note, Request: c.showRequest(e.Request), Response: showResponse(e.Response, e.Request)}
}

func (c *Client) showRequest(r Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\nHost: %s\n", r.Method, hide(r.URL.RequestURI(), r.Foreign), r.URL.Host)
	for _, line := range c.headerLines(r) {
		b.WriteString(line + "\n")
	}
	if len(r.Body) > 0 {
		b.WriteString("\n" + hide(printable(r.Body), r.Foreign) + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// headerLines are a request's own headers and those of its identity, without
// a value that nobody may see.
func (c *Client) headerLines(r Request) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, v := range r.Header[name] {
			lines = append(lines, name+": "+hide(v, r.Foreign))
		}
	}
	if s := c.Session(r.As); s != nil {
		lines = append(lines, s.Shown...)
	}
	return lines
}

func showResponse(r Response, to Request) string {
	if r.Status == 0 {
		return "(no answer)"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %s\n", r.Proto, r.Status, http.StatusText(r.Status))
	var hidden []string
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		switch {
		case name == "Set-Cookie":
			for _, v := range r.Header[name] {
				b.WriteString(name + ": " + cookieShape(v) + "\n")
			}
		case slices.Contains(shownHeaders(), name):
			for _, v := range r.Header[name] {
				v = hide(printable([]byte(v)), to.Foreign)
				b.WriteString(name + ": " + v[:min(len(v), maxShownHeader)] + "\n")
			}
		default:
			hidden = append(hidden, name)
		}
	}
	if len(hidden) > 0 {
		fmt.Fprintf(&b, "(also: %s)\n", strings.Join(hidden, ", "))
	}
	more := ""
	if r.Truncated {
		more = " and more"
	}
	fmt.Fprintf(&b, "(body of %d bytes%s, not shown)", len(r.Body), more)
	return b.String()
}

// cookieShape keeps a cookie's name and attributes (RFC 6265, 4.1.1).
func cookieShape(v string) string {
	first, rest, more := strings.Cut(v, ";")
	name, _, _ := strings.Cut(first, "=")
	if more {
		rest = ";" + rest
	}
	return printable([]byte(name + "=[redacted]" + rest))[:min(maxShownHeader, len(name)+len(rest)+len("=[redacted]"))]
}

// Variable stands where a value of the target stood.
func variable(i int) string { return "$VALUE_" + strconv.Itoa(i+1) }

func hide(s string, foreign []string) string {
	pairs := make([]string, 0, 2*len(foreign))
	for i, v := range longestFirst(foreign) {
		if v != "" {
			pairs = append(pairs, v, variable(i))
		}
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

func longestFirst(in []string) []string {
	out := slices.Clone(in)
	slices.SortStableFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

// printable writes bytes that a terminal must not see as \x hex.
func printable(b []byte) string {
	var out strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1, r < ' ' && r != '\n' && r != '\t', r == 0x7f:
			fmt.Fprintf(&out, `\x%02x`, b[0])
		default:
			out.Write(b[:n])
		}
		b = b[n:]
	}
	return out.String()
}

// Curl is a command for a POSIX shell that sends the request again. What came
// from the target and what lets somebody in are variables, to be set before.
func (c *Client) Curl(r Request) string {
	var b strings.Builder
	b.WriteString("curl -sS -i --path-as-is")
	if r.Method != http.MethodGet {
		b.WriteString(" -X " + quote(r.Method))
	}
	for _, line := range c.headerLines(r) {
		b.WriteString(" -H " + quote(line))
	}
	if len(r.Body) > 0 {
		b.WriteString(" --data-binary " + quote(hide(string(r.Body), r.Foreign)))
	}
	// A value of the target is never in its address: "1" is in 127.0.0.1, too.
	b.WriteString(" " + quote(r.URL.Scheme+"://"+r.URL.Host+hide(r.URL.RequestURI(), r.Foreign)))
	return b.String()
}

// quote writes one word of a shell. Between double quotes a variable is still
// one (POSIX.1-2017, XCU 2.2.3); bytes that do not print go through printf.
func quote(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == utf8.RuneError }) {
		return `"$(printf '%b' ` + singleQuote(octal(s)) + `)"`
	}
	esc := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "`", "\\`", "$", `\$`).Replace(s)
	for _, known := range []string{"VALUE_", "USER_", "TOKEN", "COOKIE"} {
		esc = strings.ReplaceAll(esc, `\$`+known, "$"+known)
	}
	return `"` + esc + `"`
}

func singleQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// octal is printf's %b form of what does not print.
func octal(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\0%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
