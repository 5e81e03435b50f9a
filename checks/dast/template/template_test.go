package template

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// client is a Doer over net/http.
type client struct{ sent []string }

func (c *client) Do(ctx context.Context, r web.Request) (web.Response, error) {
	c.sent = append(c.sent, r.Method+" "+r.URL.RequestURI())
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL.String(), bytes.NewReader(r.Body))
	if err != nil {
		return web.Response{}, err
	}
	req.Header = r.Header
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return web.Response{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return web.Response{Status: resp.StatusCode, Proto: resp.Proto, Header: resp.Header, Body: body}, err
}

const heading = `id: check
info:
  name: A check
  author: [a, b]
  severity: high
  classification: {cwe-id: "CWE-200,CWE-538"}
http:
`

func parse(t testing.TB, doc string) Template {
	t.Helper()
	tm, err := Parse("test", []byte(doc))
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return tm
}

func run(t testing.TB, doc string, h http.Handler, change ...func(*Target)) (Result, *client) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	base, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	target := Target{Base: base, Confirm: true}
	for _, f := range change {
		f(&target)
	}
	c := &client{}
	result, err := parse(t, doc).Run(t.Context(), target, c)
	if err != nil {
		t.Fatal(err)
	}
	if result.Requests != len(c.sent) {
		t.Errorf("counts %d requests, sent %d", result.Requests, len(c.sent))
	}
	return result, c
}

func page(path, text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != path {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, text)
	})
}

const gitConfig = heading + `  - method: GET
    path: ["{{BaseURL}}/.git/config"]
    matchers-condition: and
    matchers:
      - type: word
        name: core
        words: ["[core]", "[credentials]"]
      - type: dsl
        dsl: ["!contains(tolower(body), '<html')"]
      - type: status
        status: [200]
    extractors:
      - type: regex
        name: remote
        group: 1
        regex: ["url = (.*)"]
`

func TestGitConfig(t *testing.T) {
	secret := "https://user:s3cret@git.example.test/ehr.git"
	result, c := run(t, gitConfig, page("/.git/config", "[core]\n[remote]\nurl = "+secret+"\n"))
	if len(result.Issues) != 1 || len(c.sent) != 2 {
		t.Fatalf("%d issues in %d requests", len(result.Issues), len(c.sent))
	}
	i := result.Issues[0]
	if i.Rule != "template/check" || i.Route != "GET /.git/config" || i.Confidence != "high" || len(i.Exchanges) != 1 || i.Anchor == "" {
		t.Errorf("got %+v", i)
	}
	if strings.Contains(i.Message, "s3cret") || !strings.Contains(i.Message, `"core"`) || !strings.Contains(i.Message, `"remote" (1)`) {
		t.Errorf("message %q", i.Message)
	}
	for what, h := range map[string]http.Handler{
		"not there":  http.NotFoundHandler(),
		"a web page": page("/.git/config", "<HTML>[core]"),
	} {
		if result, _ := run(t, gitConfig, h); len(result.Issues) != 0 {
			t.Errorf("%s: %+v", what, result.Issues)
		}
	}
}

func TestRule(t *testing.T) {
	r := parse(t, gitConfig).Rule()
	if r.ID != "template/check" || r.Class != r.ID || r.Title != "A check" || r.Severity != checks.High || !slices.Equal(r.CWE, []string{"CWE-200", "CWE-538"}) {
		t.Errorf("got %+v", r)
	}
	if r := parse(t, strings.Replace(gitConfig, "severity: high", "severity: unknown", 1)).Rule(); r.Severity != checks.Unrated {
		t.Errorf("unknown is %s", r.Severity)
	}
}

// TestHitIsConfirmed: what answers once and not again is not reported.
func TestHitIsConfirmed(t *testing.T) {
	n := 0
	once := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 1 {
			fmt.Fprint(w, "[core]")
		}
	})
	if result, _ := run(t, gitConfig, once); len(result.Issues) != 0 {
		t.Errorf("reported %+v", result.Issues)
	}
	n = 0
	result, _ := run(t, gitConfig, once, func(t *Target) { t.Confirm = false })
	if len(result.Issues) != 1 || result.Issues[0].Confidence != "medium" {
		t.Errorf("got %+v", result.Issues)
	}
}

