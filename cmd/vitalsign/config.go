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
	return &cobra.Command{
		Use: "init [DIRECTORY]", Short: "Write a commented vitalsign.yaml for this repository",
		Long:    "Writes vitalsign.yaml with every setting, its default and its meaning, commented\nout. A file that is there is left alone.",
		Example: "  vitalsign init\n  vitalsign init ../portal",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			return a.init(dir)
		},
	}
}

func (a *app) init(dir string) error {
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
	fmt.Fprintf(a.err, "%s written: every setting is in it, commented out\nNext: vitalsign scan %s\n", path, dir)
	return nil
}
