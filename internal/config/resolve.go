package config

import (
	"fmt"
	"slices"
)

// Entry is one setting, its value as text, and who said so.
type Entry struct {
	Key, Value string
	Origin     Origin
}

// Notice is a word that does not hold where somebody may think that it does.
type Notice struct {
	// Loosening: a repository's file asked for something looser than a flag,
	// the environment or the user's file. Otherwise it asked for something
	// tighter than a flag or the environment, and that holds.
	Loosening     bool
	Ignored, Kept Entry
}

// String is the notice in one sentence.
func (n Notice) String() string {
	why := "is tighter and holds"
	switch {
	case isPart(n.Kept.Key):
		why = "holds; a repository cannot change it"
	case n.Loosening:
		why = "holds; a repository can only tighten it"
	}
	kept := n.Kept.Value
	if n.Kept.Key != n.Ignored.Key {
		kept = n.Kept.Key + " " + kept
	}
	return fmt.Sprintf("%s: %s %s does not count: %s from %s %s",
		n.Ignored.Origin, n.Ignored.Key, n.Ignored.Value, kept, n.Kept.Origin, why)
}

// Resolution is the account of how Settings came about.
type Resolution struct {
	// Entries has every setting and every entry of a block, sorted by key.
	Entries []Entry
	// Notices is in the order of Keys, blocks after them.
	Notices []Notice
}

// Origin says where the value of a key came from.
func (r Resolution) Origin(key string) Origin {
	i := slices.IndexFunc(r.Entries, func(e Entry) bool { return e.Key == key })
	if i < 0 {
		return Origin{}
	}
	return r.Entries[i].Origin
}

// Resolve decides every setting: flag over environment over repository over
// user over default; of layers of one kind the earlier counts. One exception:
// where a flag, the environment or the user's file says something outright,
// the repository's value holds if it is tighter and only then. It is held
// against the one of the three that weighs most. Over a default a repository
// may also loosen, so a caller who does not trust the file as it is passes
// what Tighten makes of it. Limits, parallel and paths.test have no tighter
// direction and follow the order alone. Of a block's entries (external, images,
// artifacts) with one name the user's file counts, then the repository's; what
// Settings.Refused lists of them may not be used.
func Resolve(layers ...Layer) (Settings, Resolution) {
	s := Defaults()
	var r Resolution
	for _, k := range Keys() {
		winner, notice := k.decide(layers)
		k.set(&s, winner.value)
		r.Entries = append(r.Entries, k.entryOf(winner))
		if notice != nil {
			r.Notices = append(r.Notices, *notice)
		}
	}
	s.setParts(layers, &r)
	slices.SortFunc(r.Entries, compareEntries)
	return s, r
}

func (k Key) entryOf(s setting) Entry { return Entry{k.Name, k.format(s.value), s.origin} }

// decide gives the setting that holds for one key.
func (k Key) decide(layers []Layer) (setting, *Notice) {
	outright, isSaid := k.strongest(layers, false)
	repo, inRepo := k.strongest(layers, true)
	switch {
	case !isSaid && !inRepo:
		return Layer{}.or(k), nil
	case !isSaid:
		return repo, nil
	case !inRepo:
		return outright, nil
	}
	ordered, other := repo, outright
	if outright.origin.Kind > Repository {
		ordered, other = outright, repo
	}
	rel := k.compare(repo.value, outright.value)
	switch {
	case k.way == neither || rel == same:
		return ordered, nil
	case rel != tighter:
		return outright, &Notice{Loosening: true, Ignored: k.entryOf(repo), Kept: k.entryOf(outright)}
	case other.origin.Kind == Repository:
		return repo, &Notice{Ignored: k.entryOf(outright), Kept: k.entryOf(repo)}
	}
	return repo, nil
}

// strongest finds the setting of the weightiest kind, either among the
// repository's layers or among all others.
func (k Key) strongest(layers []Layer, repository bool) (best setting, found bool) {
	for _, l := range layers {
		s, ok := l.values[k.Name]
		if ok && (s.origin.Kind == Repository) == repository && (!found || s.origin.Kind > best.origin.Kind) {
			best, found = s, true
		}
	}
	return best, found
}
