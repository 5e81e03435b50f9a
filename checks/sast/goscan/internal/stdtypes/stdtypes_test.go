package stdtypes

import (
	"bytes"
	"errors"
	"go/types"
	"go/version"
	"os/exec"
	"strings"
	"testing"
)

func TestImport(t *testing.T) {
	var s Set
	http, err := s.Import("net/http")
	if err != nil {
		t.Fatal(err)
	}
	serve, ok := http.Scope().Lookup("ListenAndServeTLS").(*types.Func)
	if !ok || !strings.Contains(serve.Type().String(), "net/http.Handler") {
		t.Errorf("net/http.ListenAndServeTLS is %v", serve)
	}
	// The same type by two ways is one type.
	io, err := s.Import("io")
	if err != nil {
		t.Fatal(err)
	}
	request := http.Scope().Lookup("NewRequest").Type().(*types.Signature)
	if got, want := request.Params().At(2).Type(), io.Scope().Lookup("Reader").Type(); !types.Identical(got, want) {
		t.Errorf("%v is not %v", got, want)
	}
	if again, err := s.Import("net/http"); err != nil || again != http {
		t.Errorf("imported twice: %v, %v", again, err)
	}
	if p, err := s.Import("unsafe"); err != nil || p != types.Unsafe {
		t.Errorf("unsafe is %v, %v", p, err)
	}
}

func TestImportUnknown(t *testing.T) {
	var s Set
	for _, path := range []string{"", "internal/abi", "vendor/golang.org/x/net/idna", "example.com/x", "net/http/", "C"} {
		if p, err := s.Import(path); !errors.Is(err, ErrNotStandard) {
			t.Errorf("%q is %v, %v", path, p, err)
		}
	}
}

// TestAll decodes every package, in one Set.
func TestAll(t *testing.T) {
	paths, err := Paths()
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 150 {
		t.Fatalf("only %d packages", len(paths))
	}
	var s Set
	for _, path := range paths {
		p, err := s.Import(path)
		if err != nil || p.Path() != path || !p.Complete() {
			t.Errorf("%s: %v, %v", path, p, err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, raw := range []string{"", "go1.26\n", "go1.26\na 5\n\nabc", "go1.26\na -1\n\nabc", "go1.26\na\n\nabc"} {
		if a, err := parse([]byte(raw)); err == nil {
			t.Errorf("%q was accepted: %v", raw, a)
		}
	}
}

// TestUpToDate holds the embedded file to the installed Go release.
func TestUpToDate(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("the go command is not on the PATH: ", err)
	}
	out, err := exec.Command("go", "env", "GOVERSION").Output()
	if err != nil {
		t.Fatal(err)
	}
	installed := strings.TrimSpace(string(out))
	have, err := GoVersion()
	if err != nil {
		t.Fatal(err)
	}
	if version.Lang(installed) != version.Lang(have) {
		t.Fatalf("std.bin.zst is of %s, Go is %s: run go generate ./checks/sast/goscan/internal/stdtypes", have, installed)
	}
	if installed != have {
		t.Skipf("std.bin.zst is of %s, Go is %s: another release may differ in details", have, installed)
	}
	if testing.Short() {
		t.Skip("compiles the standard library")
	}
	fresh, err := exec.Command("go", "run", "generate.go", "-print").Output()
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := container()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(fresh, embedded) {
		t.Error("std.bin.zst is not what generate.go makes: run go generate ./checks/sast/goscan/internal/stdtypes")
	}
}
