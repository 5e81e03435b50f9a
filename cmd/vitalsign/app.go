package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/version"
)

// app is the world around a command: the only place that knows the
// environment, the clock, the terminal and exit codes.
type app struct {
	in      io.Reader
	out     io.Writer
	err     io.Writer
	getenv  func(string) string
	lookup  func(string) (string, bool) // tells an empty variable from none
	now     func() time.Time
	columns func(stream any) int
	code    int
}

// exitError is an error with the exit code that it means.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

// usageError is about what was asked, before anything started.
func usageError(format string, args ...any) error {
	return exitError{judge.ExitUsage, fmt.Errorf(format, args...)}
}

// main runs one command line and returns the exit code. The code comes from a
// verdict or from an error's kind; that no error came back is not a verdict.
func (a *app) main(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return a.code
	}
	fmt.Fprintf(a.err, "vitalsign: %s\n", safetext.Block(err.Error()))
	var e exitError
	switch {
	case errors.As(err, &e):
		return e.code
	case errors.Is(err, context.Canceled):
		return judge.ExitInterrupted
	}
	return judge.ExitInternal
}

func (a *app) root() *cobra.Command {
	var f dashboardFlags
	root := &cobra.Command{
		Use:   "vitalsign",
		Short: "Vital signs for your repositories, and a signed bill of health for every release",
		Long: "vitalsign scans software that handles patient data: credentials, infrastructure,\n" +
			"code and dependencies, each check in a sandboxed child process, with one list of\n" +
			"findings and one exit code that does not lie.\n\n" +
			"Alone in a terminal it opens the dashboard: repositories, running scans, findings,\n" +
			"evidence and waivers; ? there lists the keys.\n\n" + exitHelp(),
		Example:       "  vitalsign                       the dashboard\n  vitalsign --plain               the same line by line, for screen readers\n  vitalsign scan                  scan this repository\n  vitalsign scan -f json > r.json\n  vitalsign doctor                what would not run here, and why",
		Version:       version.Version + " (" + version.Build() + ")",
		SilenceErrors: true, SilenceUsage: true,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return a.unknownVerb(cmd, args[0])
			}
			if f.plain || a.isTerminal() {
				return a.dashboard(cmd, f)
			}
			return cmd.Help()
		},
	}
	f.add(root)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError("%w\nRun '%s --help' for the flags it knows.", err, cmd.CommandPath())
	})
	root.CompletionOptions.DisableDefaultCmd = true
	root.PersistentFlags().Bool("no-color", false, "no colour, as NO_COLOR in the environment")
	root.PersistentFlags().String("check-binary", "", "the vitalsign-check to use (default: the one beside vitalsign)")
	root.AddCommand(a.scanCommand(), a.buildCommand(), a.reportCommand(), a.explainCommand(), a.doctorCommand(),
		a.dbCommand(), a.initCommand(), a.configCommand(), a.keyCommand(),
		a.fleetCommand(), a.signCommand(), a.attestCommand(), a.verifyCommand(), a.waiveCommand(), a.waiversCommand(), a.baselineCommand(), a.policyCommand())
	for _, c := range root.Commands() {
		wrapArgs(c)
	}
	return root
}

// wrapArgs gives wrong arguments the exit code of wrong usage, on every verb.
func wrapArgs(c *cobra.Command) {
	check := c.Args
	if check == nil {
		check = cobra.ArbitraryArgs
	}
	c.Args = func(cmd *cobra.Command, args []string) error {
		err := check(cmd, args)
		if err == nil {
			err = together(cmd.ValidateFlagGroups())
		}
		if err != nil {
			return usageError("%w\nRun '%s --help' for what it takes.", err, cmd.CommandPath())
		}
		return nil
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

// flagGroup is how cobra names flags that exclude each other.
var flagGroup = regexp.MustCompile(`; \[([a-z-]+) ([a-z-]+)\] were all set$`)

// together says of two flags that they exclude each other, in fewer words.
func together(err error) error {
	if err == nil {
		return nil
	}
	if m := flagGroup.FindStringSubmatch(err.Error()); m != nil {
		return fmt.Errorf("--%s and --%s do not go together", m[1], m[2])
	}
	return err
}

func (a *app) unknownVerb(cmd *cobra.Command, name string) error {
	msg := fmt.Sprintf("there is no verb %q", name)
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(name); len(near) > 0 {
		msg += fmt.Sprintf("; did you mean %q?", near[0])
	}
	return usageError("%s\nRun 'vitalsign --help' for the verbs there are.", msg)
}

func exitHelp() string {
	var b strings.Builder
	b.WriteString("Exit codes:\n")
	for _, e := range judge.ExitTexts() {
		fmt.Fprintf(&b, "  %3d  %s\n", e.Code, e.Text)
	}
	return b.String()
}

// colour says whether a stream is shown in colour (https://no-color.org: any
// non-empty NO_COLOR means no).
func (a *app) colour(cmd *cobra.Command, stream io.Writer) bool {
	no, _ := cmd.Flags().GetBool("no-color")
	return !no && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb" && a.columns(stream) > 0
}

// fileExists says whether path is there, whatever it is.
func fileExists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
