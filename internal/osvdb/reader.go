package osvdb

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// maxBlock bounds what one block may unpack to: a block is closed after the
// line that fills it, and a line is at most a record.
const maxBlock = 64 << 20

// Reader looks packages up. It holds no file open between calls and is safe
// for concurrent use.
type Reader struct {
	dir  string
	ecos map[string]Ecosystem
}

// Open reads the manifest of the store in dir. ErrNoData means that there is
// none; ErrCorrupt that it is not readable.
func Open(dir string) (*Reader, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, err
	}
	r := &Reader{dir: dir, ecos: map[string]Ecosystem{}}
	for _, e := range m.Ecosystems {
		r.ecos[e.Name] = e
	}
	return r, nil
}

// Has says whether the manifest names data of an ecosystem.
func (r *Reader) Has(ecosystem string) bool {
	_, ok := r.ecos[Base(ecosystem)]
	return ok
}

// Lookup yields every advisory of the named packages, in the order of
// normalised name and id. The whole file is held against the manifest's digest
// first. An error of yield ends the lookup and comes back.
func (r *Reader) Lookup(ecosystem string, names []string, yield func(name string, a Advisory) error) error {
	e, ok := r.ecos[Base(ecosystem)]
	if !ok {
		return fmt.Errorf("%w for %s", ErrNoData, ecosystem)
	}
	wanted := make([]string, 0, len(names))
	for _, n := range names {
		wanted = append(wanted, NormalName(ecosystem, n))
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	f, err := openData(r.dir, e)
	if err != nil {
		return err
	}
	defer f.Close() // read only
	l := lookup{ecosystem: e, file: f, yield: yield}
	if err := l.run(wanted); err != nil {
		return fmt.Errorf("%s: %w", e.Name, err)
	}
	return nil
}

// openData opens a data file and holds all of it against the manifest.
func openData(dir string, e Ecosystem) (*os.File, error) {
	if e.File != filepath.Base(e.File) || !filepath.IsLocal(e.File) {
		return nil, corrupt("%s: the manifest names a file elsewhere", e.Name)
	}
	f, err := os.Open(filepath.Join(dir, e.File))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, corrupt("%s: its file %s is gone", e.Name, e.File)
	}
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, e.Size+1))
	switch {
	case err != nil:
	case n != e.Size:
		err = corrupt("%s: %s does not have the %d bytes that were written", e.Name, e.File, e.Size)
	case hex.EncodeToString(h.Sum(nil)) != e.SHA256:
		err = corrupt("%s: %s does not have the digest that was written", e.Name, e.File)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// lookup is one walk over a data file.
type lookup struct {
	ecosystem Ecosystem
	file      io.ReaderAt
	yield     func(string, Advisory) error
	dec       *zstd.Decoder
	packed    []byte
	raw       []byte
}

func (l *lookup) run(wanted []string) error {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlock), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer dec.Close()
	l.dec = dec
	index, err := l.index()
	if err != nil {
		return err
	}
	for i, b := range index {
		// The packages of this block are from its first name to the next
		// block's first, both included: a package may go on in the next block.
		from := sort.SearchStrings(wanted, b.First)
		to := len(wanted)
		if i+1 < len(index) {
			to = sort.Search(len(wanted), func(k int) bool { return wanted[k] > index[i+1].First })
		}
		if from >= to {
			continue
		}
		if err := l.block(b, wanted[from:to]); err != nil {
			return err
		}
	}
	return nil
}

func (l *lookup) index() ([]block, error) {
	footer := make([]byte, footerSize)
	if l.ecosystem.Size < int64(footerSize) {
		return nil, corrupt("the file is too short")
	}
	if _, err := l.file.ReadAt(footer, l.ecosystem.Size-int64(footerSize)); err != nil {
		return nil, err
	}
	at := binary.LittleEndian.Uint64(footer[len(magic):])
	length := binary.LittleEndian.Uint64(footer[len(magic)+8:])
	if string(footer[:len(magic)]) != magic || at > math.MaxInt64/2 || length > maxBlock {
		return nil, corrupt("the footer is not one of this format")
	}
	doc, err := l.unpack(block{Offset: int64(at), Length: int(length), Raw: -1})
	if err != nil {
		return nil, err
	}
	var index []block
	if err := json.Unmarshal(doc, &index); err != nil {
		return nil, corrupt("the index is not readable")
	}
	return index, nil
}

// unpack reads and decompresses one frame.
func (l *lookup) unpack(b block) ([]byte, error) {
	end := l.ecosystem.Size - int64(footerSize)
	if b.Offset < 0 || b.Length <= 0 || b.Raw > maxBlock || b.Offset > end || int64(b.Length) > end-b.Offset {
		return nil, corrupt("a block lies outside the file")
	}
	l.packed = slices.Grow(l.packed[:0], b.Length)[:b.Length]
	if _, err := l.file.ReadAt(l.packed, b.Offset); err != nil {
		return nil, err
	}
	raw, err := l.dec.DecodeAll(l.packed, l.raw[:0])
	if err != nil || b.Raw >= 0 && len(raw) != b.Raw {
		return nil, corrupt("a block cannot be unpacked")
	}
	l.raw = raw
	return raw, nil
}

// block yields the wanted packages of one block.
func (l *lookup) block(b block, wanted []string) error {
	raw, err := l.unpack(b)
	if err != nil {
		return err
	}
	for len(raw) > 0 {
		text, rest, found := bytes.Cut(raw, []byte{'\n'})
		name, doc, tab := bytes.Cut(text, []byte{'\t'})
		if !found || !tab {
			return corrupt("a line is not one of this format")
		}
		raw = rest
		// Both lists are sorted, so the wanted names are walked once, too.
		for len(wanted) > 0 && wanted[0] < string(name) {
			wanted = wanted[1:]
		}
		if len(wanted) == 0 {
			return nil
		}
		if wanted[0] != string(name) {
			continue
		}
		var a Advisory
		if err := json.Unmarshal(doc, &a); err != nil {
			return corrupt("an advisory is not readable")
		}
		if err := l.yield(strings.Clone(wanted[0]), a); err != nil {
			return err
		}
	}
	return nil
}
