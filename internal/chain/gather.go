package chain

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/internal/evidence"
)

// DocumentFile is the name of a findings document beside its bill.
func DocumentFile(digest string) string { return digest + ".findings.json" }

// maxEvidence bounds what is read of a directory, in bytes.
const maxEvidence = 2 << 30

// Gather reads every bundle below a directory, and finds documents by name. A
// bundle that cannot be read is an error: whoever asks must know that something
// was passed over.
func Gather(dir *os.Root) ([]Bundle, func(digest string) ([]byte, error), error) {
	var bundles []Bundle
	documents := map[string]string{} // digest to path
	var total int64
	err := fs.WalkDir(dir.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return nil
		case strings.HasSuffix(name, ".findings.json"):
			documents[strings.TrimSuffix(path.Base(name), ".findings.json")] = name
			return nil
		case !strings.HasSuffix(name, attest.BundleSuffix):
			return nil
		case len(bundles) == MaxBundles:
			return fmt.Errorf("more than %d bundles", MaxBundles)
		}
		raw, err := readBounded(dir, name, attest.MaxBundle)
		if err != nil {
			return err
		}
		if total += int64(len(raw)); total > maxEvidence {
			return fmt.Errorf("more than %d bytes of bundles", maxEvidence)
		}
		b := Bundle{Name: name, Raw: raw}
		if signed := strings.TrimSuffix(name, attest.BundleSuffix); strings.HasSuffix(signed, attest.SimpleSigningSuffix) {
			if b.Payload, err = readBounded(dir, signed, attest.MaxBundle); err != nil {
				return err
			}
		}
		bundles = append(bundles, b)
		return nil
	})
	document := func(digest string) ([]byte, error) {
		name, ok := documents[digest]
		if !ok {
			return nil, ErrNoDocument
		}
		return readBounded(dir, name, evidence.MaxDocument)
	}
	return bundles, document, err
}

func readBounded(dir *os.Root, name string, most int64) ([]byte, error) {
	info, err := dir.Stat(name) // first: opening a pipe would wait for ever
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return nil, fmt.Errorf("%s is no regular file of at most %d bytes", name, most)
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	if opened, err := f.Stat(); err != nil || !os.SameFile(info, opened) {
		return nil, fmt.Errorf("%s was replaced while it was opened", name)
	}
	b := make([]byte, info.Size())
	_, err = io.ReadFull(f, b)
	return b, err
}
