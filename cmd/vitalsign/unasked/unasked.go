// Package unasked keeps the terminal from being asked anything while the
// program starts.
//
// Bubble Tea v1 asks the terminal for its background colour when it is
// initialised (its tea_init.go), which happens in every command of a program
// that links it: a terminal that does not answer would hold each of them up for
// five seconds, and a log that is a terminal would begin with escapes. A
// terminal called "dumb" is not asked (termenv, termStatusReport).
//
// So this package says so before, and Restore takes it back. It comes before,
// because packages are initialised in the order of their import paths as soon
// as what they import is (The Go Programming Language Specification, "Program
// initialization"): this one needs only os, and Bubble Tea needs os/exec, which
// is later in that order. A test runs the program in a terminal that is watched.
package unasked

import "os"

const variable = "TERM"

// kept is TERM as the user has it; it is set before Bubble Tea looks.
var kept, had = hide()

func hide() (string, bool) {
	v, ok := os.LookupEnv(variable)
	_ = os.Setenv(variable, "dumb") // it fails for names with = or NUL only
	return v, ok
}

// Restore gives the program the TERM of its user. It is called first in main.
func Restore() {
	if !had {
		_ = os.Unsetenv(variable)
		return
	}
	_ = os.Setenv(variable, kept)
}
