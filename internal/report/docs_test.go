package report

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// docs/formats.md has every format and every column, as they are.
func TestFormatsAreDocumented(t *testing.T) {
	const file = "../../docs/formats.md"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(b), "## Formats\n")
	if !ok {
		t.Fatal("docs/formats.md has no section Formats")
	}
	var page strings.Builder
	page.WriteString(before + "## Formats\n| format | for | example | limits |\n| --- | --- | --- | --- |\n")
	for _, f := range Formats() {
		fmt.Fprintf(&page, "| `%s` | %s | `vitalsign scan --output %s=%s` | %s |\n", f.Name, f.Purpose, f.Name, f.File, f.Limits)
	}
	page.WriteString("\n## Columns of csv\n| column | |\n| --- | --- |\n")
	for _, c := range csvColumns() {
		fmt.Fprintf(&page, "| `%s` | %s |\n", c.name, c.about)
	}
	if *update {
		if err := os.WriteFile(file, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if page.String() != string(b) {
		t.Error("docs/formats.md has other tables: go test ./internal/report -run Documented -update")
	}
}

// The script of the real program drives every format, printed and as a file.
func TestEveryFormatIsDriven(t *testing.T) {
	b, err := os.ReadFile("../../cmd/vitalsign/testdata/script/formats.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Formats() {
		for _, want := range []string{" -f " + f.Name + " ", " --output " + f.Name + "="} {
			if !strings.Contains(string(b), want) {
				t.Errorf("formats.txtar never says%s", want)
			}
		}
	}
}
