package chain_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/vitalsign-dev/vitalsign/internal/chain"
)

// TestGatherRefusesPipe: a pipe among the evidence is said, not waited for.
func TestGatherRefusesPipe(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "bill.sigstore.json"), 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close() // read only
	if bundles, _, err := chain.Gather(root); err == nil {
		t.Errorf("the pipe counted: %d bundles", len(bundles))
	}
}
