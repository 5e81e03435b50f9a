package config

import "slices"

// way is the direction in which a setting becomes tighter.
type way int

const (
	neither way = iota // no value is looser than another
	smaller
	larger
	fewer // a list: a part of it is tighter
)

// relation is how one value stands to another.
type relation int

const (
	same relation = iota
	tighter
	looser
	apart // of lists: each has what the other has not; of neither: different
)

// compare says how a stands to b.
func (k Key) compare(a, b value) relation {
	switch {
	case a.n == b.n && slices.Equal(a.list, b.list):
		return same
	case k.way == smaller && a.n < b.n, k.way == larger && a.n > b.n, k.way == fewer && within(a.list, b.list):
		return tighter
	case k.way == smaller, k.way == larger, k.way == fewer && within(b.list, a.list):
		return looser
	}
	return apart
}

// within says that every element of a is in b.
func within(a, b []string) bool {
	return !slices.ContainsFunc(a, func(e string) bool { return !slices.Contains(b, e) })
}

// tightest is the loosest value that is no looser than a nor b: for lists
// what is in both.
func (k Key) tightest(a, b value) value {
	switch k.compare(a, b) {
	case same, tighter:
		return a
	case looser:
		return b
	}
	var both []string
	for _, e := range a.list {
		if slices.Contains(b.list, e) {
			both = append(both, e)
		}
	}
	return value{list: both}
}

// Change is a setting that the head of a pull request makes looser, or an entry
// of a block that it changes ("external.semgrep").
type Change struct {
	Key      string
	From, To string
	// Origin is the head's line; when the head took the setting out
	// (Removed), it is the base's file without a line.
	Origin  Origin
	Removed bool
}

// Loosenings lists what head (the repository's configuration as the pull
// request has it) would loosen against base (as the target branch has it), in
// the order of Keys. What a side does not say is the default. A list that
// drops one entry and adds another is a loosening. Settings that have no
// tighter direction are never in it. Then come the entries of blocks that it
// changes, takes out, or adds; a preset that it adds is none.
func Loosenings(base, head Layer) []Change {
	var changes []Change
	for _, k := range Keys() {
		b, h := base.or(k), head.or(k)
		rel := k.compare(h.value, b.value)
		if k.way == neither || rel != looser && rel != apart {
			continue
		}
		c := Change{Key: k.Name, From: k.format(b.value), To: k.format(h.value), Origin: h.origin}
		if _, said := head.values[k.Name]; !said {
			c.Origin, c.Removed = removedFrom(b.origin), true
		}
		changes = append(changes, c)
	}
	return append(changes, partLoosenings(base, head)...)
}

// Tighten is base with those of head's edits that only tighten: the
// configuration that counts for a pull request. Of a list that the head
// changed, what both name stays. Settings that have no tighter direction stay
// as base has them, and so do the entries of blocks, but for presets that head
// adds.
func Tighten(base, head Layer) Layer {
	values := map[string]setting{}
	for _, k := range Keys() {
		b, inBase := base.values[k.Name]
		h, inHead := head.values[k.Name]
		if inBase {
			values[k.Name] = b
		}
		if k.way == neither || !inBase && !inHead {
			continue
		}
		b, h = base.or(k), head.or(k)
		best := k.tightest(b.value, h.value)
		switch {
		case k.compare(best, b.value) == tighter && inHead:
			values[k.Name] = setting{best, h.origin}
		case k.compare(best, b.value) == tighter:
			// The head took out a loosening. The default is said outright, so
			// that it also holds against a looser user file.
			values[k.Name] = setting{best, removedFrom(b.origin)}
		case !inBase && k.compare(h.value, b.value) == same:
			values[k.Name] = h
		}
	}
	return Layer{values, tightenParts(base, head, Layer{values: values})}
}

// or is what the layer says of a key, else the default.
func (l Layer) or(k Key) setting {
	if s, ok := l.values[k.Name]; ok {
		return s
	}
	return setting{k.get(Defaults()), Origin{}}
}

func removedFrom(o Origin) Origin {
	o.Line, o.Column = 0, 0
	return o
}
