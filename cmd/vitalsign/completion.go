package main

import (
	"context"
	_ "embed" // for the addition to cobra's script
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/misspell"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/version"
	"github.com/vitalsign-dev/vitalsign/pipelines/local"
	"github.com/vitalsign-dev/vitalsign/tui"
)

// bareBash makes cobra's script work where the package bash-completion, which
// it relies on, is not installed.
//
//go:embed completion.bash
var bareBash string

func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "completion SHELL", Short: "Print the script that completes words in bash, zsh, fish or powershell",
		Long: "Prints a script for a shell: " + strings.Join(shells(), ", ") + ". With it the Tab key completes verbs, flags,\n" +
			"formats, severities, checks, and the runs that are kept. It asks vitalsign itself, so it knows\n" +
			"what the vitalsign knows that is installed.\n\n" +
			"  bash        eval \"$(vitalsign completion bash)\" in ~/.bashrc\n" +
			"  zsh         vitalsign completion zsh > a directory of $fpath, as _vitalsign\n" +
			"  fish        vitalsign completion fish > ~/.config/fish/completions/vitalsign.fish\n" +
			"  powershell  vitalsign completion powershell | Out-String | Invoke-Expression in $PROFILE",
		Example:   "  vitalsign completion bash > /etc/bash_completion.d/vitalsign\n  vitalsign completion fish",
		ValidArgs: shells(), Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.completion(cmd.Root(), args[0]) },
	}
}

func (a *app) completion(root *cobra.Command, shell string) error {
	switch shell {
	case "bash":
		if err := root.GenBashCompletionV2(a.out, true); err != nil {
			return err
		}
		_, err := io.WriteString(a.out, bareBash)
		return err
	case "zsh":
		return root.GenZshCompletion(a.out)
	case "fish":
		return root.GenFishCompletion(a.out, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(a.out)
	}
	return usageError("there is no shell %q%s; the shells are %s", shell, misspell.Hint(shell, shells()), strings.Join(shells(), ", "))
}

// complete gives every verb's flags and arguments the words that they may be.
// Where it knows none the shell completes names of files.
func (a *app) complete(c *cobra.Command) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if words := a.wordsOf(f); words != nil {
			// Only a flag that is not there, or one that has words, is an error.
			_ = c.RegisterFlagCompletionFunc(f.Name, words)
		}
	})
	switch c.CommandPath() {
	case "vitalsign report":
		c.ValidArgsFunction = a.runWords
	case "vitalsign explain":
		c.ValidArgsFunction = a.checkWords
	case "vitalsign fleet remove":
		c.ValidArgsFunction = a.sourceWords
	}
	if c.Args != nil && c.ValidArgsFunction == nil && len(c.ValidArgs) == 0 && !strings.Contains(c.Use, " ") {
		c.ValidArgsFunction = cobra.NoFileCompletions // it takes no argument
	}
	for _, sub := range c.Commands() {
		a.complete(sub)
	}
}

// oneWord completes with one of some words, and never with names of files.
func oneWord(all ...string) cobra.CompletionFunc {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return all, cobra.ShellCompDirectiveNoFileComp
	}
}

// formatsPrefix begins the help of every --format; the formats follow.
const formatsPrefix = "what to print: "

// wordsOf gives what a flag may be, nil where nobody knows.
func (a *app) wordsOf(f *pflag.Flag) cobra.CompletionFunc {
	for _, k := range config.Keys() {
		if all := k.Words(); k.Flag == f.Name && len(all) > 0 && k.Type != config.TypeSwitch {
			return oneWord(all...)
		}
	}
	switch f.Name {
	case "format":
		return oneWord(strings.Split(strings.TrimPrefix(f.Usage, formatsPrefix), ", ")...)
	case "output":
		var all []string
		for _, name := range report.FormatNames() {
			all = append(all, name+"=")
		}
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return all, cobra.ShellCompDirectiveNoSpace
		}
	case "check", "skip":
		return a.checkWords
	case "severity":
		if k, ok := config.KeyNamed("fail_on"); ok {
			return oneWord(k.Words()...)
		}
	case "sign":
		return oneWord(signAuto, signRequired)
	case "theme":
		return oneWord(tui.ThemeNames()...)
	case "type":
		return oneWord(sortedNames(predicateNames())...)
	}
	return nil
}

// checkWords asks vitalsign-check what checks there are.
func (a *app) checkWords(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	program, err := a.checkProgram(cmd)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	tool, err := local.Describe(contextOf(cmd), program, version.Build(), a.cacheDir())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	before := ""
	if i := strings.LastIndexByte(begun, ','); i >= 0 { // several, as --skip deps,iac
		before = begun[:i+1]
	}
	var all []string
	for _, c := range tool.Checks {
		all = append(all, before+c.Name+"\t"+safetext.Line(c.Title))
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

// runWords are the newest runs; to look for them makes no store.
func (a *app) runWords(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if dir := a.stateDir(); len(args) > 0 || dir == "" || !fileExists(filepath.Join(dir, runsFile)) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s, err := a.openStore(contextOf(cmd))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer s.Close() // read only
	runs, err := s.List(contextOf(cmd), listed)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all := []string{"last\tthe newest run"}
	for _, r := range runs {
		all = append(all, fmt.Sprintf("%s\t%s, %s", r.ID, day(r.Started), safetext.Line(filepath.Base(r.Target))))
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// sourceWords are what the fleet watches.
func (a *app) sourceWords(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	if dir := a.stateDir(); dir == "" || !fileExists(filepath.Join(dir, runsFile)) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	s, err := a.openStore(contextOf(cmd))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer s.Close() // read only
	sources, err := s.FleetSources(contextOf(cmd))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []string
	for _, src := range sources {
		all = append(all, safetext.Line(src.Name))
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

// contextOf is a command's context; cobra asks for words without one.
func contextOf(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}
