package tui

import "strings"

// cell is one value of a row. Its text is raw.
type cell struct {
	text string
	tone tone
}

// column says how a list shows one value.
type column struct {
	title string
	// min is how narrow it may get; what is left over goes to the columns that
	// grow.
	min  int
	grow int
	// rank decides what goes first when there is no room: the highest.
	rank  int
	right bool // a number
	end   bool // the end says more than the beginning: a path
}

// rows is what a list shows: a window into something that may be a million
// long. An id stays with a row when the list is filtered or sorted.
type rows interface {
	Len() int
	Row(i int) []cell
	ID(i int) int
}

// heading is a rows that has group headings among its rows.
type heading interface {
	// Heading gives the heading at i, "" for a row.
	Heading(i int) string
}

// noRows is the list of nothing.
type noRows struct{}

func (noRows) Len() int       { return 0 }
func (noRows) Row(int) []cell { return nil }
func (noRows) ID(int) int     { return 0 }

// list is a table with a cursor, a window and marks.
type list struct {
	columns []column
	rows    rows
	cursor  int
	top     int
	height  int // rows that are shown
	marked  marks
	empty   string // what is said where there is nothing
}

func newList(columns []column, empty string) *list {
	return &list{columns: columns, rows: noRows{}, height: 1, empty: empty}
}

// set shows other rows; the cursor stays on the row with the id it was on, if
// that is near, else where it was.
func (l *list) set(r rows) {
	id, had := l.current()
	l.rows = r
	if had {
		l.seek(func(i int) bool { return r.ID(i) == id })
	}
	l.clamp()
}

// seek puts the cursor on the nearest row that is the one, if one is near.
func (l *list) seek(is func(i int) bool) {
	const near = 2000 // further away it is not the same place any more
	for d := range near {
		for _, i := range [2]int{l.cursor + d, l.cursor - d} {
			if i >= 0 && i < l.rows.Len() && !l.isHeading(i) && is(i) {
				l.cursor = i
				return
			}
		}
	}
}

// renew shows other rows, made by make, in which the same things may have other
// ids: cursor and marks stay on what has the same key.
func renew[K comparable](l *list, key func(id int) K, make func() rows) {
	id, had := l.current()
	var at K
	marked := map[K]bool{}
	if had {
		at = key(id)
	}
	for _, id := range l.marked.ids(l.marked.count) {
		marked[key(id)] = true
	}
	l.marked.clear()
	l.rows = make()
	for i := range l.rows.Len() {
		k := key(l.rows.ID(i))
		if had && k == at {
			l.cursor = i
		}
		if marked[k] {
			l.marked.flip(l.rows.ID(i))
		}
	}
	l.clamp()
}

// current is the id of the row under the cursor.
func (l *list) current() (int, bool) {
	if l.cursor < 0 || l.cursor >= l.rows.Len() || l.isHeading(l.cursor) {
		return 0, false
	}
	return l.rows.ID(l.cursor), true
}

func (l *list) isHeading(i int) bool { return l.headingAt(i) != "" }

func (l *list) headingAt(i int) string {
	if h, ok := l.rows.(heading); ok {
		return h.Heading(i)
	}
	return ""
}

func (l *list) move(by int) {
	l.cursor += by
	l.clamp()
	// A heading is passed over: in the way of the move, else back.
	step := 1
	if by < 0 {
		step = -1
	}
	for _, way := range [2]int{step, -step} {
		for i := l.cursor; i >= 0 && i < l.rows.Len(); i += way {
			if !l.isHeading(i) {
				l.cursor = i
				l.clamp()
				return
			}
		}
	}
}

func (l *list) to(i int) {
	l.cursor = i
	l.move(0)
}

func (l *list) clamp() {
	n := l.rows.Len()
	l.cursor = min(max(0, l.cursor), max(0, n-1))
	h := max(1, l.height)
	if l.cursor < l.top {
		l.top = l.cursor
	}
	// The heading above the first row of a group stays with it.
	if l.top > 0 && l.cursor == l.top && l.isHeading(l.top-1) {
		l.top--
	}
	if l.cursor >= l.top+h {
		l.top = l.cursor - h + 1
	}
	l.top = min(max(0, l.top), max(0, n-h))
}

// toggle marks the row under the cursor, or takes the mark away.
func (l *list) toggle() {
	if id, ok := l.current(); ok {
		l.marked.flip(id)
		l.move(1)
	}
}

