package goscan

import (
	"golang.org/x/tools/go/ssa"
)

const (
	// sliceDepth is how deep gosec's G602 follows slices of slices.
	sliceDepth = 20
	// maxSliceWork bounds the paths that G602 may follow from one slice. It
	// collects what it meets on them in memory, and cannot be stopped; a real
	// tree editor that passes path[1:] around has filled 3 GB. In a chain of
	// functions made for it, 1e9 paths took 40 MB and 1e12 took 1 GB.
	maxSliceWork = 1e9
)

// sliceWork counts, without following them, the paths from a slice to slices
// made from it: through slice expressions, append, and the parameters of
// functions that it is passed to.
type sliceWork struct {
	memo map[ssa.Value]*[sliceDepth + 1]float64
}

// most returns the greatest number of paths from any slice in the functions. It
// is an upper bound of G602's work, which looks at some of them only once.
func (w sliceWork) most(funcs []*ssa.Function) float64 {
	most := 0.0
	for _, fn := range funcs {
		for _, b := range fn.Blocks {
			for _, instr := range b.Instrs {
				if s, ok := instr.(*ssa.Slice); ok {
					most = max(most, w.paths(s, sliceDepth))
				}
			}
		}
	}
	return most
}

// paths counts the paths of at most depth steps from v.
func (w sliceWork) paths(v ssa.Value, depth int) float64 {
	if depth == 0 || v.Referrers() == nil {
		return 1
	}
	known := w.memo[v]
	if known == nil {
		known = &[sliceDepth + 1]float64{}
		w.memo[v] = known
	}
	if known[depth] == 0 {
		n := 1.0
		for _, ref := range *v.Referrers() {
			n += w.through(v, ref, depth-1)
		}
		known[depth] = n
	}
	return known[depth]
}

// through counts the paths from v that begin with one use of it.
func (w sliceWork) through(v ssa.Value, ref ssa.Instruction, depth int) float64 {
	switch ref := ref.(type) {
	case *ssa.Slice:
		return 2 * w.paths(ref, depth) // once as a slice, once for its bounds
	case *ssa.Call:
		if b, ok := ref.Call.Value.(*ssa.Builtin); ok && b.Name() == "append" {
			return w.paths(ref, depth)
		}
		fn, ok := ref.Call.Value.(*ssa.Function)
		if !ok {
			return 0
		}
		n := 0.0
		for i, arg := range ref.Call.Args {
			if arg == v && i < len(fn.Params) {
				n += w.paths(fn.Params[i], depth)
			}
		}
		return n
	}
	return 0
}
