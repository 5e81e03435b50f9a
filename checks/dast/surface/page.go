package surface

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Page is what an HTML document refers to. URLs are absolute, without fragment,
// http or https, and each is there once.
type Page struct {
	// Links are navigations: a, area, link, frame, iframe, the target of a form
	// with GET, and meta refresh (HTML, 4.6, 4.2.5.3).
	Links []*url.URL
	Forms []Form
	// Scripts are the sources of script elements; Inline are the texts of those
	// without one.
	Scripts []*url.URL
	Inline  []string
	// Mixed are subresources over http: of a page over https: (Mixed Content,
	// 2), as they are written in full.
	Mixed    []string
	Comments []string
}

// Form is one form (HTML, 4.10.3).
type Form struct {
	// Method is GET, POST or DIALOG.
	Method string
	Action *url.URL
	// Enctype is the type of the body; application/x-www-form-urlencoded when
	// nothing is said.
	Enctype string
	// Fields are the controls with a name, once each: their values as examples,
	// the options of a select as Enum, and the type as Control (hidden,
	// password, file ...). Those of a form with GET are in the query.
	Fields []Parameter
}

// Operation makes one of a form: its action, and what is in the action's query.
func (f Form) Operation() Operation {
	o := Operation{Method: f.Method, Path: "/", Parameters: slices.Clone(f.Fields), Sources: []string{"form"}}
	if f.Action != nil {
		template, values := generalise(orElse(f.Action.EscapedPath(), "/"))
		o.Path = template
		o.Parameters = append(o.Parameters, pathParameters(template, values)...)
		if f.Method != http.MethodGet { // a GET replaces the query (HTML, 4.10.22.3)
			o.Parameters = append(o.Parameters, fromValues(InQuery, f.Action.Query())...)
		}
	}
	if f.Method == http.MethodPost {
		o.ContentType = f.Enctype
	}
	if o.Method == "DIALOG" { // sends nothing anywhere (HTML, 4.10.22.3)
		o.Method = http.MethodGet
	}
	o, _ = tidy(o, DefaultLimits())
	return o
}

// Bounds of one page.
const (
	maxComment = 4 << 10 // bytes of one comment
	maxPerPage = 5000    // links, scripts, comments
	maxRefs    = 50_000  // references that are looked at
)

// ReadPage reads a document that came from base. It reads tokens, not a tree:
// what is nested a million deep takes no more than what is not. Anything but
// HTML is an empty page, and so is one from elsewhere than http and https;
// without a content type it is taken for HTML. Of a document beyond the limit,
// the beginning is read.
func ReadPage(base *url.URL, contentType string, body []byte, l Limits) Page {
	if base == nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return Page{}
	}
	l = l.orDefault()
	r := &reader{l: l, base: base, document: base, links: map[string]bool{}, scripts: map[string]bool{}, unsafe: map[string]bool{}, forms: map[string]int{}, open: -1}
	if m := mediaType(contentType); m != "" && m != "text/html" && m != "application/xhtml+xml" {
		return Page{}
	}
	z := html.NewTokenizer(bytes.NewReader(body[:min(len(body), l.Bytes)]))
	for {
		switch z.Next() {
		case html.ErrorToken:
			r.endTexts()
			return r.page
		case html.StartTagToken, html.SelfClosingTagToken:
			r.start(z)
		case html.EndTagToken:
			name, _ := z.TagName()
			r.end(string(name))
		case html.TextToken:
			r.text(z.Text())
		case html.CommentToken:
			if t := strings.TrimSpace(string(z.Text())); t != "" && len(t) <= maxComment && len(r.page.Comments) < maxPerPage {
				r.page.Comments = append(r.page.Comments, t)
			}
		}
	}
}

// reader is the state between tokens.
type reader struct {
	l              Limits
	base, document *url.URL
	refs           int  // references that were looked at
	based          bool // whether a base was seen: the first counts (HTML, 4.2.3)
	page           Page
	// What is there already.
	links, scripts, unsafe map[string]bool
	forms                  map[string]int // by id
	open                   int            // the form that is open, or -1
	// The element whose text is being read, and the control it belongs to.
	inline   *strings.Builder
	textarea *Parameter
	owner    int
	option   *strings.Builder
	selected *Parameter // the select that is open
	chosen   bool
}

type attributes map[string]string

func attributesOf(z *html.Tokenizer, more bool) attributes {
	out := attributes{}
	for more && len(out) < 100 {
		var k, v []byte
		k, v, more = z.TagAttr()
		if _, there := out[string(k)]; !there {
			out[string(k)] = string(v)
		}
	}
	return out
}

