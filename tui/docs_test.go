package tui

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/internal/search"
)

// keyTable is the table of commands as docs/dashboard.md shows it.
func keyTable() string {
	var b strings.Builder
	b.WriteString("| keys | command | does | where |\n| --- | --- | --- | --- |\n")
	titles := []string{"fleet", "pipelines", "findings", "evidence", "waivers"}
	for _, c := range commands() {
		var keys, where []string
		for _, k := range c.keys {
			keys = append(keys, "`"+keyName(k)+"`")
		}
		for _, p := range c.pages {
			where = append(where, titles[p])
		}
		name := c.name
		if c.arg != "" {
			name += " " + strings.ReplaceAll(c.arg, "|", "\\|")
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", strings.Join(keys, " "), name, c.help, strings.Join(where, ", "))
	}
	return b.String()
}

func filterTable() string {
	var b strings.Builder
	b.WriteString("| example | looks at |\n| --- | --- |\n")
	for _, k := range search.Keys() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", k.Example, k.Help)
	}
	return b.String()
}

// docs/dashboard.md lists the keys and the words of the filter that there are.
func TestDocsHaveTheTables(t *testing.T) {
	file := filepath.Join("..", "docs", "dashboard.md")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for name, table := range map[string]string{"filter": filterTable(), "keys": keyTable()} {
		begin, end := "<!-- "+name+" -->\n", "<!-- end -->"
		before, rest, ok := strings.Cut(page, begin)
		_, after, ended := strings.Cut(rest, end)
		if !ok || !ended {
			t.Fatalf("the page has no place for %s", name)
		}
		want := before + begin + table + end + after
		if want != page && !*update {
			t.Errorf("the table of %s is another one (go test ./tui -update writes it)", name)
		}
		page = want
	}
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
