package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Bounds of a page that a browser shows at once, worst first.
const htmlShown = 1000 // findings of a document

//go:embed html.css
var htmlStyle string

//go:embed html.tmpl
var htmlTemplate string

// HTML writes one page that stands alone: no script, nothing from elsewhere. A
// policy in the page itself (Content Security Policy Level 3, section 3.3)
// forbids everything but the one style, by its hash, so that markup which got
// through would still do nothing.
//
// Text of the target is made visible by safetext and escaped by html/template
// for the place it stands in.
func HTML(w io.Writer, d checks.Document, seen FirstSeen) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"text": func(s string) string { return line(s, textLimit) },
		"code": block,
		"date": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	}).Parse(htmlTemplate)
	if err != nil {
		return err
	}
	return t.Execute(w, htmlPageOf(d, seen))
}

// htmlPolicy goes into the page's head. What a meta element cannot say
// (frame-ancestors, sandbox) is for whoever serves the page.
func htmlPolicy() string {
	sum := sha256.Sum256([]byte(htmlStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}

type htmlPage struct {
	Policy  string
	Style   template.CSS
	Word    string
	Meaning string
	Reasons htmlList
	Several bool
	Runs    []htmlRun
	// Hidden counts the findings that are not shown, Limit those that may be of a target.
	Hidden, Limit int
}

// htmlList is a list that was cut, with the number of what is not shown.
type htmlList struct {
	Items []string
	More  int
}

type htmlRun struct {
	ID, Word, Meaning, Target string
	Run                       checks.Run
	Reasons                   htmlList
	Incomplete, NotAsked      htmlList
	Steps                     []checks.Step
	MoreSteps                 int
	Counts                    []htmlCount
	Charts                    []htmlChart
	// Ages says what is known of ages, and why the rest is not.
	Ages       string
	Groups     []htmlGroup
	Hidden     int
	Waivers    []checks.Waiver
	MoreWaived int
	Unread     htmlList
	Notes      htmlList
}

// htmlCount is a number of findings and what it counts.
type htmlCount struct {
	Name string
	N    int
}

// htmlGroup are findings of one standing: they count, they were there before,
// or they are set aside.
type htmlGroup struct {
	ID, Title, About string
	Total            int
	Checks           []htmlCheck
}

type htmlCheck struct {
	ID, Name string
	N        int
	Rules    []htmlRule
}

// htmlRule says once what is the same of several findings.
type htmlRule struct {
	Rule     checks.Rule
	Severity string
	Links    []link
	Findings []htmlFinding
}

type htmlFinding struct {
	checks.Finding
	ID, Place, Message, Age, Seen, Aside string
}

func htmlPageOf(d checks.Document, seen FirstSeen) htmlPage {
	word := overallOf(d)
	p := htmlPage{Policy: htmlPolicy(), Style: template.CSS(htmlStyle), Word: word, Meaning: htmlMeaning(word), Reasons: htmlCut(d.Verdict.Reasons), Several: len(d.Runs) > 1}
	// Each target has its part, so that one does not push out another.
	p.Limit = max(1, htmlShown/max(1, len(d.Runs)))
	for i, r := range d.Runs {
		run := htmlRunOf(r, fmt.Sprintf("r%d", i+1), p.Limit, agesOf(r, seen))
		p.Hidden += run.Hidden
		p.Runs = append(p.Runs, run)
	}
	return p
}

// htmlMeaning is meaning without the words that stand over it already.
func htmlMeaning(word string) string {
	return capital(strings.TrimPrefix(meaning(word), "cannot tell: "))
}

func htmlCut(all []string) htmlList {
	n := min(len(all), listLimit)
	return htmlList{all[:n], len(all) - n}
}

func htmlRunOf(r checks.Run, id string, room int, a ages) htmlRun {
	word := verdictOf(r)
	h := htmlRun{ID: id, Run: r, Word: word, Meaning: htmlMeaning(word), Target: target(r), Reasons: htmlCut(r.Verdict.Reasons), Unread: htmlCut(unreadOf(r)), Notes: htmlCut(r.Notes)}
	var open, left []string
	for _, s := range incomplete(r) {
		open = append(open, stepWords(s))
	}
	for _, s := range r.Steps {
		if s.Status == checks.Excluded {
			left = append(left, stepWords(s))
		}
	}
	if len(r.Steps) == 0 {
		open = []string{"no check ran"}
	}
	h.Incomplete, h.NotAsked = htmlCut(open), htmlCut(left)
	steps := slices.Concat(incomplete(r), complete(r))
	h.Steps, h.MoreSteps = steps[:min(len(steps), listLimit)], max(0, len(steps)-listLimit)
	h.Waivers, h.MoreWaived = r.Waivers[:min(len(r.Waivers), listLimit)], max(0, len(r.Waivers)-listLimit)
	p := partsOf(r)
	for _, s := range ranked() {
		h.Counts = append(h.Counts, htmlCount{s.String(), count(p.counting)[s]})
	}
	if r.Baseline != nil {
		h.Counts = append(h.Counts, htmlCount{"there before", len(p.before)})
	}
	h.Counts = append(h.Counts, htmlCount{"set aside", len(p.aside)})
	h.Charts = htmlCharts(id, r, p, a)
	h.Ages = htmlAge(r) + " " + a.words()
	for _, g := range []struct {
		suffix, title, about string
		of                   []checks.Finding
	}{
		{"open", "Findings", "", p.counting},
		{"before", "Were there before", "The baseline has them too; they do not fail this run.", p.before},
		{"aside", "Set aside", "Ignored or waived, by whom, until when and why. They do not fail this run.", p.aside},
	} {
		if len(g.of) == 0 {
			continue
		}
		shown := g.of[:min(len(g.of), room)]
		room -= len(shown)
		h.Hidden += len(g.of) - len(shown)
		h.Groups = append(h.Groups, htmlGroup{ID: id + "-" + g.suffix, Title: g.title, About: g.about, Total: len(g.of), Checks: htmlChecks(id+"-"+g.suffix, shown, a)})
	}
	return h
}

// htmlAge says what the findings were compared with.
func htmlAge(r checks.Run) string {
	b := r.Baseline
	switch {
	case b == nil:
		return "Whether findings are new is not known: they were compared with no baseline (--new-only)."
	case b.Unknown != "":
		return "Whether all findings are new is not known: " + b.Unknown + "."
	case b.Commit != "":
		return "New or not, compared with commit " + b.Commit[:min(12, len(b.Commit))] + ", by " + b.Why + "."
	case b.File != "":
		return "New or not, compared with the file " + b.File + ", by " + b.Why + "."
	}
	return "New or not, by " + b.Why + "."
}

// htmlChecks groups findings, which come worst first, by check and rule; what
// comes first is worst.
func htmlChecks(id string, fs []checks.Finding, a ages) []htmlCheck {
	var out []htmlCheck
	at, rules := map[string]int{}, map[[2]string]int{}
	for i, f := range fs {
		c, ok := at[f.Check]
		if !ok {
			c = len(out)
			at[f.Check] = c
			out = append(out, htmlCheck{ID: fmt.Sprintf("%s-c%d", id, c+1), Name: f.Check})
		}
		key := [2]string{f.Check, f.Rule.ID}
		r, ok := rules[key]
		if !ok {
			r = len(out[c].Rules)
			rules[key] = r
			out[c].Rules = append(out[c].Rules, htmlRule{Rule: f.Rule, Severity: f.Rule.Severity.String(), Links: linksOf(f.Rule.References)})
		}
		out[c].N++
		out[c].Rules[r].Findings = append(out[c].Rules[r].Findings, htmlFinding{Finding: f, ID: fmt.Sprintf("%s-f%d", id, i+1), Place: placeOf(f), Message: messageOf(f), Age: htmlAgeWord(f), Seen: a.of(f), Aside: asideWords(f)})
	}
	return out
}

func htmlAgeWord(f checks.Finding) string {
	return map[string]string{"new": "new", "known": "was there before"}[age(f)]
}
