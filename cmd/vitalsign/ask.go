package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// ask asks a yes-or-no question on the stream of errors, so that a document on
// standard output stays whole. asked is false where there is no terminal; no is
// what everything but a yes means.
func (a *app) ask(question string) (yes, asked bool) {
	if _, ok := a.in.(*os.File); !ok || a.columns(a.in) == 0 || a.columns(a.err) == 0 {
		return false, false
	}
	fmt.Fprintf(a.err, "%s [y/N] ", question)
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	word := strings.ToLower(strings.TrimSpace(answer))
	return err == nil && (word == "y" || word == "yes"), true
}
