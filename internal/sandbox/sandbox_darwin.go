package sandbox

import "fmt"

// applyHere sets the limits that macOS enforces, and says that the rest is
// missing. It returns an error when a limit could not be set.
func applyHere(p Policy) (Report, error) {
	l := p.Limits
	l.MemoryBytes = 0 // setrlimit(2) on macOS accepts RLIMIT_DATA, but does not hold mmap(2) to it
	if err := setLimits(l); err != nil {
		return Report{}, fmt.Errorf("sandbox: %w", err)
	}
	r := Report{Kind: KindNone, Rlimits: p.Limits.MemoryBytes == 0}
	if !r.Rlimits {
		r.miss("memory limit: macOS does not enforce one")
	}
	r.miss("sandbox: there is none for macOS (darwin); files, network and programs are not restricted")
	return r, nil
}

// applyToolHere is applyHere: limits only.
func applyToolHere(p ToolPolicy) (Report, error) { return applyHere(Policy{Limits: p.Limits}) }