func (r *reader) start(z *html.Tokenizer) {
	n, more := z.TagName()
	name := string(n)
	if !concerns(name) {
		return
	}
	a := attributesOf(z, more)
	r.mixed(name, a)
	switch name {
	case "base":
		r.rebase(a["href"])
	case "a", "area":
		r.link(a["href"])
	case "link":
		r.link(a["href"])
	case "frame", "iframe":
		r.link(a["src"])
	case "meta":
		if strings.EqualFold(a["http-equiv"], "refresh") {
			r.link(refresh(a["content"]))
		}
	case "script":
		r.script(a)
	case "form":
		r.form(a)
	default:
		r.control(name, a)
	}
}

// concerns says whether an element is looked at; of others not even the
// attributes are read.
func concerns(name string) bool {
	switch name {
	case "base", "a", "area", "link", "frame", "iframe", "meta", "script", "form",
		"input", "select", "option", "textarea", "button",
		"img", "audio", "video", "source", "embed", "object", "track":
		return true
	}
	return false
}

// resolve makes an absolute URL of what may be gone to.
func (r *reader) resolve(ref string) (*url.URL, bool) {
	if len(ref) > 4*maxPath {
		return nil, false
	}
	ref = strings.Map(func(c rune) rune {
		if c == '\t' || c == '\n' || c == '\r' {
			return -1 // URL Standard, 4.4, step 3
		}
		return c
	}, strings.TrimSpace(ref))
	if r.refs++; ref == "" || len(ref) > 2*maxPath || r.refs > maxRefs {
		return nil, false
	}
	u, err := r.base.Parse(ref)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, false
	}
	u.Fragment, u.RawFragment, u.User = "", "", nil
	return u, true
}

func (r *reader) rebase(href string) {
	if r.based || strings.TrimSpace(href) == "" {
		return
	}
	if u, ok := r.resolve(href); ok {
		r.base, r.based = u, true
	}
}

// unique appends a URL that is not there yet.
func unique(to []*url.URL, seen map[string]bool, u *url.URL) []*url.URL {
	if s := u.String(); !seen[s] && len(to) < maxPerPage {
		seen[s] = true
		return append(to, u)
	}
	return to
}

func (r *reader) link(ref string) {
	if u, ok := r.resolve(ref); ok {
		r.page.Links = unique(r.page.Links, r.links, u)
	}
}

// refresh takes the URL out of "5; url=/x" (HTML, 4.2.5.3).
func refresh(content string) string {
	_, after, ok := strings.Cut(content, ";")
	if !ok {
		return ""
	}
	after = strings.TrimSpace(after)
	if len(after) > 4 && strings.EqualFold(after[:3], "url") {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(after[3:]), "="); ok {
			after = strings.TrimSpace(rest)
		}
	}
	return strings.Trim(after, `'"`)
}

// mixed notes subresources without TLS in a page with it. A link is one when it
// is of a style or an icon and the like (Mixed Content, 2.1).
func (r *reader) mixed(name string, a attributes) {
	if r.document.Scheme != "https" || len(r.page.Mixed) >= maxPerPage {
		return
	}
	var ref string
	switch name {
	case "img", "audio", "video", "source", "embed", "track", "iframe", "frame", "script", "input":
		ref = a["src"]
	case "object":
		ref = a["data"]
	case "link":
		if rel := strings.ToLower(a["rel"]); strings.Contains(rel, "stylesheet") || strings.Contains(rel, "icon") || strings.Contains(rel, "preload") {
			ref = a["href"]
		}
	}
	if ref == "" {
		return
	}
	if u, ok := r.resolve(ref); ok && u.Scheme == "http" && !r.unsafe[u.String()] {
		r.unsafe[u.String()] = true
		r.page.Mixed = append(r.page.Mixed, u.String())
	}
}

func (r *reader) script(a attributes) {
	if src, ok := a["src"]; ok {
		if u, ok := r.resolve(src); ok {
			r.page.Scripts = unique(r.page.Scripts, r.scripts, u)
		}
		return
	}
	r.inline = &strings.Builder{}
}

func (r *reader) form(a attributes) {
	r.open = -1
	action := r.document // an empty action is the document itself (HTML, 4.10.22.3)
	if strings.TrimSpace(a["action"]) != "" {
		u, ok := r.resolve(a["action"])
		if !ok {
			return
		}
		action = u
	}
	copied := *action
	copied.Fragment, copied.RawFragment, copied.User = "", "", nil
	f := Form{Method: http.MethodGet, Action: &copied, Enctype: typeForm}
	switch strings.ToLower(strings.TrimSpace(a["method"])) {
	case "post":
		f.Method = http.MethodPost
	case "dialog":
		f.Method = "DIALOG"
	}
	if e := mediaType(a["enctype"]); e == typeMultipart || e == "text/plain" {
		f.Enctype = e
	}
	if len(r.page.Forms) >= min(maxPerPage, r.l.Operations) {
		return
	}
	r.page.Forms = append(r.page.Forms, f)
	r.open = len(r.page.Forms) - 1
	if id := a["id"]; id != "" {
		if _, there := r.forms[id]; !there {
			r.forms[id] = r.open
		}
	}
	if f.Method == http.MethodGet {
		r.page.Links = unique(r.page.Links, r.links, f.Action)
	}
}

