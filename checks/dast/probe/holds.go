package probe

import (
	"bytes"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// Content is what an answer said to somebody, known well enough to be found
// again in what is said to somebody else. Alike takes 17 for 18: a record of
// another patient may be like it in all but digits. Content does not.
type Content struct {
	words map[string]bool // those of every answer
	own   int             // how many of them are nowhere else
	home  map[string]bool
	like  web.Response
}

// minOwn is how many words of its own content must have to be told apart.
const minOwn = 3

// NewContent takes two answers to the same request, so that what changes from
// one to the next (times, tokens against forgery) is no part of it; home is an
// answer of the same application that shows what all its pages have in common
// (the name of who is logged in), and may be zero.
func NewContent(first, second, home web.Response) Content {
	c := Content{words: exact(first), home: exact(home), like: first}
	again := exact(second)
	for w := range c.words {
		switch {
		case !again[w]:
			delete(c.words, w)
		case !c.home[w]:
			c.own++
		}
	}
	if !OK(first) || first.Status != second.Status || MediaType(first) != MediaType(second) {
		c.own = 0
	}
	return c
}

// Known says whether there is enough of it to tell it from anything else.
func (c Content) Known() bool { return c.own >= minOwn }

// maxMissing is how many words of who asked first an answer may lack.
const maxMissing = 4

// In says whether another answer says the same: status, type, and every word,
// but for a few that the pages of whoever asked first have in common, and that
// have no digit (a name in the corner of each page; never a number of a record).
func (c Content) In(r web.Response) bool {
	if !c.Known() || r.Status != c.like.Status || MediaType(r) != MediaType(c.like) {
		return false
	}
	there := exact(r)
	missing := 0
	for w := range c.words {
		if there[w] {
			continue
		}
		if missing++; !c.home[w] || missing > maxMissing || strings.ContainsAny(w, "0123456789") {
			return false
		}
	}
	return true
}

// exact gives the words of a body as they are, digits and all.
func exact(r web.Response) map[string]bool {
	out := map[string]bool{}
	for _, w := range bytes.FieldsFunc(r.Body, between) {
		if len(out) >= maxWords {
			break
		}
		out[string(w)] = true
	}
	return out
}
