package inject

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// computes looks for a product that only somebody who evaluated the input can
// have written, between two words of ours. What sends the input back as it is
// never shows it.
func (s spot) computes(ctx context.Context, forms []string, sum bool, note string) (string, []web.Exchange, bool, error) {
	return either(ctx, forms, func(ctx context.Context, form string) (web.Exchange, bool, error) {
		a, b := s.Marks.Numbers()
		left, right := s.Marks.Word(), s.Marks.Word()
		want := strconv.Itoa(a * b)
		if sum {
			want = strconv.Itoa(a + b)
		}
		value := strings.NewReplacer("{L}", left, "{R}", right, "{A}", strconv.Itoa(a), "{B}", strconv.Itoa(b)).Replace(form)
		e, err := s.send(ctx, s.value+value, note)
		return e, err == nil && bytes.Contains(e.Response.Body, []byte(left+want+right)), err
	})
}

// template looks for template and expression injection (CWE-1336), where a word
// was reflected. All forms go together first: an engine that knows one of them
// does it, or fails of the others.
func template(ctx context.Context, s spot) (*issue.Issue, error) {
	if !s.shows() {
		return nil, nil
	}
	forms := []string{"{L}{{{A}*{B}}}{R}", "{L}${{A}*{B}}{R}", "{L}<%= {A}*{B} %>{R}", "{L}#{{A}*{B}}{R}", "{L}*{{A}*{B}}{R}", "{L}@({A}*{B}){R}"}
	hint, err := s.hint(ctx, forms)
	if err != nil || !hint {
		return nil, err
	}
	form, proof, ok, err := s.computes(ctx, forms, false, "a product for a template engine")
	if !ok || err != nil {
		return nil, err
	}
	shape := strings.NewReplacer("{L}", "", "{R}", "", "{A}", "a", "{B}", "b").Replace(form)
	return s.found("web-template-injection", "high", seen("the application evaluates %s", shape), proof...), nil
}

// hint says whether any of the forms is worth asking for by itself: together
// they are done, or they are not answered as a word is.
func (s spot) hint(ctx context.Context, forms []string) (bool, error) {
	a, b := s.Marks.Numbers()
	all := strings.NewReplacer("{L}", "", "{R}", "", "{A}", strconv.Itoa(a), "{B}", strconv.Itoa(b)).Replace(strings.Join(forms, " "))
	e, err := s.send(ctx, all, "products for template engines")
	if err != nil {
		return false, err
	}
	return e.Response.Status != s.word.Response.Status || bytes.Contains(e.Response.Body, []byte(strconv.Itoa(a*b))), nil
}

// commandOutput looks for command injection (CWE-78) by a sum that a shell
// does (POSIX.1-2017, XCU 2.6.4).
func commandOutput(ctx context.Context, s spot) (*issue.Issue, error) {
	var forms []string
	for _, f := range []string{";%s;", "|%s", "$(%s)", "';%s;'", `";%s;"`} {
		forms = append(forms, fmt.Sprintf(f, "echo {L}$(({A}+{B})){R}"))
	}
	_, proof, ok, err := s.computes(ctx, forms, true, "a sum for a shell")
	if err == nil && !ok {
		proof, ok, err = s.whole(ctx, "expr %d + %d", func(a, b int) int { return a + b }, "a program that does a sum")
	}
	if !ok || err != nil {
		return nil, err
	}
	return s.found("web-command-injection", "high", seen("a program of the system does a sum that was sent"), proof...), nil
}

// whole sends nothing but what computes, and looks for the result, which nobody
// writes by chance.
func (s spot) whole(ctx context.Context, form string, of func(a, b int) int, note string) ([]web.Exchange, bool, error) {
	return twice(ctx, func(ctx context.Context) (web.Exchange, bool, error) {
		a, b := s.Marks.Numbers()
		a, b = a*10000+b, b*10000+a // eight digits each
		e, err := s.send(ctx, fmt.Sprintf(form, a, b), note)
		return e, err == nil && bytes.Contains(e.Response.Body, []byte(strconv.Itoa(of(a, b)))), err
	})
}

// code looks for code that is evaluated (CWE-95): an expression alone, in the
// syntax that most languages share.
func code(ctx context.Context, s spot) (*issue.Issue, error) {
	proof, ok, err := s.whole(ctx, "%d-%d", func(a, b int) int { return a - b }, "an expression")
	if !ok || err != nil {
		return nil, err
	}
	return s.found("web-code-injection", "high", seen("an expression is evaluated"), proof...), nil
}

// commandTime looks for command injection by having a shell wait.
func commandTime(ctx context.Context, s spot) (*issue.Issue, error) {
	payloads := []string{";sleep %d;", "$(sleep %d)", "';sleep %d;'"}
	return s.waits(ctx, payloads, "web-command-injection", "a command that waits")
}

