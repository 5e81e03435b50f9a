package config

import "testing"

func TestAttributes(t *testing.T) {
	a := ParseAttributes([]byte("# roles\n*.pb.go linguist-generated=true\r\n/lib/** linguist-vendored\n*.txt text\n" +
		"keep.pb.go -linguist-generated\n/lib/own/** linguist-vendored=false\n[attr]x linguist-vendored\n!a linguist-vendored\n"))
	for path, want := range map[string]string{
		"a.pb.go": "generated", "x/y/a.pb.go": "generated", "x/keep.pb.go": "", "lib/a.c": "vendored", "sub/lib/a.c": "",
		"lib/own/a.c": "", "a.txt": "", "lib/a.pb.go": "vendored", "a": "",
	} {
		if got := a.Role(path); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if (Attributes{}).Role("a.pb.go") != "" {
		t.Error("no attributes give a role")
	}
}
