package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/proc"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

// ErrOtherBuild says that vitalsign and vitalsign-check do not belong together.
var ErrOtherBuild = errors.New("vitalsign-check is of another build")

// Tool is a vitalsign-check that described itself.
type Tool struct {
	Program string
	// Digest is the SHA-256 of the program in hex.
	Digest string
	checks.DescribeDocument
}

// describeTimeout bounds the answer to --describe.
const describeTimeout = 60 * time.Second

// Describe asks the program what checks it has, or reads the answer that was
// kept under its digest in cacheDir ("" for no cache). A program of another
// protocol or build than ours is ErrOtherBuild.
func Describe(ctx context.Context, program, build, cacheDir string) (Tool, error) {
	digest, err := wholefile.SHA256(program)
	if err != nil {
		return Tool{}, err
	}
	t := Tool{Program: program, Digest: digest}
	kept := filepath.Join(cacheDir, "describe-"+digest+".json")
	doc, err := os.ReadFile(kept)
	if cacheDir == "" || err != nil || json.Unmarshal(doc, &t.DescribeDocument) != nil {
		if doc, err = ask(ctx, program); err != nil {
			return Tool{}, err
		}
		t.DescribeDocument = checks.DescribeDocument{}
		if err := json.Unmarshal(doc, &t.DescribeDocument); err != nil {
			return Tool{}, fmt.Errorf("%s --describe: not readable: %w", program, err)
		}
		if cacheDir != "" {
			keep(kept, doc)
		}
	}
	if t.Protocol != checks.Protocol || t.Build != build {
		return Tool{}, fmt.Errorf("%w: %s is %q (protocol %d), this is %q (protocol %d); install both from one release",
			ErrOtherBuild, program, t.Build, t.Protocol, build, checks.Protocol)
	}
	return t, nil
}

// keep saves the answer; a cache that cannot be written only costs time.
func keep(path string, doc []byte) {
	if os.MkdirAll(filepath.Dir(path), 0o700) == nil {
		_ = wholefile.WriteBytes(path, doc, 0o600)
	}
}

func ask(ctx context.Context, program string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "--describe")
	cmd.Env = []string{"TZ=UTC", "LC_ALL=C"}
	proc.Group(cmd)
	var words bytes.Buffer
	cmd.Stderr = &words
	doc, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s --describe: %w: %s", program, err, strings.TrimSpace(words.String()))
	}
	return doc, nil
}
