package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// page is what a browser would make of HTML.
type page struct {
	ids, links    map[string]int
	findings      int
	style, policy string
	// words is all text that is shown.
	words string
}

// soundHTML reads a page as a browser does (WHATWG HTML, section 13.2), and
// fails on whatever could run, load or be mistaken.
func soundHTML(t *testing.T, out string) page {
	t.Helper()
	nothingHidden(t, "html", strings.ReplaceAll(out, "\t", " "))
	root, err := html.Parse(strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	p := page{ids: map[string]int{}, links: map[string]int{}}
	elements := " html head meta title style body header main footer nav article section h1 h2 h3 h4 h5 p ul li dl div dt dd strong b small span a code pre svg text rect figure figcaption table thead tbody tr th td "
	for n := range root.Descendants() {
		switch n.Type {
		case html.TextNode:
			if n.Parent.Data == "style" {
				p.style = n.Data
			} else {
				p.words += n.Data + "\n"
			}
		case html.CommentNode:
			t.Errorf("a comment: %q", n.Data)
		case html.ElementNode:
			if !strings.Contains(elements, " "+n.Data+" ") {
				t.Fatalf("an element %s", n.Data)
			}
			p.element(t, n)
		}
	}
	for id, n := range p.ids {
		if n != 1 {
			t.Errorf("%d elements have the id %q", n, id)
		}
	}
	sum := sha256.Sum256([]byte(p.style))
	if want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"; p.policy != want {
		t.Errorf("the policy is %q, want %q", p.policy, want)
	}
	if s := strings.ToLower(p.style); strings.Contains(s, "url(") || strings.Contains(s, "@import") || strings.Contains(s, "@font-face") {
		t.Error("the style loads something")
	}
	return p
}

func (p *page) element(t *testing.T, n *html.Node) {
	t.Helper()
	attribute := map[string]string{}
	for _, a := range n.Attr {
		attribute[a.Key] = a.Val
		if strings.HasPrefix(a.Key, "on") || strings.Contains(" src srcset style action formaction data background poster ping xlink:href ", " "+a.Key+" ") {
			t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
		}
		if a.Key == "href" {
			u, err := url.Parse(a.Val)
			if err != nil || n.Data != "a" || !strings.HasPrefix(a.Val, "#") && (u.Scheme != "https" && u.Scheme != "http" || u.Host == "") {
				t.Errorf("<%s href=%q>", n.Data, a.Val)
			}
			p.links[a.Val]++
		}
	}
	if id, ok := attribute["id"]; ok {
		p.ids[id]++
	}
	if attribute["http-equiv"] == "Content-Security-Policy" {
		p.policy = attribute["content"]
	} else if attribute["http-equiv"] != "" {
		t.Errorf("http-equiv=%q", attribute["http-equiv"])
	}
	if n.Data == "li" && attribute["class"] == "finding" {
		p.findings++
	}
}

func findingsOf(d checks.Document) int {
	n := 0
	for _, r := range d.Runs {
		n += len(r.Findings)
	}
	return n
}

// Every document is one page with every finding, every step and every reason.
func TestHTML(t *testing.T) {
	for name, d := range documents() {
		t.Run(name, func(t *testing.T) {
			p := soundHTML(t, written(t, "html", d))
			if p.findings != findingsOf(d) {
				t.Errorf("%d findings, want %d", p.findings, findingsOf(d))
			}
			want := append([]string{}, d.Verdict.Reasons...)
			for _, r := range d.Runs {
				for _, s := range r.Steps {
					want = append(want, s.Reason, s.Advice, string(s.Status))
				}
				for _, f := range r.Findings {
					want = append(want, f.Fingerprint, f.Rule.Advice, f.Rule.ID, f.Evidence.Message, placeOf(f), asideWords(f))
				}
				for _, u := range r.Unread {
					want = append(want, unreadWords(u))
				}
			}
			for _, w := range want {
				if w = line(w, textLimit); !strings.Contains(p.words, w) {
					t.Errorf("%q is not on the page", w)
				}
			}
		})
	}
}

