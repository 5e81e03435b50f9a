package attest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/internal/gather"
)

// maxDirFiles bounds a directory that is hashed.
const maxDirFiles = 1_000_000

// HashFiles is the dirHash of files, given by slash-separated name and SHA-256
// in hex: SHA-256 over the lines "DIGEST  NAME\n", sorted by name bytewise
// (in-toto DigestSet "dirHash"; Hash1 of golang.org/x/mod/sumdb/dirhash). It
// sees content and names; not modes, owners, times or empty directories.
func HashFiles(files map[string]string) (string, error) {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.Contains(name, "\n") {
			return "", fmt.Errorf("%q: a name with a line break cannot be hashed", name)
		}
		fmt.Fprintf(h, "%s  %s\n", files[name], name) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ErrLink says that a directory holds something whose content is elsewhere.
var ErrLink = errors.New("is no regular file")

// HashDir is the dirHash of a directory, without .git and without bundles
// (names that end in .sigstore.json), which are about it. A link or a special
// file is an error: a digest that does not see it would vouch for whatever it
// points to. Waivers and policies are hashed like every file.
func HashDir(ctx context.Context, dir *os.Root) (string, error) {
	files := map[string]string{}
	err := fs.WalkDir(dir.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case d.IsDir() && path.Base(name) == ".git":
			return fs.SkipDir
		case d.IsDir(), strings.HasSuffix(name, BundleSuffix):
			return nil
		case !d.Type().IsRegular():
			return fmt.Errorf("%s %w: sign an archive of the directory instead", name, ErrLink)
		case len(files) == maxDirFiles:
			return fmt.Errorf("more than %d files", maxDirFiles)
		}
		sum, err := gather.Sum(ctx, dir, name)
		files[name] = sum
		return err
	})
	if err != nil {
		return "", err
	}
	if len(files) == 0 {
		return "", errors.New("the directory holds no file")
	}
	return HashFiles(files)
}
