package surface

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const homepage = `<!DOCTYPE html><html><head>
<base href="/app/"><base href="/never/">
<meta http-equiv="Refresh" content="5; URL='next'">
<link rel="stylesheet" href="http://cdn.example.org/a.css"><link rel="next" href="?page=2#x">
<script src="main.js"></script><script>fetch("/api/x")</script>
<script src="http://cdn.example.org/b.js"></script>
</head><body>
<!-- todo: remove /old -->
<a href="patients/1#top">p</a> <a href=" patients/1 ">again</a> <a href="//other.example.org/x">o</a>
<a href="javascript:alert(1)">j</a><a href="mailto:user@example.org">m</a><a href="data:text/html,x">d</a><a href="#only">h</a>
<area href="https://user:pw@clinic.example.org/map"><iframe src="/frame"></iframe><frame src="http://clinic.example.org/f2">
<a href="java&#10;script:alert(1)">j</a> <a href="/a&amp;b?c=1&amp;d=2">e</a>
<img src="http://cdn.example.org/i.png"><img src="/fine.png"><img src="http://cdn.example.org/i.png">
<form action="find" id="f"><input name="q" value="Doe"><input type="hidden" name="h" value="1"><input type="submit" name="go" value="Go"><input name=""></form>
<form method="POST" action="/patients/7/scan?x=1" enctype="multipart/form-data">
 <input name="user" required><input type="password" name="pw" value="secret"><input type="file" name="scan">
 <input type="radio" name="sex" value="f"><input type="radio" name="sex" value="m"><input type="checkbox" name="ok">
 <select name="ward"><option value="1">One<option selected>Two <option value="3">Three</select>
 <textarea name="note">
hi &lt;there&gt;</textarea><input type="email" name="mail"><input type="number" name="n" value="3"><input type="reset" name="r">
</form>
<input name="late" form="f"><input name="nowhere">
<form method="dialog"></form><form action="javascript:x()"><input name="lost"></form>
</body></html>`

func strs(us []*url.URL) string {
	var out []string
	for _, u := range us {
		out = append(out, u.String())
	}
	return strings.Join(out, "\n")
}

func TestReadPage(t *testing.T) {
	p := ReadPage(mustURL(t, "https://clinic.example.org/dir/page?y#z"), "text/html; charset=utf-8", []byte(homepage), Limits{})
	if got, want := strs(p.Links), `https://clinic.example.org/app/next
http://cdn.example.org/a.css
https://clinic.example.org/app/?page=2
https://clinic.example.org/app/patients/1
https://other.example.org/x
https://clinic.example.org/app/
https://clinic.example.org/map
https://clinic.example.org/frame
http://clinic.example.org/f2
https://clinic.example.org/a&b?c=1&d=2
https://clinic.example.org/app/find`; got != want {
		t.Errorf("links\n%s", got)
	}
	if got, want := strs(p.Scripts), "https://clinic.example.org/app/main.js\nhttp://cdn.example.org/b.js"; got != want {
		t.Errorf("scripts\n%s", got)
	}
	if !slices.Equal(p.Inline, []string{`fetch("/api/x")`}) || !slices.Equal(p.Comments, []string{"todo: remove /old"}) {
		t.Errorf("%q %q", p.Inline, p.Comments)
	}
	if !slices.Equal(p.Mixed, []string{"http://cdn.example.org/a.css", "http://cdn.example.org/b.js", "http://clinic.example.org/f2", "http://cdn.example.org/i.png"}) {
		t.Errorf("mixed %q", p.Mixed)
	}
	if len(p.Forms) != 3 {
		t.Fatalf("%d forms", len(p.Forms))
	}
}

