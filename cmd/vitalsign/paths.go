package main

import (
	"os"
	"os/exec"
	"path/filepath"

	"github.com/spf13/cobra"
)

// Directories of the XDG Base Directory Specification 0.8.

func (a *app) configDir() string { return a.xdg("XDG_CONFIG_HOME", ".config") }
func (a *app) stateDir() string  { return a.xdg("XDG_STATE_HOME", filepath.Join(".local", "state")) }
func (a *app) cacheDir() string  { return a.xdg("XDG_CACHE_HOME", ".cache") }

// xdg gives vitalsign's directory below the one that the variable names, or
// below the home directory; "" when there is neither.
func (a *app) xdg(variable, otherwise string) string {
	if d := a.getenv(variable); filepath.IsAbs(d) {
		return filepath.Join(d, "vitalsign")
	}
	home := a.getenv("HOME")
	if home == "" {
		return ""
	}
	return filepath.Join(home, otherwise, "vitalsign")
}

// checkProgram finds vitalsign-check: the flag, or the file beside our own
// executable. Never the PATH, which anybody may have written to.
func (a *app) checkProgram(cmd *cobra.Command) (string, error) {
	if p, _ := cmd.Flags().GetString("check-binary"); p != "" {
		return filepath.Abs(p)
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(self); err == nil {
		self = real
	}
	p := filepath.Join(filepath.Dir(self), "vitalsign-check"+filepath.Ext(self))
	if !fileExists(p) {
		return "", usageError("vitalsign-check is not beside vitalsign (%s)\nInstall both from one release, or name it with --check-binary.", p)
	}
	return p, nil
}

// gitProgram is the git on the PATH, "" without one.
func (a *app) gitProgram() string {
	p, err := exec.LookPath("git")
	if err != nil {
		return ""
	}
	abs, err := filepath.Abs(p)
	if err != nil {
		return ""
	}
	return abs
}
