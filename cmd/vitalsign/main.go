// Command vitalsign scans repositories that handle patient data, decides what
// may ship, and says why. See README.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/vitalsign-dev/vitalsign/cmd/vitalsign/unasked"
)

func main() {
	unasked.Restore()
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup(1) does
		signals = append(signals, syscall.SIGHUP) // the terminal is gone: what had finished is kept
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	a := &app{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, lookup: os.LookupEnv, now: time.Now,
		columns: terminalColumns,
	}
	code := a.main(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// terminalColumns gives the width of the terminal behind f, 0 when it is none.
// Only the kernel is asked; the terminal itself may never answer.
func terminalColumns(f any) int {
	file, ok := f.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return width
}
