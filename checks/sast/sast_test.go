package sast

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks/checktest"
	"github.com/vitalsign-dev/vitalsign/checks/secrets"
)

func TestAccept(t *testing.T) {
	t.Setenv(Environment())
	redactor, err := secrets.New()
	if err != nil {
		t.Fatal(err)
	}
	literal := "pK7wQ2zL9" + "vT4xR8nM3bY6cJ1"
	checktest.Accept(t, checktest.Suite{
		Check: New(), Redactor: redactor,
		Clean:   map[string]string{"a/a.go": "package a\n\n// Sum adds.\nfunc Sum(x, y int) int { return x + y }\n"},
		One:     map[string]string{"a/a.go": "package a\n\nimport \"math/rand\"\n\n// Code is six digits.\nfunc Code() int { return rand.Intn(900000) }\n"},
		OneRule: "G404", OnePath: "a/a.go",
		Many: map[string]string{
			"a/a.go": "package a\n\nimport (\n\t\"crypto/md5\"\n\t\"crypto/sha1\"\n\t\"os/exec\"\n)\n\nfunc f(s string) error {\n\tmd5.Sum(nil)\n\tsha1.Sum(nil)\n\treturn exec.Command(\"sh\", \"-c\", s).Run()\n}\n",
			"b/b.go": "package b\n\nfunc key() string {\n\tpassword := \"" + literal + "\"\n\treturn password\n}\n",
		},
		Values: []string{literal},
	})
}

func TestVersionIsTheModules(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), "github.com/securego/gosec/v2 v"+version) {
		t.Errorf("go.mod does not have gosec %s", version)
	}
}