// missing is what most templates about headers look like.
const missing = heading + `  - path: ["{{BaseURL}}"]
    matchers:
      - type: word
        part: header
        words: ["Strict-Transport-Security"]
        case-insensitive: true
        negative: true
      - type: dsl
        name: old-server
        dsl:
          - 'compare_versions(server_version, "< 2.4.50")'
    extractors:
      - type: regex
        name: server_version
        part: header
        group: version
        regex: ['Server: Apache/(?P<version>[0-9.]+)']
`

func TestHeaders(t *testing.T) {
	serve := func(server, sts string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Server", server)
			if sts != "" {
				w.Header().Set("strict-transport-security", sts)
			}
		})
	}
	for _, c := range []struct {
		server, sts, want string
	}{
		{"Apache/2.4.49", "max-age=1", `"old-server"`},
		{"Apache/2.4.58", "max-age=1", ""},
		{"nginx", "max-age=1", ""},
		{"nginx", "", "number 1 (word)"},
	} {
		result, _ := run(t, missing, serve(c.server, c.sts))
		got := ""
		if len(result.Issues) == 1 {
			got = result.Issues[0].Message
		}
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s, %q: got %q, want %q", c.server, c.sts, got, c.want)
		}
	}
}

const login = heading + `  - raw:
      - |
        GET /login HTTP/1.1
        Host: {{Hostname}}

      - |
        POST /login HTTP/1.1
        Host: {{Hostname}}
        Content-Type: application/x-www-form-urlencoded

        user=admin&password={{url_encode("a b")}}&csrf={{token}}
      - |
        GET /patients?mark={{randstr}} HTTP/1.1
        Host: {{Hostname}}
    extractors:
      - type: regex
        name: token
        internal: true
        group: 1
        regex: ['name="csrf" value="([a-z0-9]+)"']
    matchers:
      - type: dsl
        dsl:
          - status_code_2 == 302 && contains(body_3, "{{randstr}}") && !contains(body_1, "patient")
`

// loginServer wants its token and cookie back.
func loginServer() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "one"})
		fmt.Fprint(w, `<input name="csrf" value="t0k3n">`)
	})
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie("session")
		if err != nil || c.Value != "one" || r.FormValue("csrf") != "t0k3n" || r.FormValue("password") != "a b" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "two"})
		w.Header().Set("Location", "/patients")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("GET /patients", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("session"); err == nil && c.Value == "two" {
			fmt.Fprint(w, "patient ", r.FormValue("mark"))
		}
	})
	return mux
}

func TestTwoStepLogin(t *testing.T) {
	result, _ := run(t, login, loginServer())
	if len(result.Issues) != 1 {
		t.Fatalf("got %+v", result)
	}
	i := result.Issues[0]
	if i.Route != "GET /patients" || len(i.Exchanges) != 3 {
		t.Errorf("%s with %d exchanges", i.Route, len(i.Exchanges))
	}
	if !slices.Contains(i.Exchanges[1].Request.Foreign, "t0k3n") {
		t.Error("the extracted token is not marked as foreign")
	}
	if strings.Contains(fmt.Sprint(i.Message, i.Anchor, i.Route), "t0k3n") {
		t.Error("the extracted token is shown")
	}
}

func TestSafe(t *testing.T) {
	result, c := run(t, login, loginServer(), func(t *Target) { t.Safe = true })
	if len(result.Issues) != 0 || !slices.Equal(result.Refused, []string{"POST /login: the method may change something"}) {
		t.Errorf("got %+v", result)
	}
	for _, s := range c.sent {
		if strings.HasPrefix(s, "POST") {
			t.Errorf("sent %s", s)
		}
	}
}

