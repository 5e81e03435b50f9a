package dagger

import (
	"context"
	"fmt"
	"strings"

	"dagger.io/dagger"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

// image is the container that a reference names, and the digest by which the
// run remembers it: of the reference, of the tarball's bytes, or of the root
// filesystem as the engine computes it.
func (b bound) image(ctx context.Context, ref string) (*dagger.Container, string, error) {
	c := b.client
	if p, ok := strings.CutPrefix(ref, checks.ImageTarball); ok {
		sum, err := wholefile.SHA256(p)
		if err != nil {
			return nil, "", fmt.Errorf("its image: %w", err)
		}
		return c.Container().Import(c.Host().File(p)), "sha256:" + sum, nil
	}
	if p, ok := strings.CutPrefix(ref, checks.ImageRootfs); ok {
		if dir, err := isDir(p); err != nil || !dir {
			return nil, "", fmt.Errorf("its image: %s is not a directory", p)
		}
		root := c.Host().Directory(p)
		sum, err := root.Digest(ctx)
		if err != nil {
			return nil, "", b.why(ctx, err)
		}
		return c.Container().WithRootfs(root), sum, nil
	}
	_, sum, _ := strings.Cut(ref, "@")
	return c.Container().From(ref), sum, nil
}
