package screen

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/creack/pty"
)

// Program is one that runs in a pseudo-terminal.
type Program struct {
	cmd    *exec.Cmd
	tty    *os.File
	screen *Screen
	read   chan []byte
}

// Start starts a program in a terminal of a size.
func Start(cmd *exec.Cmd, columns, rows int) (*Program, error) {
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)})
	if err != nil {
		return nil, err
	}
	p := &Program{cmd: cmd, tty: tty, screen: New(columns, rows), read: make(chan []byte, 64)}
	go func() {
		defer close(p.read)
		buf := make([]byte, 64<<10)
		for {
			n, err := tty.Read(buf)
			if n > 0 {
				p.read <- append([]byte(nil), buf[:n]...)
			}
			if err != nil {
				return // the program has ended: Linux calls that EIO
			}
		}
	}()
	return p, nil
}

// Type sends keys.
func (p *Program) Type(keys string) error {
	_, err := p.tty.WriteString(keys)
	return err
}

// Screen is what stands there, as of the last Wait.
func (p *Program) Screen() *Screen { return p.screen }

// Wait reads until the screen is as it should be, which is asked after each
// frame.
func (p *Program) Wait(ctx context.Context, until func(*Screen) bool) error {
	for {
		select {
		case b, ok := <-p.read:
			if !ok {
				return fmt.Errorf("the program has ended, its screen was:\n%s", p.screen.Text())
			}
			before := p.screen.Frames
			p.screen.Write(b)
			if p.screen.Frames > before && until(p.screen) {
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("%w, the screen is:\n%s", ctx.Err(), p.screen.Text())
		}
	}
}

// Settle reads until nothing has come for a while.
func (p *Program) Settle(quiet time.Duration) {
	for {
		select {
		case b, ok := <-p.read:
			if !ok {
				return
			}
			p.screen.Write(b)
		case <-time.After(quiet):
			return
		}
	}
}

// PID is the process id.
func (p *Program) PID() int { return p.cmd.Process.Pid }

// Close waits for the end of the program and lets go of the terminal; whoever
// ends ctx ends the program.
func (p *Program) Close(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = p.cmd.Process.Kill() })
	defer stop()
	for range p.read {
		// until the other end is shut
	}
	return errors.Join(p.cmd.Wait(), p.tty.Close())
}
