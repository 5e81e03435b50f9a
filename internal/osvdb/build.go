package osvdb

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

const (
	magic      = "VSOSVDB1"
	footerSize = len(magic) + 16
	// blockSize is the size in bytes after which a block is closed: small
	// enough to unpack for one package, large enough to compress well.
	blockSize = 128 << 10
	// maxReduced bounds the reduced records of one import, in bytes of memory.
	maxReduced = 2 << 30
)

// line is one package and advisory, ready to be written.
type line struct {
	name, id string
	json     []byte
}

// block is an entry of the index.
type block struct {
	First  string `json:"first"`
	Offset int64  `json:"offset"`
	Length int    `json:"length"`
	Raw    int    `json:"raw"`
}

// collection gathers the records of one export. It is safe for concurrent use.
type collection struct {
	now time.Time

	mu      sync.Mutex
	records int
	bytes   int64
	ecos    map[string]*gathered
}

// gathered is what a collection knows of one ecosystem.
type gathered struct {
	lines   []line
	records int
	// alone counts records that are of this ecosystem only.
	alone  int
	newest time.Time
}

func newCollection(now time.Time) *collection {
	return &collection{now: now, ecos: map[string]*gathered{}}
}

// add checks a record and takes it in.
func (c *collection) add(b []byte) error {
	r, err := ParseRecord(b)
	if err != nil {
		return err
	}
	lines := map[string][]line{}
	size := 0
	for key, adv := range r.Packages {
		j, err := json.Marshal(adv)
		if err != nil {
			return err
		}
		lines[key.Ecosystem] = append(lines[key.Ecosystem], line{key.Name, adv.ID, j})
		size += len(j) + len(key.Name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.records++
	if c.bytes += int64(size); c.bytes > maxReduced {
		return fmt.Errorf("the records take more than %d bytes when reduced", maxReduced)
	}
	for eco, l := range lines {
		g := c.ecos[eco]
		if g == nil {
			g = &gathered{}
			c.ecos[eco] = g
		}
		g.lines = append(g.lines, l...)
		g.records++
		if len(lines) == 1 {
			g.alone++
		}
		// A date in the future must not keep data fresh for ever.
		if r.Newest.After(g.newest) && !r.Newest.After(c.now) {
			g.newest = r.Newest
		}
	}
	return nil
}

// covered names the ecosystems for which the collection is an export, and not
// a by-catch: an advisory of Go may name an npm package, too, and must not make
// npm look covered. Those are the ones that every record is about; where there
// is none (all of osv.dev in one file), those that have records of their own.
func (c *collection) covered() []string {
	var every, alone []string
	for name, g := range c.ecos {
		if g.records == c.records {
			every = append(every, name)
		}
		if g.alone > 0 {
			alone = append(alone, name)
		}
	}
	if len(every) == 0 {
		every = alone
	}
	slices.Sort(every)
	return every
}

// built is a finished data file in memory.
type built struct {
	data      []byte
	ecosystem Ecosystem
}

// build writes the data file of an ecosystem.
func (c *collection) build(name string) (built, error) {
	g := c.ecos[name]
	if g == nil || len(g.lines) == 0 {
		return built{}, fmt.Errorf("no record is about %s", name)
	}
	slices.SortFunc(g.lines, func(a, b line) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.id, b.id), bytes.Compare(a.json, b.json))
	})
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(true))
	if err != nil {
		return built{}, err
	}
	data, err := encode(enc, g.lines)
	if err = errors.Join(err, enc.Close()); err != nil {
		return built{}, err
	}
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	packages := 0
	for i := range g.lines {
		if i == 0 || g.lines[i].name != g.lines[i-1].name {
			packages++
		}
	}
	return built{data, Ecosystem{
		Name: name, File: fileName(name, digest), SHA256: digest, Size: int64(len(data)),
		Records: g.records, Packages: packages, AsOf: g.newest.UTC(), AsOfIs: AsOfNewest, ImportedAt: c.now.UTC(),
	}}, nil
}

// fileName holds the digest, so that a new file never replaces one that a
// reader has been told of.
func fileName(ecosystem, digest string) string {
	safe := strings.Map(func(r rune) rune {
		if r == ' ' {
			return '-'
		}
		return r
	}, ecosystem)
	return safe + "-" + digest[:16] + ".osv"
}

func encode(enc *zstd.Encoder, lines []line) ([]byte, error) {
	var out []byte
	var index []block
	var raw []byte
	first := ""
	flush := func() {
		if len(raw) == 0 {
			return
		}
		at := len(out)
		out = enc.EncodeAll(raw, out)
		index = append(index, block{First: first, Offset: int64(at), Length: len(out) - at, Raw: len(raw)})
		raw = raw[:0]
	}
	for _, l := range lines {
		if len(raw) == 0 {
			first = l.name
		}
		raw = append(raw, l.name...)
		raw = append(raw, '\t')
		raw = append(raw, l.json...)
		raw = append(raw, '\n')
		if len(raw) >= blockSize {
			flush()
		}
	}
	flush()
	doc, err := json.Marshal(index)
	if err != nil {
		return nil, err
	}
	at := len(out)
	out = enc.EncodeAll(doc, out)
	length := len(out) - at
	out = append(out, magic...)
	out = binary.LittleEndian.AppendUint64(out, uint64(at))
	return binary.LittleEndian.AppendUint64(out, uint64(length)), nil
}
