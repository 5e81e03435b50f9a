package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// maxExport bounds all files of one commit that are written out, in bytes.
const maxExport = 16 << 30

// Export writes the regular files of a commit below an empty directory, byte
// for byte as they are kept (no filter, no end of line is applied, and nothing
// of the commit is run), and gives all that the commit has. Links and
// submodules are not written.
func (r *Repo) Export(ctx context.Context, commit string, to *os.Root) ([]Entry, error) {
	files, err := r.Files(ctx, commit)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	var write blobs
	var total int64
	for name, b := range files {
		entries = append(entries, Entry{Path: name, Mode: b.Mode})
		if strings.HasPrefix(b.Mode, "100") {
			write.add(name, b.Object)
			total += b.Size
		}
	}
	if total > maxExport {
		return nil, fmt.Errorf("the files of %.12s are more than %d bytes", commit, int64(maxExport))
	}
	return entries, r.writeBlobs(ctx, write, total, to)
}

// blobs are files by name, with the object that holds the content of each.
type blobs struct {
	names []string
	ask   []byte // what cat-file --batch is told
}

func (b *blobs) add(name, object string) {
	b.names = append(b.names, name)
	b.ask = append(b.ask, object+"\n"...)
}

// writeBlobs writes files below a directory, at most limit bytes of them.
func (r *Repo) writeBlobs(ctx context.Context, files blobs, limit int64, to *os.Root) error {
	if len(files.names) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := r.command(ctx, r.Dir, "cat-file", "--batch")
	cmd.Stdin = bytes.NewReader(files.ask)
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		// Headers are some sixty bytes each, beside the content.
		err := r.run(ctx, cancel, cmd, in, limit+int64(len(files.names))*128, "cat-file")
		in.CloseWithError(err) // nil is the end of what is read
		ended <- err
	}()
	err := unpackBlobs(bufio.NewReaderSize(out, 1<<20), files.names, to)
	out.CloseWithError(err) // ends the command, if it still writes
	return errors.Join(err, <-ended)
}

// unpackBlobs reads what cat-file --batch answers (git-cat-file(1), BATCH OUTPUT).
func unpackBlobs(r *bufio.Reader, names []string, to *os.Root) error {
	for _, name := range names {
		header, err := r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("git cat-file broke off: %w", err)
		}
		var object, kind string
		var size int64
		if _, err := fmt.Sscanf(header, "%s %s %d", &object, &kind, &size); err != nil || kind != "blob" {
			return fmt.Errorf("git has no content for a file of the commit (a partial clone?): %.80q", strings.TrimSpace(header))
		}
		if err := writeBlob(r, name, size, to); err != nil {
			return err
		}
		if _, err := r.Discard(1); err != nil {
			return err
		}
	}
	return nil
}

func writeBlob(r io.Reader, name string, size int64, to *os.Root) error {
	if dir := path.Dir(name); dir != "." {
		if err := to.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	f, err := to.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, r, size)
	return errors.Join(err, f.Close())
}

// Renames gives the files of the work tree that a commit has under another
// name, as git sees it (git-diff(1), -M): the name now, and the one then.
func (r *Repo) Renames(ctx context.Context, commit string) (map[string]string, error) {
	out, err := r.output(ctx, r.Top, "diff", "-M", "--name-status", "-z", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "--diff-filter=R", commit, "--")
	if err != nil {
		return nil, err
	}
	fields := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	renames := map[string]string{}
	for i := 0; i+2 < len(fields); i += 3 {
		renames[fields[i+2]] = fields[i+1]
	}
	return renames, nil
}

// DefaultBranch names the branch that origin's HEAD points to, else main or
// master if there is one, "" when nobody knows.
func (r *Repo) DefaultBranch(ctx context.Context) string {
	if out, err := r.output(ctx, r.Dir, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"); err == nil {
		return strings.TrimSpace(strings.TrimPrefix(string(out), "refs/remotes/"))
	}
	for _, name := range []string{"refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master"} {
		if commit, err := r.Ref(ctx, name); err == nil && commit != "" {
			return name
		}
	}
	return ""
}
