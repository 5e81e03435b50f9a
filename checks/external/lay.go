package external

import (
	"context"
	"errors"
	"io"
	"os"
	"path"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// lay copies the files of the inventory and the canary into a directory, each
// held against its digest. One that has changed or cannot be read is left out:
// the check will come upon it too, and say so.
func lay(ctx context.Context, job checks.Job, dir string) error {
	d := job.Tool.Describe()
	tree, err := child.NewTree(job, d)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close() // only directories are made through it
	var withhold []checks.Claim
	for _, w := range job.Tool.Withhold {
		withhold = append(withhold, checks.Claim{Pattern: w})
	}
	withheld, err := checks.NewClaimSet(withhold)
	if err != nil {
		return err
	}
	files := job.Inventory[:len(job.Inventory):len(job.Inventory)]
	for _, c := range d.Canary.Files {
		files = append(files, inventory.File{Path: path.Join(job.CanaryDir, c.Path)})
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if skip, _ := withheld.Match(f.Path); skip {
			continue
		}
		if err := layFile(tree, root, f); err != nil {
			return err
		}
	}
	return nil
}

// layFile copies one file. Its error is one of writing.
func layFile(tree *child.Tree, root *os.Root, f inventory.File) error {
	from, err := tree.Stream(f.Path)
	if err != nil {
		return nil // the check reports it
	}
	defer from.Close() // read only
	if err := root.MkdirAll(path.Dir(f.Name()), 0o700); err != nil {
		return err
	}
	to, err := root.OpenFile(f.Name(), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := &writer{to: to}
	_, err = io.Copy(w, from)
	if closed := to.Close(); w.err == nil {
		w.err = closed
	}
	switch {
	case w.err != nil:
		return w.err
	case err != nil: // of reading: what was copied is not what the inventory saw
		return root.Remove(f.Name())
	}
	return nil
}

// writer tells errors of writing from those of reading.
type writer struct {
	to  io.Writer
	err error
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.err = errors.Join(w.err, err)
	return n, err
}
