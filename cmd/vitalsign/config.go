package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

func (a *app) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "config", Short: "Show the configuration that holds, and where it comes from",
		Example: "  vitalsign config show --origin      every setting, and who says it\n  vitalsign config schema > vitalsign.schema.json",
		Args:    cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var origin bool
	show := &cobra.Command{
		Use: "show [TARGET]", Short: "Show every setting as it holds for a target",
		Example: "  vitalsign config show --origin\n  vitalsign config show --origin services/api",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.showConfig(cmd, args, origin) },
	}
	show.Flags().BoolVar(&origin, "origin", false, "say where each value comes from")
	show.Flags().String("baseline", "", "the commit whose configuration counts")
	settingsFlags(show.Flags())
	schema := &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of vitalsign.yaml, for editors",
		Long: "Prints the JSON Schema (draft 2020-12) of vitalsign.yaml, which takes what vitalsign takes. An\n" +
			"editor with a YAML language server completes and checks settings by it when this is the first\n" +
			"line of the file, with a path or an address of the schema:\n\n" +
			"  # yaml-language-server: $schema=vitalsign.schema.json",
		Example: "  vitalsign config schema > vitalsign.schema.json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.out.Write(config.Schema())
			return err
		},
	}
	c.AddCommand(show, schema)
	return c
}

func (a *app) showConfig(cmd *cobra.Command, args []string, origin bool) error {
	target := "."
	if len(args) > 0 {
		target = args[0]
	}
	s := &scanner{app: a, cmd: cmd, progress: report.Silent()}
	s.flags.baseline, _ = cmd.Flags().GetString("baseline")
	o, err := s.openTarget(cmd.Context(), target)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, e := range o.resolution.Entries {
		if origin {
			fmt.Fprintf(w, "%s\t%s\t%s\n", e.Key, safetext.Line(e.Value), safetext.Line(e.Origin.String()))
		} else {
			fmt.Fprintf(w, "%s\t%s\n", e.Key, safetext.Line(e.Value))
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, n := range o.resolution.Notices {
		fmt.Fprintln(a.err, safetext.Line(n.String()))
	}
	return nil
}

func (a *app) initCommand() *cobra.Command {
	var accept, hook bool
	var d debtFlags
	c := &cobra.Command{
		Use: "init [DIRECTORY]", Short: "Write a commented vitalsign.yaml for this repository",
		Long: "Writes vitalsign.yaml with every setting, its default and its meaning, commented\nout. A file that is there is left alone. In a terminal it offers a first scan, and to\n" +
			"accept what that finds as dated debt (see vitalsign baseline), and says what still blocks.",
		Example: "  vitalsign init\n  vitalsign init ../portal\n  vitalsign init --accept --owner 'Team Portal'   scan, too, and accept what is found\n  vitalsign init --hook                           look at what is staged before each commit",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if hook {
				return a.writeHook(cmd.Context(), target(args))
			}
			return a.init(cmd, target(args), accept, d)
		},
	}
	fl := c.Flags()
	fl.BoolVar(&hook, "hook", false, "write the repository's pre-commit hook instead")
	fl.BoolVar(&accept, "accept", false, "scan, and accept what is found as debt, without being asked")
	fl.StringVar(&d.owner, "owner", "", "with --accept: who answers for the debt (default: USER)")
	fl.StringVar(&d.until, "until", debtUntil, "with --accept: its last day, YYYY-MM-DD or a number of days")
	fl.StringVar(&d.reason, "reason", debtReason, "with --accept: why it is accepted")
	return c
}

func (a *app) init(cmd *cobra.Command, dir string, accept bool, d debtFlags) error {
	for _, name := range config.FileNames() {
		if p := filepath.Join(dir, name); fileExists(p) {
			return usageError("%s is there already and was left alone", p)
		}
	}
	path := filepath.Join(dir, "vitalsign.yaml")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		return usageError("there is no directory %s", dir)
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(config.Template(config.SchemaID, config.Layer{}))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "%s written: every setting is in it, commented out\n", path)
	if !accept {
		accept, d.ask = a.ask("Scan it now?")
	}
	if accept {
		return a.createDebt(cmd, dir, d, scanFlags{})
	}
	fmt.Fprintf(a.err, "Next: vitalsign scan %s\nWhere it finds much at first: vitalsign baseline create %s accepts that as dated debt.\n", dir, dir)
	return nil
}