const actuator = heading + `  - method: GET
    path:
      - "{{BaseURL}}/env"
      - "{{BaseURL}}/actuator/env"
    stop-at-first-match: true
    matchers-condition: and
    matchers:
      - {type: word, words: [activeProfiles, propertySources], condition: and}
      - {type: word, part: content_type, words: [application/json, application/vnd.spring-boot.actuator]}
      - {type: status, status: [200]}
    extractors:
      - {type: json, name: profile, json: ['.activeProfiles[0]', '.propertySources[].name']}
      - {type: kval, kval: [content-type]}
`

func TestActuator(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/app/actuator/env" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"activeProfiles":["prod"],"propertySources":[{"name":"a"},{"name":"b"}]}`)
		}
	})
	result, _ := run(t, actuator, h, func(t *Target) { t.Base.Path = "/app/" })
	if len(result.Issues) != 1 || result.Issues[0].Route != "GET /actuator/env" || !strings.Contains(result.Issues[0].Message, `"profile" (3)`) {
		t.Errorf("got %+v", result.Issues)
	}
}

const pitchfork = heading + `  - raw:
      - |
        POST /api/token HTTP/1.1
        Host: {{Hostname}}
        Authorization: Basic {{base64(user + ":" + pass)}}
        Content-Type: application/json

        {"user": "{{user}}"}
    attack: pitchfork
    payloads:
      user: [admin, doctor, nurse]
      pass: [admin, s3cret, nurse, spare]
    matchers:
      - {type: status, status: [200]}
`

func TestPayloads(t *testing.T) {
	var seen []string
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		seen = append(seen, user+":"+pass)
		if user == pass {
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	})
	result, _ := run(t, pitchfork, h)
	if want := []string{"admin:admin", "doctor:s3cret", "nurse:nurse", "admin:admin", "nurse:nurse"}; !slices.Equal(seen, want) {
		t.Errorf("sent %v, want %v", seen, want)
	}
	if len(result.Issues) != 1 || !strings.Contains(result.Issues[0].Message, "did so: 2.") {
		t.Errorf("got %+v", result.Issues)
	}
	seen = nil
	run(t, strings.Replace(pitchfork, "pitchfork", "clusterbomb", 1), h)
	if len(seen) != 12+2 || len(slices.Compact(slices.Sorted(slices.Values(seen[:12])))) != 12 {
		t.Errorf("clusterbomb sent %d: %v", len(seen), seen)
	}
}

func TestRedirects(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("left the target") }))
	defer elsewhere.Close()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/a":
			http.Redirect(w, r, "/b", http.StatusFound)
		case "/b":
			fmt.Fprint(w, "there")
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/out":
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		}
	})
	doc := func(path, more string) string {
		return heading + "  - path: ['{{BaseURL}}" + path + "']\n" + more + "    matchers: [{type: word, words: [there]}]\n"
	}
	for _, c := range []struct {
		path, more       string
		issues, requests int
	}{
		{"/a", "    redirects: true\n", 1, 4},
		{"/a", "    host-redirects: true\n    max-redirects: 1\n", 1, 4},
		{"/a", "    max-redirects: 3\n", 0, 1},
		{"/loop", "    redirects: true\n    max-redirects: 99\n", 0, maxHops + 1},
		{"/out", "    redirects: true\n", 0, 1},
	} {
		result, sent := run(t, doc(c.path, c.more), h)
		if len(result.Issues) != c.issues || len(sent.sent) != c.requests {
			t.Errorf("%s %s: %d issues in %d requests", c.path, c.more, len(result.Issues), len(sent.sent))
		}
	}
}

func TestSameSeedSameRequests(t *testing.T) {
	doc := heading + "  - path: ['{{BaseURL}}/{{randstr}}/{{rand_int}}/{{randstr_2}}']\n    matchers: [{type: word, words: ['{{randstr}}']}]\n"
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) })
	_, a := run(t, doc, h)
	_, b := run(t, doc, h)
	_, c := run(t, doc, h, func(t *Target) { t.Seed = 1 })
	if !slices.Equal(a.sent, b.sent) || slices.Equal(a.sent, c.sent) || len(a.sent) != 2 || a.sent[0] == a.sent[1] {
		t.Errorf("got %v, %v, %v", a.sent, b.sent, c.sent)
	}
}

