package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/screen"
)

// patience is how long a step may take.
const patience = 30 * time.Second

// dashboard runs a program in a terminal and draws its screen.
func dashboard(args []string, w io.Writer) error {
	var columns, rows int
	var said replacements
	flags := flag.NewFlagSet("screen", flag.ContinueOnError)
	size := flags.String("size", "120x32", "of the terminal, in characters")
	flags.Var(&said, "say", "REGEXP=TEXT: show another text where it is of the same width, e.g. for a time")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if _, err := fmt.Sscanf(*size, "%dx%d", &columns, &rows); err != nil || columns < 1 || rows < 1 {
		return fmt.Errorf("-size %s is no size", *size)
	}
	words := flags.Args()
	at := slices.Index(words, "--")
	if at < 0 || at == len(words)-1 {
		return fmt.Errorf("no program is named after --")
	}
	s, err := play(words[:at], exec.Command(words[at+1], words[at+2:]...), columns, rows)
	if err != nil {
		return err
	}
	if err := said.apply(s); err != nil {
		return err
	}
	_, err = io.WriteString(w, svg(s))
	return err
}

// play does the steps and gives the screen after the last.
func play(steps []string, cmd *exec.Cmd, columns, rows int) (*screen.Screen, error) {
	p, err := screen.Start(cmd, columns, rows)
	if err != nil {
		return nil, err
	}
	ended, end := context.WithCancel(context.Background())
	defer func() {
		end()
		_ = p.Close(ended) // it is killed: what was wanted is on the screen
	}()
	for _, step := range steps {
		text, wait := strings.CutPrefix(step, "?")
		if !wait {
			if err := p.Type(text); err != nil {
				return nil, err
			}
			continue
		}
		if err := await(p, text); err != nil {
			return nil, err
		}
	}
	p.Settle(300 * time.Millisecond)
	return p.Screen(), nil
}

func await(p *screen.Program, text string) error {
	p.Settle(100 * time.Millisecond)
	if strings.Contains(p.Screen().Text(), text) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := p.Wait(ctx, func(s *screen.Screen) bool { return strings.Contains(s.Text(), text) }); err != nil {
		return fmt.Errorf("waiting for %q: %w", text, err)
	}
	return nil
}

// replacements are texts that are not the same every time, and what is shown
// instead.
type replacements []replacement

type replacement struct {
	what *regexp.Regexp
	with string
}

func (r *replacements) String() string { return fmt.Sprint(*r) }

// Set takes REGEXP=TEXT.
func (r *replacements) Set(s string) error {
	what, with, ok := strings.Cut(s, "=")
	if !ok {
		return fmt.Errorf("%q is not REGEXP=TEXT", s)
	}
	re, err := regexp.Compile(what)
	*r = append(*r, replacement{re, with})
	return err
}

// apply changes the cells. A text of another width would displace the rest of
// its line.
func (r replacements) apply(s *screen.Screen) error {
	for _, row := range s.Rows() {
		var b strings.Builder
		var at []int // the cell that each byte is in
		for x, c := range row {
			for range len(c.Text) {
				at = append(at, x)
			}
			b.WriteString(c.Text)
		}
		for _, one := range r {
			for _, m := range one.what.FindAllStringIndex(b.String(), -1) {
				if len(one.with) != m[1]-m[0] || at[m[1]-1]-at[m[0]] != m[1]-m[0]-1 {
					return fmt.Errorf("%q is not as wide as %q", one.with, b.String()[m[0]:m[1]])
				}
				for i := range len(one.with) {
					row[at[m[0]]+i].Text = one.with[i : i+1]
				}
			}
		}
	}
	return nil
}
