package tui

import (
	"cmp"
	"slices"
)

// table is rows over things of which there are a few thousand at most: it is
// filtered and ordered by what is shown.
type table[T any] struct {
	all   []T
	ids   []int
	cells func(T) []cell
}

func (t table[T]) Len() int         { return len(t.ids) }
func (t table[T]) ID(i int) int     { return t.ids[i] }
func (t table[T]) Row(i int) []cell { return t.cells(t.all[t.ids[i]]) }

// newTable shows those that fit the page's filter, in its order. less compares
// two of them by a column, the natural way first.
func newTable[T any](p *page, all []T, cells func(T) []cell, compare func(a, b T, column int) int) table[T] {
	t := table[T]{all: all, cells: cells}
	for i := range all {
		if p.filter == "" || fits(p.filter, cells(all[i])) {
			t.ids = append(t.ids, i)
		}
	}
	if compare != nil {
		slices.SortStableFunc(t.ids, func(a, b int) int {
			c := compare(all[a], all[b], p.sort)
			if p.down {
				c = -c
			}
			return cmp.Or(c, cmp.Compare(a, b))
		})
	}
	return t
}
