package surface

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxSlugs is how many different last segments are kept below one parent before
// they are taken for the values of one parameter: an application has fewer pages
// of its own in one place than entries of a list.
const maxSlugs = 30

// maxSegments is the most that an observed path may have: links that are
// relative by mistake grow by a segment with each page.
const maxSegments = 64

// Set collects what is known of an application from all sources. It grows with
// routes and never with requests: any number of observed URLs of one route are
// one operation. It is not safe for concurrent use.
type Set struct {
	l       Limits
	routes  map[string]*known // by key
	tree    *branch
	slugs   map[string]map[string]bool // by method and parent
	dropped int
	params  int
}

// known is an operation of the set.
type known struct {
	Operation
	// declared is false as long as it was observed only.
	declared bool
}

// NewSet gives an empty one. Zero limits are the defaults.
func NewSet(l Limits) *Set {
	return &Set{l: l.orDefault(), routes: map[string]*known{}, tree: &branch{}, slugs: map[string]map[string]bool{}}
}

// Dropped counts what did not fit into the limits, or was no proper operation.
func (s *Set) Dropped() int { return s.dropped }

// Operations gives all of them by path, then method, then name.
func (s *Set) Operations() []Operation {
	var out []Operation
	for _, k := range s.routes {
		out = append(out, k.Operation)
	}
	slices.SortFunc(out, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// Add takes operations that a source declares. Those of one method and template,
// whatever its parameters are called, and of one name are one: what the first
// says stays, and the others add to it.
func (s *Set) Add(ops ...Operation) {
	for _, o := range ops {
		if o, ok := tidy(o, s.l); ok {
			s.merge(o, true)
		} else {
			s.dropped++
		}
	}
}

// Observe takes a URL that somebody follows or sends; source says who: "link",
// "form". Its path is matched with the templates that are known, the most
// literal first; otherwise what looks like an id in it becomes {id}, {id2} and
// so on, and the last segment {slug} once there are more than 30 different ones
// in its place. Values are kept as examples where there are none, unless they
// are credentials.
func (s *Set) Observe(method string, u *url.URL, source string) {
	if u == nil {
		s.dropped++
		return
	}
	o := Operation{Method: strings.ToUpper(method), Sources: []string{source}}
	path := withoutMatrix(orElse(u.EscapedPath(), "/"))
	if strings.Count(path, "/") > maxSegments || len(path) > maxPath {
		s.dropped++
		return
	}
	template, values := generalise(path)
	if t, ok := s.tree.find(path); ok {
		if template != t {
			values, _ = Match(t, path)
		}
		template = t
	}
	o.Path = template
	o.Parameters = slices.Concat(pathParameters(template, values), fromValues(InQuery, u.Query()))
	o, ok := tidy(o, s.l)
	if !ok {
		s.dropped++
		return
	}
	s.merge(s.slug(o), false)
}

// key identifies a route.
func (o Operation) key() string { return o.Method + " " + shape(o.Path) + " " + o.Name }

func (s *Set) merge(o Operation, declared bool) {
	if k, ok := s.routes[o.key()]; ok {
		s.params -= len(k.Parameters)
		if declared && !k.declared { // what is declared is more than what was guessed
			o.Parameters = slices.Clone(o.Parameters)
			k.Operation, o, k.declared = o, k.Operation, true
		}
		s.dropped += k.take(o, s.l)
		s.params += len(k.Parameters)
		return
	}
	if len(s.routes) >= s.l.Operations || s.params+len(o.Parameters) > perOperation*s.l.Operations+s.l.Parameters {
		s.dropped++
		return
	}
	o.Parameters, o.Sources = slices.Clone(o.Parameters), sorted(o.Sources)
	s.routes[o.key()] = &known{o, declared}
	s.params += len(o.Parameters)
	s.tree.add(o.Path)
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}

// take merges what another operation of the same route says, and gives how many
// parameters found no place.
func (o *Operation) take(other Operation, l Limits) (dropped int) {
	mine, theirs := pathNames(o.Path), pathNames(other.Path)
	for _, p := range other.Parameters {
		if i := slices.Index(theirs, p.Name); p.In == InPath && i >= 0 && i < len(mine) {
			p.Name = mine[i]
		}
		i := slices.IndexFunc(o.Parameters, func(q Parameter) bool { return q.In == p.In && q.Name == p.Name })
		switch {
		case i >= 0:
			o.Parameters[i].take(p)
		case p.In == InPath:
		case len(o.Parameters) >= l.Parameters:
			dropped++
		default:
			o.Parameters = append(o.Parameters, p)
		}
	}
	if o.ContentType == "" {
		o.ContentType, o.Body = other.ContentType, other.Body
	} else if len(o.Body) == 0 && mediaType(o.ContentType) == mediaType(other.ContentType) {
		o.Body = other.Body
	}
	o.Safe, o.Idempotent = o.Safe || other.Safe, o.Idempotent || other.Idempotent
	if o.Login == nil {
		o.Login = other.Login
	}
	o.Scopes = sorted(slices.Concat(o.Scopes, other.Scopes))
	o.Sources = sorted(slices.Concat(o.Sources, other.Sources))
	return dropped
}

// take fills in what is not known yet.
func (p *Parameter) take(other Parameter) {
	p.Example = orElse(p.Example, other.Example)
	p.Control = orElse(p.Control, other.Control)
	if p.Type == "" {
		p.Type, p.Format = other.Type, other.Format
	}
	if len(p.Enum) == 0 {
		p.Enum = other.Enum
	}
}

// slug collapses observed operations that differ in their last segment only,
// once there are too many of them.
func (s *Set) slug(o Operation) Operation {
	cut := strings.LastIndexByte(o.Path, '/')
	last := o.Path[cut+1:]
	if last == "" || len(pathNames("/"+last)) > 0 || s.routes[o.key()] != nil || len(s.routes) >= s.l.Operations || len(s.slugs) > s.l.Operations {
		return o
	}
	parent := o.Method + " " + shape(o.Path[:cut])
	seen := s.slugs[parent]
	if seen == nil {
		seen = map[string]bool{}
		s.slugs[parent] = seen
	}
	if seen[last] = true; len(seen) <= maxSlugs {
		return o
	}
	for other := range seen {
		s.collapse(o.Method, o.Path[:cut], other)
	}
	delete(s.slugs, parent)
	return slugged(o)
}

// collapse turns one observed operation into that of its siblings.
func (s *Set) collapse(method, parent, last string) {
	key := Operation{Method: method, Path: parent + "/" + last}.key()
	k := s.routes[key]
	if k == nil || k.declared {
		return
	}
	delete(s.routes, key)
	s.params -= len(k.Parameters)
	// Another method may still have it, and then it stays a route of its own.
	if !slices.ContainsFunc(s.methods(), func(m string) bool { return s.routes[Operation{Method: m, Path: k.Path}.key()] != nil }) {
		s.tree.remove(k.Path)
	}
	s.merge(slugged(k.Operation), false)
}

// methods are those that URLs are observed with.
func (s *Set) methods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
}

// slugged makes the last segment a parameter.
func slugged(o Operation) Operation {
	cut := strings.LastIndexByte(o.Path, '/')
	value := unescaped(o.Path[cut+1:])
	name := "slug"
	for slices.Contains(pathNames(o.Path[:cut]), name) {
		name += "2"
	}
	o.Path = o.Path[:cut] + "/{" + name + "}"
	o.Parameters = append([]Parameter{{In: InPath, Name: name, Type: "string", Required: true, Example: value}}, o.Parameters...)
	return o
}

// branch is a node of the tree of templates: below it are the segments that may
// follow. It answers which template a path is of without looking at all.
type branch struct {
	literal map[string]*branch // by the decoded segment
	any     *branch            // one parameter
	mixed   []mixed            // parameters with text around them
	rest    string             // the template that takes all that follows
	end     string             // the template that ends here
}

type mixed struct {
	parts []part
	shape string
	below *branch
}

func (b *branch) add(template string) {
	for _, s := range segments(template) {
		ps := parts(s)
		if len(ps) == 1 && ps[0].rest {
			b.rest = orElse(b.rest, template)
			return
		}
		b = b.down(s, ps)
	}
	b.end = orElse(b.end, template)
}

// down gives the branch for a segment and makes it where there is none.
func (b *branch) down(segment string, ps []part) *branch {
	switch {
	case segment == "{$}":
		return b.word("")
	case !slices.ContainsFunc(ps, func(p part) bool { return p.param }):
		return b.word(unescaped(segment))
	case len(ps) == 1:
		if b.any == nil {
			b.any = &branch{}
		}
		return b.any
	}
	sh := segmentShape(segment)
	i := slices.IndexFunc(b.mixed, func(m mixed) bool { return m.shape == sh })
	if i < 0 {
		i = len(b.mixed)
		b.mixed = append(b.mixed, mixed{ps, sh, &branch{}})
	}
	return b.mixed[i].below
}

func (b *branch) word(s string) *branch {
	if b.literal == nil {
		b.literal = map[string]*branch{}
	}
	if b.literal[s] == nil {
		b.literal[s] = &branch{}
	}
	return b.literal[s]
}

// remove forgets a template of literals. Branches that nothing is below are
// left: there are no more of them than slugs that collapse.
func (b *branch) remove(template string) {
	ss := segments(template)
	for _, s := range ss[:len(ss)-1] {
		b = b.down(s, parts(s))
	}
	last := unescaped(ss[len(ss)-1])
	if e := b.literal[last]; e != nil {
		if e.end = ""; e.literal == nil && e.any == nil && e.mixed == nil && e.rest == "" {
			delete(b.literal, last)
		}
	}
}

// maxSteps bounds the search of one path: templates can be declared so that
// each segment fits twice.
const maxSteps = 2000

// find gives the most literal template that an encoded path is of.
func (b *branch) find(path string) (string, bool) {
	ss := segments(path)
	for i := range ss {
		ss[i] = unescaped(ss[i])
	}
	steps := maxSteps
	t := b.search(ss, &steps)
	return t, t != ""
}

func (b *branch) search(ss []string, steps *int) string {
	if *steps--; b == nil || *steps < 0 {
		return ""
	}
	if len(ss) == 0 {
		return orElse(b.end, b.rest)
	}
	if t := b.literal[ss[0]].search(ss[1:], steps); t != "" {
		return t
	}
	for _, m := range b.mixed {
		if *steps--; *steps < 0 {
			break
		}
		if matchSegment(m.parts, ss[0], map[string]string{}) {
			if t := m.below.search(ss[1:], steps); t != "" {
				return t
			}
		}
	}
	if ss[0] != "" {
		if t := b.any.search(ss[1:], steps); t != "" {
			return t
		}
	}
	return b.rest
}
