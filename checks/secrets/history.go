package secrets

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/gitleaks/go-gitdiff/gitdiff"
	"github.com/zricethezav/gitleaks/v8/detect"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
)

// history scans the patches that the parent wrote with git log, as gitleaks's
// own git source does. A patch that could not be parsed makes the step
// partial: the parser passes over it in silence, so headers are counted here.
func (c *Check) history(ctx context.Context, path string, out *child.Sink) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("the history could not be opened: %w", err)
	}
	defer f.Close() // read only
	counted := &headerCounter{r: f}
	files, err := gitdiff.Parse(bufio.NewReaderSize(counted, 256<<10))
	if err != nil {
		return fmt.Errorf("the history could not be parsed: %w", err)
	}
	seen := 0
	for file := range files {
		seen++
		if seen%200 == 0 {
			out.Progress(seen, max(seen, counted.headers))
		}
		// The parser's goroutine ends only when its channel is drained, so an
		// error is kept and the rest read past.
		if err != nil || file.IsDelete || file.IsBinary {
			continue
		}
		err = c.patch(ctx, file, out)
	}
	if err != nil {
		return err
	}
	if !counted.eof || seen < counted.headers {
		out.Skip(".git", checks.SkipUnparsable, fmt.Sprintf("%d of %d patches of the history were read", seen, counted.headers))
	}
	return ctx.Err()
}

func (c *Check) patch(ctx context.Context, file *gitdiff.File, out *child.Sink) error {
	commit := ""
	if file.PatchHeader != nil {
		commit = file.PatchHeader.SHA
	}
	for _, text := range file.TextFragments {
		if text == nil {
			continue
		}
		err := c.report(ctx, nil, out, detect.Fragment{
			CommitSHA: commit, FilePath: file.NewName, Raw: text.Raw(gitdiff.OpAdd), StartLine: int(text.NewPosition),
		})
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// headerCounter counts the lines that begin a file's patch. In git log -U0
// every other line begins with a space, a sign or a letter of a header.
type headerCounter struct {
	r       io.Reader
	tail    []byte
	headers int
	eof     bool
}

// header begins the patch of a file (git-diff(1), "Generating patch text with -p").
const header = "\ndiff --git "

func (h *headerCounter) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	joined := append(h.tail, p[:n]...)
	h.headers += bytes.Count(joined, []byte(header))
	keep := min(len(joined), len(header)-1)
	h.tail = append([]byte(nil), joined[len(joined)-keep:]...)
	h.eof = h.eof || err == io.EOF
	return n, err
}
