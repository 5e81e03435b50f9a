package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/search"
)

// encode writes fingerprints and columns apart: the first cannot be made
// smaller, and are all that is asked for when one finding is looked for.
func (t *table) encode() (prints, rows []byte, err error) {
	for i := range t.items {
		prints = append(prints, t.items[i].Print[:]...)
	}
	if len(t.odd) > 0 {
		prints = binary.AppendUvarint(prints, uint64(len(t.odd)))
		for i := range t.items {
			if text, ok := t.odd[i]; ok {
				prints = appendText(binary.AppendUvarint(prints, uint64(i)), text)
			}
		}
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, nil, err
	}
	rows = z.EncodeAll(t.columns(), nil)
	if prints == nil {
		prints = []byte{}
	}
	return prints, rows, z.Close()
}

// tableVersion is the first byte of a table's columns.
const tableVersion = 1

// columns writes all but the fingerprints, column after column.
func (t *table) columns() []byte {
	b := binary.AppendUvarint([]byte{tableVersion}, uint64(len(t.kinds)))
	for _, k := range t.kinds {
		b = appendKind(b, k)
	}
	for _, list := range [][]string{t.paths, t.packages} {
		b = binary.AppendUvarint(b, uint64(len(list)))
		for _, s := range list {
			b = appendText(b, s)
		}
	}
	for _, column := range []func(it *search.Item) uint64{
		func(it *search.Item) uint64 { return uint64(it.Kind) },
		func(it *search.Item) uint64 { return uint64(it.Path) },
		func(it *search.Item) uint64 { return uint64(it.Package) },
		func(it *search.Item) uint64 { return uint64(it.Line) },
	} {
		for i := range t.items {
			b = binary.AppendUvarint(b, column(&t.items[i]))
		}
	}
	for i := range t.items {
		b = append(b, t.flagsOf(i))
	}
	return b
}

func (t *table) flagsOf(i int) uint8 {
	it, f := &t.items[i], t.flags[i]&(flagBound|flagTold|flagToldNew)
	for _, s := range [...]struct {
		set bool
		bit uint8
	}{{it.New, flagNew}, {it.NewKnown, flagNewKnown}, {it.Waived, flagWaived}, {it.Ignored, flagIgnored}} {
		if s.set {
			f |= s.bit
		}
	}
	return f
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendKind(b []byte, k search.Kind) []byte {
	b = binary.AppendUvarint(b, uint64(max(k.Severity, 0)))
	credential := byte(0)
	if k.Credential {
		credential = 1
	}
	b = append(b, credential)
	for _, s := range []string{k.Check, k.Rule, k.Title, k.Role} {
		b = appendText(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(k.CWE)))
	for _, s := range k.CWE {
		b = appendText(b, s)
	}
	return b
}

// errTable says that what lists are made of is damaged.
var errTable = errors.New("the list of a run's findings is damaged")

// expand undoes the compression of columns.
func expand(rows []byte) ([]byte, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDocument))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return expandWith(z, rows)
}

func expandWith(z *zstd.Decoder, rows []byte) ([]byte, error) {
	plain, err := z.DecodeAll(rows, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTable, err)
	}
	return plain, nil
}

// decodeTable is encode's inverse for a run of n findings.
func decodeTable(n int, prints, rows []byte) (*table, error) {
	plain, err := expand(rows)
	if err != nil {
		return nil, err
	}
	return decodeColumns(n, prints, plain)
}

func decodeColumns(n int, prints, plain []byte) (*table, error) {
	// A number below is at least a byte: a count beyond the bytes is a lie, and
	// asks for no memory.
	if n < 0 || n > len(plain) || len(prints) < n*len(search.Print{}) {
		return nil, errTable
	}
	r := &reader{rest: string(plain)}
	t := &table{kinds: r.kinds(), paths: r.texts(), packages: r.texts(), items: make([]search.Item, n), flags: make([]uint8, n)}
	for _, column := range []func(it *search.Item, v uint64){
		func(it *search.Item, v uint64) { it.Kind = r.below(v, len(t.kinds)) },
		func(it *search.Item, v uint64) { it.Path = r.below(v, len(t.paths)) },
		func(it *search.Item, v uint64) { it.Package = r.below(v, len(t.packages)) },
		func(it *search.Item, v uint64) { it.Line = int32(v) },
	} {
		for i := range t.items {
			column(&t.items[i], r.number())
		}
	}
	if len(r.rest) != n {
		r.bad = true
	}
	for i := range t.items {
		it := &t.items[i]
		copy(it.Print[:], prints[i*len(it.Print):])
		if it.Ordinal = uint32(i); !r.bad {
			t.setFlags(i, r.rest[i])
		}
	}
	t.odd = decodeOdd(n, prints, r)
	if r.bad {
		return nil, errTable
	}
	return t, nil
}