// chosen are the marked rows, else the one under the cursor; at most limit.
func (l *list) chosen(limit int) []int {
	if ids := l.marked.ids(limit); len(ids) > 0 {
		return ids
	}
	if id, ok := l.current(); ok {
		return []int{id}
	}
	return nil
}

// lines renders the table in width columns and height lines, the heading first.
func (l *list) lines(t *Theme, width, height int) []string {
	l.height = max(1, height-1)
	l.clamp()
	cols := layout(l.columns, width-2)
	out := []string{l.head(t, cols, width)}
	if l.rows.Len() == 0 {
		for _, w := range wrap(span{"  ", toneText}, l.empty, toneDim, width) {
			out = append(out, t.draw(w, width, false))
		}
		return out[:min(len(out), height)]
	}
	for i := l.top; i < min(l.top+l.height, l.rows.Len()); i++ {
		out = append(out, l.row(t, cols, i, width))
	}
	return out
}

func (l *list) head(t *Theme, cols []int, width int) string {
	var b strings.Builder
	b.WriteString("  ")
	for i, c := range l.columns {
		if cols[i] == 0 {
			continue
		}
		if c.right {
			b.WriteString(fitRight(c.title, cols[i], t.glyphs))
		} else {
			b.WriteString(fit(c.title, cols[i], t.glyphs))
		}
		b.WriteByte(' ')
	}
	return t.paint(toneHeader, cut(strings.TrimRight(b.String(), " "), width, t.glyphs), false)
}

func (l *list) row(t *Theme, cols []int, i, width int) string {
	on := i == l.cursor
	mark := " "
	if on {
		mark = t.glyphs.cursor
	}
	if h := l.headingAt(i); h != "" {
		return t.draw(line{{mark + t.glyphs.open + " ", toneDim}, {h, toneTitle}}, width, on)
	}
	chosen := " "
	if l.marked.has(l.rows.ID(i)) {
		chosen = t.glyphs.selected
	}
	var b strings.Builder
	b.WriteString(t.paint(toneTitle, mark+chosen, on))
	used := 2
	for c, v := range l.rows.Row(i) {
		if cols[c] == 0 {
			continue
		}
		b.WriteString(t.paint(v.tone, place(v.text, l.columns[c], cols[c], t.glyphs), on))
		used += cols[c]
		if used < width {
			b.WriteString(t.paint(toneText, " ", on))
			used++
		}
	}
	if on && used < width {
		b.WriteString(t.paint(toneText, strings.Repeat(" ", width-used), on))
	}
	return b.String()
}

func place(text string, c column, width int, g glyphs) string {
	switch {
	case c.right:
		return fitRight(text, width, g)
	case c.end:
		return fitLeft(text, width, g)
	}
	return fit(text, width, g)
}

// layout gives each column its width: 0 for those that there is no room for.
func layout(columns []column, width int) []int {
	out := make([]int, len(columns))
	shown := make([]bool, len(columns))
	used, grow := 0, 0
	for rank := range 10 {
		for i, c := range columns {
			need := c.min + 1
			if c.rank == rank && (used+need <= width || used == 0) {
				shown[i] = true
				used += need
				grow += c.grow
			}
		}
	}
	left := max(0, width-used)
	for i, c := range columns {
		if !shown[i] {
			continue
		}
		out[i] = min(c.min, max(1, width))
		if c.grow > 0 && grow > 0 {
			share := left * c.grow / grow
			out[i] += share
			left -= share
			grow -= c.grow
		}
	}
	return out
}

// marks is a set of ids. It is a bit set, so that to mark a million rows is
// answered as fast as to mark one.
type marks struct {
	bits  []uint64
	count int
}

func (m *marks) has(id int) bool { return id/64 < len(m.bits) && m.bits[id/64]&(1<<(id%64)) != 0 }

func (m *marks) flip(id int) {
	for id/64 >= len(m.bits) {
		m.bits = append(m.bits, make([]uint64, max(64, id/64+1-len(m.bits)))...)
	}
	m.bits[id/64] ^= 1 << (id % 64)
	if m.has(id) {
		m.count++
	} else {
		m.count--
	}
}

func (m *marks) clear() { *m = marks{} }

// ids lists them in order, at most limit.
func (m *marks) ids(limit int) []int {
	var out []int
	for w, bits := range m.bits {
		for b := 0; bits != 0 && len(out) < limit; b++ {
			if bits&1 != 0 {
				out = append(out, w*64+b)
			}
			bits >>= 1
		}
	}
	return out
}
