//go:build !(linux && (amd64 || arm64)) && !darwin

package sandbox

import "runtime"

// applyHere changes nothing: there is no sandbox for this system.
func applyHere(Policy) (Report, error) {
	r := Report{Kind: KindNone}
	r.miss("sandbox: there is none for " + runtime.GOOS + "/" + runtime.GOARCH +
		"; files, network and programs are not restricted, and no limits are set")
	return r, nil
}

// applyToolHere is applyHere: no walls either.
func applyToolHere(ToolPolicy) (Report, error) { return applyHere(Policy{}) }
