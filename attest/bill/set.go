package bill

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sort"
	"sync"

	"github.com/cyberphone/json-canonicalization/go/src/webpki.org/jsoncanonicalizer"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// Place is where a finding is, as far as identity needs it. Fields are in the
// order in which RFC 8785 sorts their names.
type Place struct {
	Commit      string `json:"commit,omitempty"`
	EndColumn   int    `json:"end_column,omitempty"`
	EndLine     int    `json:"end_line,omitempty"`
	Path        string `json:"path"`
	StartColumn int    `json:"start_column,omitempty"`
	StartLine   int    `json:"start_line,omitempty"`
}

// Leaf is one fingerprint with all its places. In the tree it is RFC 8785 JSON
// of these fields: no time, no excerpt and no fraction. The order is Place's.
type Leaf struct {
	Class       string  `json:"class"`
	Count       int     `json:"count"`
	Fingerprint string  `json:"fingerprint"`
	Locations   []Place `json:"locations"`
	Rule        string  `json:"rule"`
	Severity    string  `json:"severity"`
}

// bytes is RFC 8785 JSON. With sorted fields, whole numbers and no HTML
// escapes that is what encoding/json writes, ten times faster than a
// canonicalizer, except where it escapes a line separator or what is no UTF-8.
func (l Leaf) bytes() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(l); err != nil {
		return nil, err
	}
	if bytes.Contains(b.Bytes(), []byte(`\u202`)) || bytes.Contains(b.Bytes(), []byte(`\ufffd`)) {
		return jsoncanonicalizer.Transform(b.Bytes())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// ErrSet says that leaves do not make a set.
var ErrSet = errors.New("not a set of findings")

// Set is the findings of a run as an RFC 6962 tree: one leaf a fingerprint,
// sorted bytewise, so that one finding's presence or absence can be proved
// without showing the others.
type Set struct {
	leaves []Leaf
	hashes [][]byte
	root   []byte
}

// NewSet makes the tree. Leaves may come in any order; two of one fingerprint,
// or one without, are an error.
func NewSet(leaves []Leaf) (*Set, error) {
	s := &Set{leaves: slices.Clone(leaves)}
	slices.SortFunc(s.leaves, func(a, b Leaf) int { return cmp.Compare(a.Fingerprint, b.Fingerprint) })
	for i, l := range s.leaves {
		if l.Fingerprint == "" || i > 0 && s.leaves[i-1].Fingerprint == l.Fingerprint {
			return nil, fmt.Errorf("%w: the fingerprint %q is empty or there twice", ErrSet, l.Fingerprint)
		}
		if l.Count < 1 || l.Count != len(l.Locations) {
			return nil, fmt.Errorf("%w: %s counts %d in %d places", ErrSet, l.Fingerprint, l.Count, len(l.Locations))
		}
	}
	if err := s.hash(); err != nil {
		return nil, err
	}
	r := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for _, h := range s.hashes {
		if err := r.Append(h, nil); err != nil {
			return nil, err
		}
	}
	var err error
	s.root, err = r.GetRootHash(nil)
	if err == nil && len(s.leaves) == 0 {
		s.root = rfc6962.DefaultHasher.EmptyRoot()
	}
	return s, err
}

// hash hashes every leaf, on all processors: that is most of the work.
func (s *Set) hash() error {
	s.hashes = make([][]byte, len(s.leaves))
	part := len(s.leaves)/runtime.GOMAXPROCS(0) + 1
	errs := make([]error, len(s.leaves)/part+1)
	var wg sync.WaitGroup
	for n := range errs {
		wg.Go(func() {
			for i := n * part; i < min((n+1)*part, len(s.leaves)); i++ {
				b, err := s.leaves[i].bytes()
				if err != nil {
					errs[n] = fmt.Errorf("%w: %s: %w", ErrSet, s.leaves[i].Fingerprint, err)
					return
				}
				s.hashes[i] = rfc6962.DefaultHasher.HashLeaf(b)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Size is the number of leaves.
func (s *Set) Size() int { return len(s.leaves) }

// Root is the tree head's hash in hex.
func (s *Set) Root() string { return hex.EncodeToString(s.root) }

// Included is a leaf with its audit path (RFC 6962 section 2.1.1), hashes in
// hex from the leaf up.
type Included struct {
	Index int      `json:"index"`
	Leaf  Leaf     `json:"leaf"`
	Path  []string `json:"path"`
}

// Proof says that a fingerprint is or is not in the set of a size and root.
// Present: Leaf is it. Absent: Before and After are its neighbours, and
// neighbours of each other; one of them is missing at either end, both in an
// empty set.
type Proof struct {
	Fingerprint string    `json:"fingerprint"`
	Size        int       `json:"size"`
	Root        string    `json:"root"`
	Leaf        *Included `json:"present,omitempty"`
	Before      *Included `json:"before,omitempty"`
	After       *Included `json:"after,omitempty"`
}

// Prove makes the proof for a fingerprint.
func (s *Set) Prove(fingerprint string) (Proof, error) {
	p := Proof{Fingerprint: fingerprint, Size: s.Size(), Root: s.Root()}
	i := sort.Search(len(s.leaves), func(i int) bool { return s.leaves[i].Fingerprint >= fingerprint })
	if i < len(s.leaves) && s.leaves[i].Fingerprint == fingerprint {
		in, err := s.include(i)
		p.Leaf = in
		return p, err
	}
	var err error
	if i > 0 {
		if p.Before, err = s.include(i - 1); err != nil {
			return p, err
		}
	}
	if i < len(s.leaves) {
		p.After, err = s.include(i)
	}
	return p, err
}

func (s *Set) include(i int) (*Included, error) {
	nodes, err := proof.Inclusion(uint64(i), uint64(len(s.leaves)))
	if err != nil {
		return nil, err
	}
	hashes := make([][]byte, 0, len(nodes.IDs))
	for _, id := range nodes.IDs {
		hashes = append(hashes, s.node(id))
	}
	path, err := nodes.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		return nil, err
	}
	in := &Included{Index: i, Leaf: s.leaves[i]}
	for _, h := range path {
		in.Path = append(in.Path, hex.EncodeToString(h))
	}
	return in, nil
}

// node is the hash of a full subtree.
func (s *Set) node(id compact.NodeID) []byte {
	if id.Level == 0 {
		return s.hashes[id.Index]
	}
	left := compact.NewNodeID(id.Level-1, id.Index*2)
	return rfc6962.DefaultHasher.HashChildren(s.node(left), s.node(left.Sibling()))
}

// Check holds a proof against a bill's size and root, and says whether the
// fingerprint is in the set. An error says that the proof proves nothing.
func (p Proof) Check(size int, root string) (present bool, err error) {
	if p.Size != size || p.Root != root {
		return false, errors.New("the proof is about another set of findings")
	}
	head, err := hex.DecodeString(root)
	if err != nil {
		return false, err
	}
	for _, in := range []*Included{p.Leaf, p.Before, p.After} {
		if in == nil {
			continue
		}
		if err := in.check(size, head); err != nil {
			return false, err
		}
	}
	if p.Leaf != nil {
		if p.Leaf.Leaf.Fingerprint != p.Fingerprint || p.Before != nil || p.After != nil {
			return false, errors.New("the proof shows another finding")
		}
		return true, nil
	}
	return false, p.absent(size, head)
}

func (in Included) check(size int, root []byte) error {
	b, err := in.Leaf.bytes()
	if err != nil {
		return err
	}
	var path [][]byte
	for _, h := range in.Path {
		d, err := hex.DecodeString(h)
		if err != nil {
			return err
		}
		path = append(path, d)
	}
	if in.Index < 0 || size < 1 {
		return errors.New("the proof has no such place")
	}
	return proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(in.Index), uint64(size), rfc6962.DefaultHasher.HashLeaf(b), path, root)
}

// absent holds that the two neighbours leave no room.
func (p Proof) absent(size int, root []byte) error {
	before, after := -1, size
	if p.Before != nil {
		before = p.Before.Index
	}
	if p.After != nil {
		after = p.After.Index
	}
	switch {
	case size == 0 && !bytes.Equal(root, rfc6962.DefaultHasher.EmptyRoot()):
		return errors.New("an empty set has another root")
	case after != before+1:
		return errors.New("the proof leaves room between its two findings")
	case p.Before != nil && p.Before.Leaf.Fingerprint >= p.Fingerprint,
		p.After != nil && p.After.Leaf.Fingerprint <= p.Fingerprint:
		return errors.New("the proof's findings are not the neighbours of this one")
	}
	return nil
}
