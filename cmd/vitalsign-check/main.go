// Command vitalsign-check runs one check on a target and writes what it found
// in the job protocol (see package checks). It is started by vitalsign, never
// by hand, and is the only program that parses a target's content.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/all"
	"github.com/vitalsign-dev/vitalsign/checks/supervise"
	"github.com/vitalsign-dev/vitalsign/internal/version"
)

const usage = `vitalsign-check is started by vitalsign.

usage:
  vitalsign-check --describe           print the checks, their rules and claims, as JSON
  vitalsign-check NAME                 read a job on standard input, write records
  vitalsign-check --supervise IN OUT   take the job from a file in IN, write the
                                       records and how it ended to files in OUT
  vitalsign-check --tool SPEC          become an external tool, behind its walls
  vitalsign-check --offline COMMAND... become the command, without network
  vitalsign-check --gather FROM TO PATTERN...   copy what matches
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
	var err error
	switch {
	case len(args) == 3 && args[0] == "--supervise":
		err = serve(ctx, args[1], args[2])
	case len(args) == 2 && args[0] == all.ToolFlag:
		err = all.EnterTool([]byte(args[1]))
	case len(args) > 1 && args[0] == "--offline":
		fmt.Fprintf(os.Stderr, "vitalsign-check: %v\n", supervise.Offline(args[1:], os.Environ()))
		return supervise.NotStarted
	case len(args) > 3 && args[0] == "--gather":
		err = supervise.Gather(ctx, args[1], args[2], args[3:])
	case len(args) == 1 && !strings.HasPrefix(args[0], "-h") && args[0] != "--help":
		err = check(ctx, args[0])
	default:
		fmt.Fprint(os.Stderr, usage)
		return 2
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "vitalsign-check: %v\n", err)
		return 1
	}
	return 0
}

// check runs one check, or describes all of them.
func check(ctx context.Context, name string) error {
	if err := os.Setenv(all.Environment()); err != nil {
		return err
	}
	program, err := all.Program(version.Build(), os.Getenv(checks.IdentityKeyEnv))
	if err != nil {
		return err
	}
	program.Credentials, program.Pipe, program.Now = os.Getenv(checks.CredentialsEnv), supervise.Inherited, time.Now
	// The scanners' libraries must not see secrets in their environment.
	if err := errors.Join(os.Unsetenv(checks.IdentityKeyEnv), os.Unsetenv(checks.CredentialsEnv)); err != nil {
		return err
	}
	if name == "--describe" {
		return program.Describe(os.Stdout)
	}
	return program.Run(ctx, name, os.Stdin, os.Stdout)
}

// serve watches a child of this same program, which reads nothing hostile
// itself.
func serve(ctx context.Context, in, out string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	key, err := checks.ParseIdentityKey(os.Getenv(checks.IdentityKeyEnv))
	if err != nil {
		return fmt.Errorf("%s: %w", checks.IdentityKeyEnv, err)
	}
	credentials := map[string]string{}
	if text := os.Getenv(checks.CredentialsEnv); text != "" && json.Unmarshal([]byte(text), &credentials) != nil {
		return fmt.Errorf("%s is not readable", checks.CredentialsEnv)
	}
	s := supervise.Supervisor{Program: self, Credentials: credentials, Temp: os.TempDir(), Tool: all.RunTool(self, os.Getenv("PATH"))}
	return s.Serve(ctx, in, out, key, os.Getenv(supervise.NonceEnv))
}
