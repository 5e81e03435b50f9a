// Command picture draws what vitalsign shows as SVG, for the documentation;
// docs/pictures.sh draws all of them.
//
//	picture scan result.json > docs/scan.svg
//	picture screen [-size 120x32] [-say REGEXP=TEXT ...] STEP ... -- PROGRAM ARG ... > docs/fleet.svg
//
// A screen is that of the program itself in a terminal, after the steps: each is
// "KEYS" to type or "?TEXT" to wait for.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := picture(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func picture(args []string, w io.Writer) error {
	switch {
	case len(args) == 2 && args[0] == "scan":
		return scan(args[1], w)
	case len(args) > 0 && args[0] == "screen":
		return dashboard(args[1:], w)
	}
	return errors.New("usage: picture scan RESULT, or picture screen STEPS -- PROGRAM ARGS")
}
