package chain

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/vitalsign-dev/vitalsign/attest"
)

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// fact gives a predicate to the conditions, as its JSON is.
func (w *walk) fact(name string, v attest.Verified) {
	var m map[string]any
	if err := json.Unmarshal(v.Statement().Predicate, &m); err != nil {
		return // then a condition about it cannot tell, which denies
	}
	if w.facts == nil {
		w.facts = map[string]any{"artifact": map[string]any{"kind": w.q.Subject.Kind, "name": w.q.Subject.Name}}
	}
	w.facts[name] = m
}
