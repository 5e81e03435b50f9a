package inject

import (
	"bytes"
	"context"
	"strings"

	"golang.org/x/net/html"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// A breakout leaves one context of a page (HTML Living Standard, 13.2.5: the
// tokenizer's states) and makes an element or an attribute that runs script.
type breakout struct {
	context, before, after string
	// needs is what must come back as it is for this to work.
	needs string
}

// payload carries a mark in a place that only a parsed element can have.
func (b breakout) payload(mark string) string {
	return b.before + "<svg id=" + mark + " onload=" + mark + ">" + b.after
}

func breakouts() []breakout {
	return []breakout{
		{"text", "", "", "<"},
		{"an attribute in double quotes", `">`, "", "<"},
		{"an attribute in single quotes", `'>`, "", "<"},
		{"a script", "</script>", "", "<"},
		{"a title or text area", "</title></textarea>", "", "<"},
		{"a comment", "-->", "", "<"},
		{"a style", "</style>", "", "<"},
	}
}

// handlers leave an attribute where angle brackets are escaped.
func handlers() []breakout {
	return []breakout{
		{"an attribute in double quotes", `" onfocus=`, ` x="`, `"`},
		{"an attribute in single quotes", `' onfocus=`, ` x='`, "'"},
		{"an attribute without quotes", "x onfocus=", " x=1", ""},
	}
}

// reflected looks for cross-site scripting (CWE-79) in the answer itself, where
// a word was reflected into a page.
func reflected(ctx context.Context, s spot) (*issue.Issue, error) {
	if !probe.HTML(s.word.Response) || !s.shows() {
		return nil, nil
	}
	b, proof, ok, err := either(ctx, s.possible(breakouts()), func(ctx context.Context, b breakout) (web.Exchange, bool, error) {
		mark := s.Marks.Word()
		e, err := s.send(ctx, b.payload(mark), "an element of ours, out of "+b.context)
		return e, err == nil && probe.HTML(e.Response) && hasElement(e.Response.Body, mark), err
	})
	if ok || err != nil {
		return s.script(b, proof, ok), err
	}
	b, proof, ok, err = either(ctx, s.possible(handlers()), func(ctx context.Context, b breakout) (web.Exchange, bool, error) {
		mark := s.Marks.Word()
		e, err := s.send(ctx, b.before+mark+b.after, "an attribute of ours, out of "+b.context)
		return e, err == nil && probe.HTML(e.Response) && hasHandler(e.Response.Body, mark), err
	})
	return s.script(b, proof, ok), err
}

// possible are those whose characters come back as they are. One that needs none
// is for a value without quotes around it.
func (s spot) possible(all []breakout) []breakout {
	bare := bytes.Contains(bytes.ToLower(s.word.Response.Body), []byte("="+s.mark))
	var out []breakout
	for _, b := range all {
		if b.needs == "" && bare || b.needs != "" && s.survives(b.needs) {
			out = append(out, b)
		}
	}
	return out
}

func (s spot) script(b breakout, proof []web.Exchange, ok bool) *issue.Issue {
	if !ok {
		return nil
	}
	return s.found("web-xss-reflected", "high", seen("what is sent becomes an element or attribute of the page that runs script (out of %s)", b.context), proof...)
}

// hasElement says whether a browser would make the element of that mark.
func hasElement(page []byte, mark string) bool {
	return anyTag(page, func(t html.Token) bool {
		return t.Data == "svg" && attr(t, "id") == mark && attr(t, "onload") == mark
	})
}

// hasHandler says whether some element has a handler that is exactly the mark.
func hasHandler(page []byte, mark string) bool {
	return anyTag(page, func(t html.Token) bool { return attr(t, "onfocus") == mark })
}

// anyTag looks at start tags as the tokenizer sees them, which knows scripts,
// comments and raw text.
func anyTag(page []byte, is func(html.Token) bool) bool {
	z := html.NewTokenizer(bytes.NewReader(page))
	z.SetMaxBuf(1 << 20)
	for {
		switch z.Next() {
		case html.ErrorToken:
			return false
		case html.StartTagToken, html.SelfClosingTagToken:
			if is(z.Token()) {
				return true
			}
		}
	}
}

func attr(t html.Token, name string) string {
	for _, a := range t.Attr {
		if strings.EqualFold(a.Key, name) {
			return a.Val
		}
	}
	return ""
}
