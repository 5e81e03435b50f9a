package secrets

import (
	"fmt"
	"sort"
	"strings"
)

// segment is a piece of text that one round decoded.
type segment struct {
	// original is where it is in the text that was scanned, encoded where in
	// the text of the round before, decoded where in this round's.
	original, encoded, decoded span
	encodings                  encoding
}

// round is the text after some decoding, and what was decoded last.
type round struct {
	text     string
	segments []segment // in order, none overlaps another
	depth    int
	before   *round
}

// decode makes the next round; nil when there is nothing to decode.
func (r *round) decode() *round {
	next := &round{depth: r.depth + 1, before: r}
	var b strings.Builder
	from := 0
	for _, m := range findEncoded(r.text) {
		value := m.encoding.decode(r.text[m.start:m.end])
		if value == "" {
			continue
		}
		b.WriteString(r.text[from:m.start])
		at := b.Len()
		b.WriteString(value)
		from = m.end
		s := segment{original: r.original(m.span), encoded: m.span, decoded: span{at, b.Len()}, encodings: m.encoding}
		for _, p := range r.touching(m.span) {
			s.encodings |= p.encodings
		}
		next.segments = append(next.segments, s)
	}
	if len(next.segments) == 0 {
		return nil
	}
	b.WriteString(r.text[from:])
	next.text = b.String()
	return next
}

// touching gives the segments whose decoded text overlaps a span or lies
// beside it.
func (r *round) touching(s span) []segment {
	first := sort.Search(len(r.segments), func(i int) bool { return r.segments[i].decoded.end >= s.start })
	last := first
	for last < len(r.segments) && r.segments[last].decoded.start <= s.end {
		last++
	}
	return r.segments[first:last]
}

// original maps a span of this round's text to the text that was scanned, as
// gitleaks does: a span within one segment is the whole of what was encoded.
func (r *round) original(s span) span {
	for ; len(r.segments) > 0; r = r.before {
		var mapped span
		for _, p := range r.touching(s) {
			if p.decoded.start <= s.start && s.end <= p.decoded.end {
				return p.original
			}
			start := p.encoded.start + min(p.decoded.start, s.start) - p.decoded.start
			end := p.encoded.end + max(p.decoded.end, s.end) - p.decoded.end
			if mapped.end == 0 {
				mapped = span{start, end}
			} else {
				mapped = span{min(mapped.start, start), max(mapped.end, end)}
			}
		}
		if mapped.end == 0 {
			return s
		}
		s = mapped
	}
	return s
}

// tags says how segments were encoded, and how deep.
func (r *round) tags(segments []segment) []string {
	var all encoding
	for _, s := range segments {
		all |= s.encodings
	}
	var out []string
	for i, name := range []string{"percent", "unicode", "hex", "base64"} {
		if all&(1<<i) != 0 {
			out = append(out, "decoded:"+name)
		}
	}
	return append(out, fmt.Sprintf("decode-depth:%d", r.depth))
}

// line is the line of this round's text with the segments in it, with the line
// feed before it, as gitleaks's allowlists see it.
func (r *round) line(segments []segment) string {
	first, last := segments[0].decoded.start, segments[len(segments)-1].decoded.end
	start := max(0, strings.LastIndexByte(r.text[:min(first+1, len(r.text))], '\n'))
	end := len(r.text)
	if i := strings.IndexByte(r.text[last:], '\n'); i >= 0 {
		end = last + i
	}
	return r.text[start:end]
}
