package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/vitalsign-dev/vitalsign/internal/gather"
	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// NotStarted is the exit code of a command of a build that was not started:
// env(1) and others have 125 for that.
const NotStarted = 125

// Offline becomes the command with that environment, without network
// (internal/sandbox.Offline). It returns only when that could not be done.
func Offline(args, environ []string) error {
	if len(args) == 0 {
		return errors.New("no command")
	}
	program, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	if err := sandbox.Offline(); err != nil {
		return fmt.Errorf("the network could not be taken away: %w", err)
	}
	return become(program, args, environ)
}

// Gather copies what a build made from the directory from to the directory to
// (internal/gather.Files).
func Gather(ctx context.Context, from, to string, patterns []string) (err error) {
	in, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer in.Close() // read only
	out, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = gather.Files(ctx, in, patterns, "", out, gather.DefaultLimits())
	return err
}
