package goscan

import (
	"maps"
	"slices"
	"sync"
)

// uses records which directories were looked into for the imports of another.
// A goroutine that was left behind may still add to it.
type uses struct {
	mu    sync.Mutex
	edges map[string]map[string]bool
}

func newUses() *uses { return &uses{edges: map[string]map[string]bool{}} }

func (u *uses) add(from, to string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.edges[from] == nil {
		u.edges[from] = map[string]bool{}
	}
	u.edges[from][to] = true
}

// from gives every directory that was looked into for dir, for those, and so
// on, sorted; dir itself is among them.
func (u *uses) from(dir string) []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := map[string]bool{dir: true}
	for todo := []string{dir}; len(todo) > 0; {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for to := range u.edges[next] {
			if !seen[to] {
				seen[to] = true
				todo = append(todo, to)
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
