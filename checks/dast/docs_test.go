package dast

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of rules in docs/dast.md anew")

// docs/dast.md has every rule, as it is.
func TestRulesAreDocumented(t *testing.T) {
	const file = "../../docs/dast.md"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(string(b), "## Rules\n")
	if !ok {
		t.Fatal("docs/dast.md has no section Rules")
	}
	var table strings.Builder
	table.WriteString(before + "## Rules\n| rule | severity | weakness | |\n| --- | --- | --- | --- |\n")
	for _, r := range rules() {
		if r.Title == "" || r.Advice == "" || r.Class == "" || len(r.References) == 0 || len(r.CWE) == 0 {
			t.Errorf("%s says too little: %+v", r.ID, r)
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", r.ID, r.Severity, r.Title, strings.Join(r.CWE, ", "))
	}
	if *update {
		if err := os.WriteFile(file, []byte(table.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if table.String() != string(b) {
		t.Error("docs/dast.md has another table of rules: go test ./checks/dast -run Documented -update")
	}
}