// TestNothingLeavesTheTarget: a value that the target gave cannot turn a
// request to somewhere else.
func TestNothingLeavesTheTarget(t *testing.T) {
	doc := heading + `  - raw:
      - "GET / HTTP/1.1\nHost: {{Hostname}}\n\n"
      - "GET {{BaseURL}}{{replace(next, '1', '')}} HTTP/1.1\nHost: {{Hostname}}\n\n"
    extractors: [{type: regex, name: next, internal: true, regex: ["@.*"]}]
    matchers: [{type: status, status: [200]}]
`
	result, c := run(t, doc, page("/", "@evil.example.test/"))
	if len(c.sent) != 2 || len(result.Refused) != 1 || !strings.Contains(result.Refused[0], "somewhere else") {
		t.Errorf("sent %v, refused %v", c.sent, result.Refused)
	}
}

func TestNoAnswerIsCounted(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	base, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	result, err := parse(t, actuator).Run(t.Context(), Target{Base: base}, &client{})
	if err != nil || result.Requests != 2 || result.Unanswered != 2 {
		t.Errorf("got %+v, %v", result, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := parse(t, actuator).Run(ctx, Target{Base: base}, &client{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := parse(t, actuator).Run(t.Context(), Target{Base: &url.URL{Path: "/x"}}, &client{}); err == nil {
		t.Error("ran against no host")
	}
}

func TestRefused(t *testing.T) {
	b := "  - path: ['{{BaseURL}}']\n"
	m := "    matchers: [{type: status, status: [200]}]\n"
	for name, c := range map[string]struct {
		doc  string
		line int
		what string
	}{
		"flow":               {"flow: http(1)\n" + gitConfig, 1, `field "flow"`},
		"dns":                {strings.Replace(gitConfig, "http:", "dns:", 1), 7, `field "dns"`},
		"self-contained":     {"self-contained: true\n" + gitConfig, 1, "self-contained"},
		"unsafe":             {heading + b + "    unsafe: true\n" + m, 9, "unsafe"},
		"interactsh":         {heading + "  - path: ['{{BaseURL}}/?u={{interactsh-url}}']\n" + m, 8, "interactsh"},
		"interactsh part":    {heading + b + "    matchers:\n      - type: word\n        part: interactsh_protocol\n        words: [http]\n", 11, "interactsh"},
		"xpath":              {heading + b + "    extractors:\n      - type: xpath\n        xpath: [//a]\n", 10, "xpath"},
		"xpath matcher":      {heading + b + "    matchers:\n      - type: xpath\n        xpath: [//a]\n", 10, "xpath"},
		"unknown function":   {heading + b + "    matchers:\n      - type: dsl\n        dsl: ['mmh3(body) == 1']\n", 11, "function mmh3"},
		"unknown operator":   {heading + b + "    matchers:\n      - type: dsl\n        dsl: ['len(body) * 2 == 1']\n", 11, "expression"},
		"arguments":          {heading + b + "    matchers:\n      - type: dsl\n        dsl: ['contains(body)']\n", 11, "arguments"},
		"unknown variable":   {heading + "  - path: ['{{BaseURL}}/{{nobody}}']\n" + m, 8, "nobody"},
		"payload file":       {heading + b + "    payloads:\n      user: users.txt\n" + m, 10, "file"},
		"clusterbomb":        {heading + b + "    attack: clusterbomb\n    payloads:\n" + lists("a b c", 30) + m, 11, "10000 requests"},
		"batteringram lists": {heading + b + "    payloads:\n" + lists("a b", 2) + m, 10, "batteringram"},
		"lookahead":          {heading + b + "    matchers:\n      - type: regex\n        regex: ['(?=a)']\n", 11, "RE2"},
		"long pattern":       {heading + b + "    matchers:\n      - type: regex\n        regex: ['" + strings.Repeat("a", 1001) + "']\n", 11, "too long"},
		"too many matchers":  {heading + b + "    matchers:\n" + strings.Repeat("      - {type: status, status: [200]}\n", 1_001), 10, "1000"},
		"other host":         {heading + "  - path: ['https://example.com/']\n" + m, 8, "somewhere else"},
		"other port":         {heading + "  - path: ['{{BaseURL}}:8080/']\n" + m, 8, "somewhere else"},
		"user in URL":        {heading + "  - path: ['{{BaseURL}}@example.com/']\n" + m, 8, "somewhere else"},
		"host header":        {heading + "  - raw: [\"GET / HTTP/1.1\\nHost: example.com\\n\\n\"]\n" + m, 8, "Host"},
		"smuggling":          {heading + "  - raw: [\"GET / HTTP/1.1\\nTransfer-Encoding: chunked\\n\\n\"]\n" + m, 8, "Transfer-Encoding"},
		"header injection":   {heading + b + "    headers: {X: \"a\\r\\nb: c\"}\n" + m, 8, "header"},
		"annotation":         {heading + "  - raw: [\"@Host: a\\nGET / HTTP/1.1\\n\\n\"]\n" + m, 8, "annotation"},
		"severity":           {strings.Replace(gitConfig, "severity: high", "severity: dire", 1), 5, "severity"},
		"typo":               {heading + b + "    matchers:\n      - type: status\n        statuses: [200]\n", 11, "statuses"},
		"wrong values":       {heading + b + "    matchers:\n      - type: word\n        status: [200]\n", 10, "another type"},
		"twice":              {heading + b + "    threads: 1\n    method: GET\n    method: PUT\n" + m, 11, "method twice"},
		"no matchers":        {heading + b, 8, "without matchers"},
		"no request":         {heading + "  - threads: 1\n" + m, 8, "without path"},
		"JSON path":          {heading + b + "    extractors:\n      - type: json\n        json: ['.a | keys']\n", 11, "JSON path"},
		"alias":              {heading + "  - path: &a ['{{BaseURL}}']\n    matchers: *a\n", 9, "list"},
		"alias bomb":         {bomb(), 0, ""},
		"two documents":      {gitConfig + "---\n" + gitConfig, 24, "more than one"},
		"no YAML":            {"a: [", 1, "YAML"},
		"empty":              {"", 1, "YAML"},
		"huge":               {strings.Repeat("#", maxDocument+1), 0, "bytes"},
		"id":                 {strings.Replace(gitConfig, "id: check", "id: ../x", 1), 1, "id"},
		"no name":            {strings.Replace(gitConfig, "name: A check", "tags: x", 1), 1, "name"},
		"million matchers":   {heading + b + "    matchers: [" + strings.Repeat("0,", 500_000) + "0]\n", 9, "1000"},
		"deep":               {heading + b + "    matchers: [{type: dsl, dsl: ['" + strings.Repeat("(", 200) + "']}]\n", 9, "deep"},
		"too many tests":     {heading + b + "    payloads: {a: [" + strings.Repeat("0,", 9_999) + "0]}\n    matchers: [{type: word, words: [" + strings.Repeat("0,", 500) + "0]}]\n", 8, "values"},
		"deep YAML":          {heading + strings.Repeat("[", 5_000), 0, ""},
	} {
		_, err := Parse(name, []byte(c.doc))
		var u *Unsupported
		if !errors.As(err, &u) {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		if c.line != 0 && u.Line != c.line || !strings.Contains(u.What, c.what) {
			t.Errorf("%s: got line %d, %q; want line %d, %q", name, u.Line, u.What, c.line, c.what)
		}
		if len(err.Error()) > 300 {
			t.Errorf("%s: a message of %d bytes", name, len(err.Error()))
		}
	}
}

func lists(names string, n int) string {
	var b strings.Builder
	for _, name := range strings.Fields(names) {
		fmt.Fprintf(&b, "      %s: [%s1]\n", name, strings.Repeat("0, ", n-1))
	}
	return b.String()
}

func bomb() string {
	doc := "a0: &a0 [x, x]\n"
	for i := range 40 {
		doc += fmt.Sprintf("a%d: &a%d [*a%d, *a%d]\n", i+1, i+1, i, i)
	}
	return doc
}

// TestDocumentation: the example parses, and the functions are those that are.
func TestDocumentation(t *testing.T) {
	b, err := os.ReadFile("../../../docs/templates.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(doc, -1)
	if len(examples) == 0 {
		t.Error("no example")
	}
	for _, e := range examples {
		parse(t, e[1])
	}
	_, section, _ := strings.Cut(doc, "### Functions")
	section, _, _ = strings.Cut(section, "\n#")
	var listed []string
	for _, m := range regexp.MustCompile("`([a-z0-9_]+)\\(").FindAllStringSubmatch(section, -1) {
		listed = append(listed, m[1])
	}
	for _, name := range listed {
		if _, ok := functions()[name]; !ok {
			t.Errorf("%s is listed and does not exist", name)
		}
	}
	for name := range functions() {
		if !slices.Contains(listed, name) {
			t.Errorf("%s exists and is not listed", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, doc := range []string{gitConfig, missing, login, actuator, pitchfork, bomb(), heading + "  - {}"} {
		f.Add(doc)
	}
	base := &url.URL{Scheme: "http", Host: "target.test", Path: "/app"}
	f.Fuzz(func(t *testing.T, doc string) {
		start := time.Now()
		defer func() {
			if d := time.Since(start); d > 5*time.Second {
				t.Errorf("took %s", d)
			}
		}()
		tm, err := Parse("fuzz", []byte(doc))
		if err != nil {
			var u *Unsupported
			// YAML 1.1 has other ends of a line than we have.
			if !errors.As(err, &u) || u.What == "" || u.Line < 0 || u.Line > len(doc)+2 {
				t.Fatalf("error %#v", err)
			}
			return
		}
		if tm.Rule().Title == "" || tm.Rule().ID != "template/"+tm.ID() {
			t.Fatalf("rule %+v", tm.Rule())
		}
		o := &oracle{t: t}
		result, err := tm.Run(t.Context(), Target{Base: base, Safe: true, Confirm: true}, o)
		if err != nil || result.Requests > 2*maxRequests*(maxHops+1) || result.Requests != o.n {
			t.Fatalf("%d requests, %v", result.Requests, err)
		}
		for _, i := range result.Issues {
			if strings.Contains(i.Message, "kanarie") && !strings.Contains(doc, "kanarie") {
				t.Fatalf("message %q", i.Message)
			}
		}
	})
}

// oracle answers everything, and watches where it goes.
type oracle struct {
	t *testing.T
	n int
}

func (o *oracle) Do(_ context.Context, r web.Request) (web.Response, error) {
	o.n++
	if r.URL.Host != "target.test" || r.URL.Scheme != "http" || r.URL.User != nil || !safeMethod(r.Method) {
		o.t.Fatalf("sent %s %s", r.Method, r.URL)
	}
	if strings.ContainsAny(r.URL.RequestURI(), " \r\n") {
		o.t.Fatalf("request line %q", r.URL.RequestURI())
	}
	for k, v := range r.Header {
		if strings.ContainsAny(k+strings.Join(v, ""), "\r\n\x00") {
			o.t.Fatalf("header %q %q", k, v)
		}
	}
	return web.Response{
		Status: 200, Header: http.Header{"Content-Type": {"text/plain"}, "Set-Cookie": {"kanarie=1"}},
		Body: []byte(`[core] kanarie name="csrf" value="kanarie"`),
	}, nil
}

// TestCookiesAreBounded: each answer brings cookies with new names.
func TestCookiesAreBounded(t *testing.T) {
	doc := heading + "  - path: ['{{BaseURL}}/{{n}}']\n    payloads: {n: [" + strings.Repeat("0,", 99) + "0]}\n    matchers: [{type: status, status: [500]}]\n"
	n, longest := 0, 0
	run(t, doc, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		longest = max(longest, len(r.Cookies()))
		for range 100 {
			n++
			http.SetCookie(w, &http.Cookie{Name: fmt.Sprintf("c%d", n), Value: "1", Path: "/"})
		}
	}))
	if longest == 0 || longest > maxCookies {
		t.Errorf("sent %d cookies", longest)
	}
}