// Only addresses of the web become links.
func TestHTMLLinks(t *testing.T) {
	f := weakness(0, checks.High)
	good := []string{"https://cwe.mitre.org/data/definitions/79.html", "http://example.org/a?b=<c>"}
	bad := []string{"javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)", "data:text/html,<script>alert(1)</script>", "//evil.example", "https:evil.example", "vbscript:x", "file:///etc/passwd", "https://cwe.mitre.org@evil.example/", "https://a\u202eb.example"}
	for _, refs := range [][]string{good, bad[:6], bad[6:]} {
		f.Rule.References = refs
		r := clean()
		r.Findings = []checks.Finding{f}
		p := soundHTML(t, written(t, "html", document(failed(), r)))
		want := 0
		if refs[0] == good[0] {
			want = len(good)
		}
		if len(p.links) != want {
			t.Errorf("%q gave links %v", refs, p.links)
		}
	}
}

// Many findings: the worst are shown, for each target, and the rest is counted.
func TestHTMLIsBounded(t *testing.T) {
	r := clean()
	r.Findings = many(6000)
	out := written(t, "html", document(failed(), r, clean()))
	p := soundHTML(t, out)
	if p.findings != htmlShown/2 || !strings.Contains(p.words, fmt.Sprintf("%d findings are not shown", 6000-htmlShown/2)) || strings.Contains(out, `"severity high"`) {
		t.Errorf("%d findings are shown", p.findings)
	}
	r = clean()
	for i := range 3 * listLimit {
		r.Unread = append(r.Unread, checks.Unread{What: fmt.Sprintf("kind %d", i), Count: 1})
		r.Steps = append(r.Steps, checks.Step{Check: fmt.Sprintf("step %d", i)})
		r.Waivers = append(r.Waivers, checks.Waiver{ID: fmt.Sprintf("waiver %d", i)})
	}
	p = soundHTML(t, written(t, "html", document(failed(), r)))
	for _, want := range []string{"and 403 more steps", "and 400 more waivers", "and 400 more\n"} {
		if !strings.Contains(p.words, want) {
			t.Errorf("no %q", want)
		}
	}
}

// Ages are what a baseline and kept runs say, and not known where there are none.
func TestHTMLAge(t *testing.T) {
	says := func(d checks.Document, seen FirstSeen, all ...string) {
		t.Helper()
		var b bytes.Buffer
		if err := HTML(&b, d, seen); err != nil {
			t.Fatal(err)
		}
		p := soundHTML(t, b.String())
		for _, want := range all {
			if !strings.Contains(p.words, want) {
				t.Errorf("no %q", want)
			}
		}
	}
	says(documents()["many"], nil, "By age: not known 40", "How many days old findings are is not known", "Whether findings are new is not known")
	says(documents()["newonly"], nil, "Were there before", "The baseline has them too", "Against the baseline: new 0, there before 2, not known 0", "by the default branch, main")
	ended := clean().Ended
	seen := func(r checks.Run) (map[string]time.Time, time.Time) {
		first := map[string]time.Time{}
		for i, f := range r.Findings[:30] {
			first[f.Fingerprint] = ended.AddDate(0, 0, -i)
		}
		return first, ended.AddDate(0, 0, -29)
	}
	says(documents()["many"], seen, "By age: under a day 1, 1-7 days 7, 8-30 days 22, 31-90 days 0, over 90 days 0, not known 10",
		"the oldest of them is of 2026-02-03", "first seen 2026-03-03, 1 day", "first seen 2026-02-03, at least 29 days")
	none := func(r checks.Run) (map[string]time.Time, time.Time) {
		return map[string]time.Time{r.Findings[0].Fingerprint: r.Started}, time.Time{}
	}
	says(documents()["many"], none, "By age: not known 40")
}
