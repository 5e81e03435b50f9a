// Command vitalsign-check runs one check on a target and writes what it found
// in the job protocol (see package checks). It is started by vitalsign, never
// by hand, and is the only program that parses a target's content.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/all"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/internal/version"
)

const usage = `vitalsign-check is started by vitalsign.

usage:
  vitalsign-check --describe    print the checks, their rules and claims, as JSON
  vitalsign-check NAME          read a job on standard input, write records
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run returns 0 when the output was closed, 2 for a wrong call and 1 for
// everything else. The parent believes the records, not this number.
func run(ctx context.Context, args []string) int {
	if len(args) != 1 || args[0] == "-h" || args[0] == "--help" {
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	err := os.Setenv(all.Environment())
	var program child.Program
	if err == nil {
		program, err = all.Program(version.Build(), os.Getenv(checks.IdentityKeyEnv))
	}
	if err == nil {
		// The scanners' libraries must not see the key in their environment.
		err = os.Unsetenv(checks.IdentityKeyEnv)
	}
	switch {
	case err != nil:
	case args[0] == "--describe":
		err = program.Describe(os.Stdout)
	default:
		err = program.Run(ctx, args[0], os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "vitalsign-check: %v\n", err)
		return 1
	}
	return 0
}
