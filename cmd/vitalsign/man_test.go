package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/internal/config"
)

// everyVerb calls do with each command that help shows.
func everyVerb(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			everyVerb(sub, do)
		}
	}
}

// A page for every verb and for the configuration; mandoc has nothing to say
// against them, shows every text of --help, and every setting.
func TestManualPages(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(filepath.Join(binaries(), "vitalsign"), "man", "--dir", dir)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1000000000")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("mandoc is not installed: the pages are made and not read")
	}
	read := func(name string) string {
		t.Helper()
		if out, err := exec.Command("mandoc", "-T", "lint", "-W", "warning", name).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("mandoc: %v\n%s", err, out)
		}
		out, err := exec.Command("mandoc", "-T", "utf8", "-O", "width=1000", name).Output()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return strings.Join(strings.Fields(regexp.MustCompile(".\b").ReplaceAllString(string(out), "")), " ")
	}
	pages := 0
	everyVerb((&app{}).root(), func(c *cobra.Command) {
		pages++
		page := read(filepath.Join(dir, "man1", dashed(c)+".1"))
		for _, text := range append(strings.Split(c.Long+"\n"+c.Example, "\n"), c.Short, "September 9, 2001") {
			if want := strings.Join(strings.Fields(text), " "); !strings.Contains(page, want) {
				t.Errorf("%s: %q is not in the page", c.CommandPath(), want)
			}
		}
		for _, f := range manFlags("", c.LocalFlags()).Entries {
			if want := "--" + f.Flags[len(f.Flags)-1]; !strings.Contains(page, want) {
				t.Errorf("%s: %s is not in the page", c.CommandPath(), want)
			}
		}
	})
	made, err := filepath.Glob(filepath.Join(dir, "man1", "*"))
	if err != nil || len(made) != pages || pages < 40 {
		t.Errorf("%d pages of %d verbs, %v", len(made), pages, err)
	}
	page := read(filepath.Join(dir, "man5", "vitalsign.yaml.5"))
	for _, e := range config.Manual() {
		if help := strings.Join(strings.Fields(e.Help), " "); !strings.Contains(page, e.Name) || !strings.Contains(page, help) {
			t.Errorf("%s is not in the page, or not its help", e.Name)
		}
	}
	if n := len(config.Manual()); n < 60 {
		t.Errorf("only %d settings", n)
	}
}