func TestForms(t *testing.T) {
	p := ReadPage(mustURL(t, "https://clinic.example.org/dir/"), "", []byte(homepage), Limits{})
	find, post := p.Forms[0], p.Forms[1]
	if find.Method != http.MethodGet || find.Action.String() != "https://clinic.example.org/app/find" || find.Enctype != typeForm {
		t.Errorf("%+v", find)
	}
	var names []string
	for _, f := range find.Fields {
		names = append(names, f.Key()+"="+f.Example+" "+f.Control)
	}
	if !slices.Equal(names, []string{"query:q=Doe text", "query:h=1 hidden", "query:go=Go submit", "query:late= text"}) {
		t.Errorf("%q", names)
	}
	o := post.Operation()
	if o.Route() != "POST /patients/{id}/scan" || o.ContentType != typeMultipart || example(t, o, InPath, "id") != "7" || example(t, o, InQuery, "x") != "1" {
		t.Errorf("%+v", o)
	}
	for name, want := range map[string]string{"user": "", "pw": "", "scan": "", "sex": "f", "ok": "on", "ward": "Two", "note": "\nhi <there>", "mail": "", "n": "3"} {
		if got := example(t, o, InForm, name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	for name, want := range map[string]string{"pw": "password", "scan": "file", "ward": "select", "note": "textarea"} {
		if p, _ := o.Parameter(InForm, name); p.Control != want {
			t.Errorf("%s is a %q", name, p.Control)
		}
	}
	if p, _ := o.Parameter(InForm, "ward"); !slices.Equal(p.Enum, []string{"1", "Two", "3"}) {
		t.Errorf("%q", p.Enum)
	}
	if p, _ := o.Parameter(InForm, "sex"); !slices.Equal(p.Enum, []string{"f", "m"}) {
		t.Errorf("%q", p.Enum)
	}
	proper(t, o, Limits{})
	proper(t, find.Operation(), Limits{})
}

func TestWhatIsNoPage(t *testing.T) {
	base := mustURL(t, "https://clinic.example.org/")
	for _, kind := range []string{"application/json", "text/plain", "image/svg+xml"} {
		if p := ReadPage(base, kind, []byte(homepage), Limits{}); p.Links != nil || p.Forms != nil {
			t.Errorf("%s was read", kind)
		}
	}
	if p := ReadPage(nil, "", []byte(homepage), Limits{}); p.Links != nil {
		t.Error("without a base nothing is absolute")
	}
	if p := ReadPage(mustURL(t, "http://clinic.example.org/"), "", []byte(homepage), Limits{}); p.Mixed != nil {
		t.Errorf("a page without TLS has no mixed content: %q", p.Mixed)
	}
}

func TestPageBombs(t *testing.T) {
	base := mustURL(t, "https://clinic.example.org/")
	for name, body := range map[string]string{
		"nested":     strings.Repeat("<div>", 300_000),
		"forms":      strings.Repeat("<form>", 300_000),
		"tables":     strings.Repeat("<table><tr><td><svg>", 300_000),
		"links":      strings.Repeat("<a href=/x>", 300_000),
		"inputs":     "<form>" + strings.Repeat("<input name=a>", 200_000),
		"options":    "<form><select name=s>" + strings.Repeat("<option>a", 300_000),
		"attributes": "<a " + strings.Repeat("a=1 ", 300_000) + ">",
		"comment":    strings.Repeat("<!--", 300_000),
		"script":     "<script>" + strings.Repeat("<!--<script>", 200_000),
		"images":     strings.Repeat("<img src=http://clinic.example.org/a>", 300_000),
		"textarea":   "<form><textarea name=t>" + strings.Repeat("&lt;", 300_000),
		"href":       "<a href='" + strings.Repeat("../", 300_000) + "'>",
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func() {
				p := ReadPage(base, "text/html", []byte(body), Limits{})
				if len(p.Links) > maxPerPage || len(p.Forms) > maxPerPage || len(p.Comments) > maxPerPage {
					t.Errorf("%d links, %d forms", len(p.Links), len(p.Forms))
				}
			})
		})
	}
}

func FuzzPage(f *testing.F) {
	f.Add("https://clinic.example.org/a/b", homepage)
	f.Add("http://clinic.example.org", "<form action=/a/{b}><select name=x><option>a<option value=b selected><textarea name=y>c")
	l := Limits{Bytes: 1 << 20, Operations: 50, Parameters: 20, Depth: 6}
	f.Fuzz(func(t *testing.T, from, body string) {
		base, err := url.Parse(from)
		if err != nil {
			return
		}
		p := ReadPage(base, "text/html", []byte(body), l)
		for _, u := range slices.Concat(p.Links, p.Scripts) {
			if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
				t.Fatalf("%q", u)
			}
		}
		for _, form := range p.Forms {
			proper(t, form.Operation(), DefaultLimits())
			if len(form.Fields) > l.Parameters {
				t.Fatalf("%d fields", len(form.Fields))
			}
		}
		for _, m := range p.Mixed {
			if !strings.HasPrefix(m, "http:") || base.Scheme != "https" {
				t.Fatalf("%q of %q", m, from)
			}
		}
	})
}
