package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/manpage"
	"github.com/vitalsign-dev/vitalsign/internal/version"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

// configPage is the manual page of the configuration.
const configPage = "vitalsign.yaml"

func (a *app) manCommand() *cobra.Command {
	dir := ""
	c := &cobra.Command{
		Use: "man --dir DIRECTORY", Short: "Write the manual pages of all verbs, and of vitalsign.yaml",
		Long: "Writes man1/vitalsign.1, a page for each verb, and man5/vitalsign.yaml.5 below a directory,\n" +
			"made of the texts that --help shows. Pages that are there are replaced.\n\n" +
			"They are dated by SOURCE_DATE_EPOCH where that is set, and today otherwise.",
		Example: "  vitalsign man --dir ~/.local/share/man     then: man vitalsign-scan\n" +
			"  vitalsign man --dir /usr/local/share/man",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.man(cmd.Root(), dir) },
	}
	c.Flags().StringVar(&dir, "dir", "", "where man1 and man5 are made; required")
	return c
}

func (a *app) man(root *cobra.Command, dir string) error {
	if dir == "" {
		return usageError("say where: --dir DIRECTORY")
	}
	date := a.now()
	if epoch := a.getenv("SOURCE_DATE_EPOCH"); epoch != "" { // reproducible-builds.org/specs/source-date-epoch
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return usageError("SOURCE_DATE_EPOCH: %q is not a number of seconds", epoch)
		}
		date = time.Unix(seconds, 0)
	}
	pages := manPages(root)
	pages = append(pages, manConfig())
	for _, p := range pages {
		p.Date, p.System = date, "vitalsign "+version.Version
		sub := filepath.Join(dir, fmt.Sprintf("man%d", p.Section))
		if err := os.MkdirAll(sub, 0o755); err != nil {
			return err
		}
		name := filepath.Join(sub, fmt.Sprintf("%s.%d", p.Name, p.Section))
		if err := wholefile.Write(name, 0o644, func(w io.Writer) error { return p.Write(w) }); err != nil {
			return err
		}
	}
	a.sayErr(fmt.Sprintf("%d pages are in %s", len(pages), dir))
	return nil
}

// manPages are the pages of a command and of all below it.
func manPages(c *cobra.Command) []manpage.Page {
	c.InitDefaultHelpFlag()
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	p := manpage.Page{Name: dashed(c), Section: 1, Short: c.Short, Text: text, Examples: strings.Trim(c.Example, "\n"), Synopsis: []string{c.UseLine()}}
	if c.HasAvailableSubCommands() {
		p.Synopsis = append(p.Synopsis, c.CommandPath()+" command [flags]")
	}
	var verbs manpage.List
	all := []manpage.Page{{}}
	if c.HasParent() {
		p.SeeAlso = append(p.SeeAlso, manpage.Ref{Name: dashed(c.Parent()), Section: 1})
	}
	for _, sub := range c.Commands() {
		if !sub.IsAvailableCommand() || sub.Name() == "help" {
			continue
		}
		verbs.Entries = append(verbs.Entries, manpage.Entry{Term: sub.Name(), Text: sub.Short + "."})
		p.SeeAlso = append(p.SeeAlso, manpage.Ref{Name: dashed(sub), Section: 1})
		all = append(all, manPages(sub)...)
	}
	verbs.Heading = "COMMANDS"
	p.Lists = []manpage.List{verbs, manFlags("OPTIONS", c.NonInheritedFlags()), manFlags("GLOBAL OPTIONS", c.InheritedFlags())}
	if !c.HasParent() || c.Name() == "config" || c.Name() == "scan" || c.Name() == "init" {
		p.SeeAlso = append(p.SeeAlso, manpage.Ref{Name: configPage, Section: 5})
	}
	all[0] = p
	return all
}

func dashed(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func manFlags(heading string, flags *pflag.FlagSet) manpage.List {
	l := manpage.List{Heading: heading}
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		e := manpage.Entry{Flags: []string{f.Name}}
		if f.Shorthand != "" {
			e.Flags = []string{f.Shorthand, f.Name}
		}
		e.Value, e.Text = pflag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" && f.DefValue != "0" {
			e.Text += " (default " + f.DefValue + ")"
		}
		l.Entries = append(l.Entries, e)
	})
	return l
}

// manConfig is the page of the configuration, from the table that the parser
// and the JSON Schema are made of.
func manConfig() manpage.Page {
	p := manpage.Page{
		Name: configPage, Section: 5, Short: "settings of vitalsign for a repository or a user",
		Text: "The first " + strings.Join(config.FileNames(), " or ") + " from the target up to the repository's root counts, then the user's in\n" +
			"$XDG_CONFIG_HOME/vitalsign. A flag comes before the environment, that before the repository, and\n" +
			"that before the user. A repository's file can only tighten what others say.\n\n" +
			"It is YAML. A name that is not known is an error that says the nearest one. For editors:\n\n" +
			"  # yaml-language-server: $schema=" + config.SchemaID + "\n\n" +
			"vitalsign config schema prints that JSON Schema, vitalsign init writes a file with every setting, and\n" +
			"vitalsign config show --origin says where each value comes from. In names below, NAME is a word that\n" +
			"you choose and [] an element of a list.",
		SeeAlso: []manpage.Ref{{Name: "vitalsign", Section: 1}, {Name: "vitalsign-config", Section: 1}, {Name: "vitalsign-init", Section: 1}},
	}
	settings := manpage.List{Heading: "SETTINGS"}
	for _, e := range config.Manual() {
		settings.Entries = append(settings.Entries, manpage.Entry{Term: e.Name, Text: entryText(e), Lines: e.Example})
	}
	p.Lists = []manpage.List{settings}
	return p
}

func entryText(e config.ManualEntry) string {
	text := e.Help
	if e.Allowed != "" {
		text += " Allowed: " + e.Allowed + "."
	}
	if e.Default != "" {
		text += " Default: " + e.Default + "."
	}
	var also []string
	if e.Flag != "" {
		also = append(also, "--"+e.Flag)
	}
	if e.Env != "" {
		also = append(also, e.Env)
	}
	if len(also) > 0 {
		text += " Also: " + strings.Join(also, ", ") + "."
	}
	if e.Outside {
		text += " Not in a repository's file."
	}
	return text
}