func (t *table) setFlags(i int, f uint8) {
	it := &t.items[i]
	t.flags[i] = f
	it.New, it.NewKnown, it.Waived, it.Ignored = f&flagNew != 0, f&flagNewKnown != 0, f&flagWaived != 0, f&flagIgnored != 0
}

// decodeOdd reads what follows n fingerprints; r learns whether it is damaged.
func decodeOdd(n int, prints []byte, r *reader) map[int]string {
	size := n * len(search.Print{})
	if len(prints) <= size {
		return nil
	}
	o := &reader{rest: string(prints[size:])}
	odd := map[int]string{}
	for range o.count() {
		i := int(o.below(o.number(), n))
		odd[i] = o.text()
	}
	r.bad = r.bad || o.bad || o.rest != ""
	return odd
}

// reader reads what the append functions wrote. What is not there leaves it
// bad, and gives zeros.
type reader struct {
	rest string
	bad  bool
}

func (r *reader) number() (v uint64) {
	for i := range min(len(r.rest), binary.MaxVarintLen64) {
		c := r.rest[i]
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.rest = r.rest[i+1:]
			return v
		}
	}
	r.bad = true
	return 0
}

// count is a number of things that are still to come, each at least a byte.
func (r *reader) count() int {
	v := r.number()
	if v > uint64(len(r.rest)) {
		r.bad = true
		return 0
	}
	return int(v)
}

// below is v if it is the place of one of n things.
func (r *reader) below(v uint64, n int) uint32 {
	if v >= uint64(n) {
		r.bad = true
		return 0
	}
	return uint32(v)
}

func (r *reader) text() string {
	n := r.count()
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *reader) texts() []string {
	all := make([]string, r.count())
	for i := range all {
		all[i] = r.text()
	}
	return all
}

func (r *reader) kinds() []search.Kind {
	if len(r.rest) == 0 || r.rest[0] != tableVersion {
		r.bad = true
		return nil
	}
	r.rest = r.rest[1:]
	all := make([]search.Kind, r.count())
	for i := range all {
		k := &all[i]
		k.Severity, k.Credential = checks.Severity(r.number()), r.number() == 1
		k.Check, k.Rule, k.Title, k.Role = r.text(), r.text(), r.text(), r.text()
		if n := r.count(); n > 0 {
			k.CWE = make([]string, n)
			for j := range k.CWE {
				k.CWE[j] = r.text()
			}
		}
	}
	return all
}

// hasPrint says whether one of n fingerprints begins with prefix.
func hasPrint(n int, prints []byte, prefix string) bool { return countPrints(n, prints, prefix) > 0 }

// countPrints counts the fingerprints that begin with prefix.
func countPrints(n int, prints []byte, prefix string) (count int) {
	size := len(search.Print{})
	whole := []byte(nil)
	if len(prefix) >= 2 {
		if p, ok := search.ParsePrint(prefix[:len(prefix)/2*2] + strings.Repeat("0", max(2*size-len(prefix)/2*2, 0))); ok {
			whole = p[:len(prefix)/2]
		}
	}
	odd := decodeOdd(n, prints, &reader{})
	for i := range min(n, len(prints)/size) {
		if text, ok := odd[i]; ok {
			if strings.HasPrefix(text, prefix) {
				count++
			}
			continue
		}
		raw := prints[i*size : (i+1)*size]
		if bytes.HasPrefix(raw, whole) && strings.HasPrefix(search.Print(raw).String(), prefix) {
			count++
		}
	}
	return count
}