// control reads a control's element (HTML, 4.10.5 to .11).
func (r *reader) control(name string, a attributes) {
	if name == "option" {
		r.endOption()
		if r.selected != nil {
			if v, ok := a["value"]; ok {
				r.choose(v, has(a, "selected"))
			} else {
				r.option, r.chosen = &strings.Builder{}, has(a, "selected")
			}
		}
		return
	}
	p, ok := r.parameter(name, a)
	if !ok {
		return
	}
	owner := r.open
	if id, ok := a["form"]; ok {
		if i, ok := r.forms[id]; ok {
			owner = i
		}
	}
	switch name {
	case "select":
		r.endTexts()
		r.selected, r.owner = &p, owner
	case "textarea":
		r.endTexts()
		r.textarea, r.owner = &p, owner
	default:
		r.field(owner, p)
	}
}

func has(a attributes, name string) bool { _, ok := a[name]; return ok }

// parameter makes one of a control's attributes. What has no name is not sent.
func (r *reader) parameter(name string, a attributes) (Parameter, bool) {
	switch name {
	case "input", "select", "textarea", "button":
	default:
		return Parameter{}, false
	}
	p := Parameter{In: InForm, Name: a["name"], Type: "string", Required: has(a, "required"), Example: a["value"], Control: name}
	if name == "input" {
		p.Control = orElse(strings.ToLower(a["type"]), "text")
	}
	switch p.Control {
	case "select", "textarea":
		p.Example = ""
	case "number", "range":
		p.Type = "number"
	case "email", "date", "time", "url", "tel":
		p.Format = p.Control
	case "datetime-local":
		p.Format = "date-time"
	case "file", "password":
		p.Format, p.Example = map[string]string{"file": "binary", "password": "password"}[p.Control], ""
	case "checkbox", "radio":
		p.Example = orElse(p.Example, "on") // 4.10.5.1.15
		p.Enum = []string{p.Example}
	case "reset":
		return p, false
	}
	return p, p.Name != "" && len(p.Name) <= maxText
}

// field gives a control to its form; of one name, such as radio buttons, the
// values are put together.
func (r *reader) field(form int, p Parameter) {
	if form < 0 || form >= len(r.page.Forms) {
		return
	}
	f := &r.page.Forms[form]
	if f.Method == http.MethodGet {
		p.In = InQuery
	}
	if len(p.Example) > maxText {
		p.Example = ""
	}
	i := slices.IndexFunc(f.Fields, func(q Parameter) bool { return q.Name == p.Name })
	switch {
	case i >= 0:
		q := &f.Fields[i]
		if len(q.Enum) < maxEnum {
			q.Enum = append(q.Enum, p.Enum...)
		}
		q.Example, q.Required = orElse(q.Example, p.Example), q.Required || p.Required
	case len(f.Fields) < r.l.Parameters:
		f.Fields = append(f.Fields, p)
	}
}

func (r *reader) text(t []byte) {
	switch {
	case r.inline != nil:
		r.inline.Write(t)
	case r.textarea != nil:
		if len(r.textarea.Example) <= maxText {
			r.textarea.Example += string(t)
		}
	case r.option != nil && r.option.Len() <= maxText:
		r.option.Write(t)
	}
}

func (r *reader) end(name string) {
	switch name {
	case "script":
		r.endScript()
	case "option":
		r.endOption()
	case "select", "textarea":
		r.endTexts()
	case "form":
		r.endTexts()
		r.open = -1
	}
}

func (r *reader) endScript() {
	if r.inline != nil && strings.TrimSpace(r.inline.String()) != "" && len(r.page.Inline) < maxPerPage {
		r.page.Inline = append(r.page.Inline, r.inline.String())
	}
	r.inline = nil
}

// choose adds a value to the open select; the first one, or the one that is
// selected, is what is sent (HTML, 4.10.7).
func (r *reader) choose(v string, selected bool) {
	if len(v) > maxText || len(r.selected.Enum) >= maxEnum {
		return
	}
	if selected || len(r.selected.Enum) == 0 {
		r.selected.Example = v
	}
	r.selected.Enum = append(r.selected.Enum, v)
}

func (r *reader) endOption() {
	if r.option != nil && r.selected != nil {
		r.choose(strings.TrimSpace(r.option.String()), r.chosen)
	}
	r.option = nil
}

// endTexts ends every element whose text is being read.
func (r *reader) endTexts() {
	r.endScript()
	r.endOption()
	for _, p := range []*Parameter{r.selected, r.textarea} {
		if p != nil {
			r.field(r.owner, *p)
		}
	}
	r.selected, r.textarea = nil, nil
}