// kernel is the content of /proc/version (proc(5)), which nobody can write to,
// not even an application that was made to write where it should read; passwd is
// the first line of that file on every Unix (passwd(5)), winINI one of win.ini.
var (
	kernel = regexp.MustCompile(`Linux version \d+\.\d+[^\n]{0,300} #\d+`)
	passwd = regexp.MustCompile(`(?m)(?:^|[>"'\s])root:[^:\n]{0,200}:0:0:`)
	winINI = regexp.MustCompile(`(?mi)^; for 16-bit app support|^\[fonts\]`)
)

func leaksFile(r web.Response) bool {
	body := probe.Window(r.Body)
	return kernel.Match(body) || passwd.Match(body) || winINI.Match(body)
}

// traversal looks for files that are not the application's (CWE-22). The same
// way to a file that nobody has must not show it.
func traversal(ctx context.Context, s spot) (*issue.Issue, error) {
	if leaksFile(s.plain.Response) {
		return nil, nil
	}
	up := strings.Repeat("../", 12)
	ways := []string{up + "proc/version", "/proc/version", strings.Repeat("....//", 12) + "proc/version"}
	if namesPlace(s.p) {
		ways = append(ways, "file:///proc/version", strings.Repeat("..%2f", 12)+"proc/version")
	}
	// What comes back in a header would break it there.
	if namesPlace(s.p) && !s.inHeader() {
		ways = append(ways, up+"proc/version\x00.png")
	}
	if namesPlace(s.p) && s.Active { // what writes where it should read would change these
		ways = append(ways, up+"etc/passwd", strings.Repeat(`..\`, 12)+`windows\win.ini`)
	}
	_, proof, ok, err := either(ctx, ways, func(ctx context.Context, way string) (web.Exchange, bool, error) {
		e, err := s.send(ctx, way, "a file of the system")
		if err != nil || !leaksFile(e.Response) {
			return e, false, err
		}
		none, err := s.send(ctx, strings.NewReplacer("version", s.Marks.Word(), "passwd", s.Marks.Word(), "win.ini", s.Marks.Word()).Replace(way), "a file that is not there")
		return e, err == nil && !leaksFile(none.Response), err
	})
	if !ok || err != nil {
		return nil, err
	}
	return s.found("web-path-traversal", "high", "a file of the system is answered (/proc/version, /etc/passwd or win.ini, by its content); seen twice, and not for a file that is not there", proof...), nil
}

// headerSplit looks for a header that came out of a value (CWE-113), where a
// word came back in one.
func headerSplit(ctx context.Context, s spot) (*issue.Issue, error) {
	if s.p.In == surface.InHeader || s.p.In == surface.InCookie || !s.inHeader() {
		return nil, nil // a line break does not get there
	}
	_, proof, ok, err := either(ctx, []string{"\r\n", "\n", "%0d%0a"}, func(ctx context.Context, br string) (web.Exchange, bool, error) {
		mark := s.Marks.Word()
		e, err := s.send(ctx, mark+br+"X-"+mark+": "+mark, "a line break and a header")
		return e, err == nil && e.Response.Header.Get("X-"+mark) == mark, err
	})
	if !ok || err != nil {
		return nil, err
	}
	return s.found("web-header-injection", "high", seen("a line break in the value makes a header of the answer"), proof...), nil
}

func (s spot) inHeader() bool {
	for _, values := range s.word.Response.Header {
		for _, v := range values {
			if strings.Contains(strings.ToLower(v), s.mark) {
				return true
			}
		}
	}
	return false
}

// redirect looks for a redirection to where the value says (CWE-601).
func redirect(ctx context.Context, s spot) (*issue.Issue, error) {
	usual := s.plain.Response
	if !(usual.Status >= 300 && usual.Status < 400) && !namesPlace(s.p) {
		return nil, nil
	}
	forms := []string{"https://%s.example.org/", "//%s.example.org/", `/\%s.example.org/`, "https:%s.example.org"}
	_, proof, ok, err := either(ctx, forms, func(ctx context.Context, form string) (web.Exchange, bool, error) {
		host := s.Marks.Word()
		e, err := s.send(ctx, fmt.Sprintf(form, host), "an address elsewhere")
		return e, err == nil && leads(e.Response, s.Base, host+".example.org"), err
	})
	if !ok || err != nil {
		return nil, err
	}
	return s.found("web-open-redirect", "high", seen("the answer sends a browser to the host that was sent"), proof...), nil
}

// leads says whether a browser would go to the host.
func leads(r web.Response, base *url.URL, host string) bool {
	if r.Status < 300 || r.Status > 399 {
		return false
	}
	// A browser takes a backslash for a slash (URL Living Standard, 4.4).
	u, err := base.Parse(strings.ReplaceAll(r.Header.Get("Location"), `\`, "/"))
	return err == nil && u.Hostname() == host
}

// namesPlace says whether a parameter is one for an address, by name or value.
func namesPlace(p surface.Parameter) bool {
	name := strings.ToLower(p.Name[strings.LastIndexByte(p.Name, '/')+1:])
	for _, word := range []string{"url", "uri", "redirect", "return", "next", "dest", "continue", "goto", "target", "callback", "link", "href", "host", "site", "feed", "webhook", "endpoint", "image", "src", "path", "file", "document", "load", "fetch", "proxy", "forward"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return p.Format == "uri" || p.Format == "url" || strings.Contains(p.Example, "://")
}

// forgery looks for requests that the server sends where it is told
// (server-side request forgery, CWE-918): to an address that only this value
// named.
func forgery(ctx context.Context, s spot) (*issue.Issue, error) {
	if s.Callback == nil || !namesPlace(s.p) {
		return nil, nil
	}
	proof, ok, err := twice(ctx, func(ctx context.Context) (web.Exchange, bool, error) {
		mark := s.Marks.Word()
		e, err := s.send(ctx, s.Callback.URL(mark), "an address of ours")
		return e, err == nil && s.Callback.Called(ctx, mark), err
	})
	if !ok || err != nil {
		return nil, err
	}
	return s.found("web-ssrf", "high", seen("the server asked the address that was sent"), proof...), nil
}

func takesXML(o surface.Operation) bool {
	return strings.Contains(o.ContentType, "xml")
}

// external looks for external entities (XXE, CWE-611) in a body of XML: a file
// of the system in the answer, or a request to an address that only the
// entity named. The body is replaced whole, so that it is asked once and not
// for each of its values.
func external(ctx context.Context, s spot) (*issue.Issue, error) {
	all := inputs(s.o)
	if s.p.In != surface.InXML || s.p.Name != all[slices.IndexFunc(all, func(p surface.Parameter) bool { return p.In == surface.InXML })].Name {
		return nil, nil
	}
	root := "root"
	if s.p.Name != "" {
		root = s.p.Name
	}
	send := func(ctx context.Context, system, note string) (web.Exchange, error) {
		r, err := s.Build(s.o, nil)
		if err != nil {
			return web.Exchange{}, errUnfit
		}
		r.Body = []byte(entity(r.Body, root, system))
		r.Header = r.Header.Clone()
		if r.Header == nil {
			r.Header = http.Header{}
		}
		r.Header.Set("Content-Type", s.o.ContentType)
		return s.Ask(ctx, r, note)
	}
	proof, ok, err := twice(ctx, func(ctx context.Context) (web.Exchange, bool, error) {
		e, err := send(ctx, "file:///etc/passwd", "an entity that is a file")
		return e, err == nil && passwd.Match(e.Response.Body) && !leaksFile(s.plain.Response), err
	})
	if err == nil && !ok && s.Callback != nil {
		proof, ok, err = twice(ctx, func(ctx context.Context) (web.Exchange, bool, error) {
			mark := s.Marks.Word()
			e, err := send(ctx, s.Callback.URL(mark), "an entity at an address of ours")
			return e, err == nil && s.Callback.Called(ctx, mark), err
		})
	}
	if !ok || err != nil {
		return nil, err
	}
	found := s.found("web-xxe", "high", seen("an external entity of the body is resolved"), proof...)
	found.Parameter = "body"
	return found, nil
}

// Parts of an XML document: its declaration, its first element's name, its
// first text.
var (
	xmlDecl   = regexp.MustCompile(`^\s*<\?xml[^>]*\?>`)
	firstName = regexp.MustCompile(`<([A-Za-z_][\w.:-]*)`)
	firstText = regexp.MustCompile(`>([^<>&]{1,200})<`)
)

// entity puts an external entity (XML 1.0, 4.2.2) into a document's first
// text, or makes a document of it.
func entity(body []byte, root, system string) string {
	decl := xmlDecl.FindString(string(body))
	rest := strings.TrimPrefix(string(body), decl)
	if m := firstName.FindStringSubmatch(rest); m != nil {
		root = m[1]
	}
	doctype := fmt.Sprintf(`<!DOCTYPE %s [<!ENTITY vs SYSTEM "%s">]>`, root, system)
	if loc := firstText.FindStringSubmatchIndex(rest); loc != nil {
		return decl + doctype + rest[:loc[2]] + "&vs;" + rest[loc[3]:]
	}
	return `<?xml version="1.0"?>` + doctype + "<" + root + ">&vs;</" + root + ">"
}
