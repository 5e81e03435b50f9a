package deps

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
)

// maxExamples is how many names an unread entry quotes.
const maxExamples = 3

// notes count what could not be judged, by what it is.
type notes struct {
	by map[noteKey]*checks.Unread
}

type noteKey struct{ what, why string }

func newNotes() *notes { return &notes{by: map[noteKey]*checks.Unread{}} }

// add counts one thing that could not be judged.
func (n *notes) add(what, why, command, example string) {
	key := noteKey{what, why}
	u := n.by[key]
	if u == nil {
		u = &checks.Unread{What: what, Why: why, Command: command}
		n.by[key] = u
	}
	u.Count++
	if len(u.Examples) < maxExamples && !slices.Contains(u.Examples, example) {
		u.Examples = append(u.Examples, example)
	}
}

// report says all of it, the most frequent first.
func (n *notes) report(out *child.Sink) error {
	all := slices.SortedFunc(maps.Values(n.by), func(a, b *checks.Unread) int {
		return cmp.Or(b.Count-a.Count, strings.Compare(a.What, b.What), strings.Compare(a.Why, b.Why))
	})
	for _, u := range all {
		if err := out.Unread(*u); err != nil {
			return err
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
