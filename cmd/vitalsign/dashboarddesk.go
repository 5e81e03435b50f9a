package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	osc52 "github.com/aymanbagabas/go-osc52/v2"

	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// surroundings are what stands around the terminal: its clipboard, the user's editor.
type surroundings struct{ app *app }

// maxClipboard bounds what is put on a clipboard, in bytes: many terminals
// refuse more than 100 kB of base64.
const maxClipboard = 72 << 10

// Copy puts text on the terminal's clipboard (OSC 52). tmux and screen get it
// for themselves and once more to hand on: which of the two they take is in
// their configuration. It is written in one piece, so that it does not end up
// within a frame.
func (d surroundings) Copy(text string) error {
	if len(text) > maxClipboard {
		return fmt.Errorf("%d bytes are more than a terminal's clipboard takes: export them to a file", len(text))
	}
	s := osc52.New(text)
	out := s.String()
	switch {
	case d.app.getenv("TMUX") != "":
		out += s.Tmux().String()
	case strings.HasPrefix(d.app.getenv("TERM"), "screen"):
		out += s.Screen().String()
	}
	_, err := fmt.Fprint(d.app.out, out)
	return err
}

// Editor opens a file of a target in VISUAL or EDITOR. The line is given as
// +N, which vi, emacs, nano and their kin take; the path is absolute, so that
// no file's name is taken for an option.
func (d surroundings) Editor(target, path string, line int) (*exec.Cmd, error) {
	words := strings.Fields(d.app.getenv("VISUAL"))
	if len(words) == 0 {
		words = strings.Fields(d.app.getenv("EDITOR"))
	}
	if len(words) == 0 {
		return nil, errors.New("set EDITOR (or VISUAL) to the editor that opens files")
	}
	root, err := os.OpenRoot(target)
	if err != nil {
		return nil, fmt.Errorf("%s is not checked out here: %w", safetext.Line(target), err)
	}
	defer root.Close() // read only
	name := filepath.FromSlash(path)
	// Not followed out of the target by a link.
	if info, err := root.Stat(name); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s has no file %s any more", safetext.Line(target), safetext.Line(path))
	}
	abs, err := filepath.Abs(filepath.Join(target, name))
	if err != nil {
		return nil, err
	}
	if line > 0 {
		words = append(words, fmt.Sprintf("+%d", line))
	}
	return exec.Command(words[0], append(words[1:], abs)...), nil
}
