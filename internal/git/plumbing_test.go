package git

import (
	"os"
	"path/filepath"
	"testing"
)

// What is handed over as GIT_CONFIG_PARAMETERS is what git reads.
func TestUserSettingsAreWhole(t *testing.T) {
	dir, home := repo(t), t.TempDir()
	file := filepath.Join(home, ".gitconfig")
	want := "!f() { echo 'a b' \"$1\"=\\x!; }; f\nsecond line"
	key := "credential.https://it's!/a=b.helper"
	run(t, dir, "config", "--file", file, key, want)
	run(t, dir, "config", "--file", file, "core.sshCommand", "evil")
	c, err := Credentials{Env: []string{"HOME=" + home}}.OfUser(t.Context(), program(t))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), program(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	r.env = append(r.env, c.Env...)
	if out, err := r.output(t.Context(), dir, "config", "--null", "--get", key); err != nil || string(out) != want+"\x00" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := r.output(t.Context(), dir, "config", "--get", "core.sshCommand"); err == nil {
		t.Errorf("core.sshCommand was taken over: %q", out)
	}
}

func TestUserSettingsNeedAHome(t *testing.T) {
	for _, env := range [][]string{nil, {"HOME="}, {"HOME=" + filepath.Join(t.TempDir(), "nowhere")}} {
		c, err := Credentials{Env: env}.OfUser(t.Context(), program(t))
		if err != nil || len(c.Env) != len(env) {
			// A machine may have settings of its own for everybody.
			if _, e := os.Stat("/etc/gitconfig"); e != nil || err != nil {
				t.Errorf("%q: %q, %v", env, c.Env, err)
			}
		}
	}
	home := t.TempDir()
	write(t, filepath.Join(home, ".gitconfig"), "[broken")
	if c, err := (Credentials{Env: []string{"HOME=" + home}}).OfUser(t.Context(), program(t)); err == nil {
		t.Errorf("a broken file was passed over: %q", c.Env)
	}
}

func TestKeysShowNoToken(t *testing.T) {
	for key, want := range map[string]string{
		"url.https://clinic:token@forge.example/.insteadof": "url.https://forge.example/.insteadof", "http.proxy": "http.proxy", "odd": "odd",
	} {
		if got := withoutUserIn(key); got != want {
			t.Errorf("%q is shown as %q", key, got)
		}
	}
}
