package supervise

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// A desk is a directory over which a job is handed to vitalsign-check
// --supervise and its answer is taken back, where there is no pipe between
// the two: the files of a container.
const (
	JobFile     = "job.json"
	RecordsFile = "records.ndjson"
	EndedFile   = "ended.json"
)

// NonceEnv carries what Ended.Nonce repeats.
const NonceEnv = "VITALSIGN_NONCE"

// maxEnded bounds the document that tells how a child ended, in bytes.
const maxEnded = 64 << 10

// Serve takes the job from the directory in, and writes records and end to
// the directory out. How the check ended is no error of Serve's: it is in
// EndedFile, without which nothing was answered.
func (s Supervisor) Serve(ctx context.Context, in, out string, key checks.IdentityKey, nonce string) error {
	doc, err := os.ReadFile(filepath.Join(in, JobFile))
	if err != nil {
		return err
	}
	var job checks.Job
	if err := json.Unmarshal(doc, &job); err != nil {
		return fmt.Errorf("the job is not readable: %w", err)
	}
	records, err := os.Create(filepath.Join(out, RecordsFile))
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(&bounded{w: records, left: job.Limits.OutputBytes, limit: job.Limits.OutputBytes}, 1<<16)
	usage, ended := s.Exec(ctx, job, key, w)
	if err := errors.Join(w.Flush(), records.Close()); err != nil {
		ended = errors.Join(ended, err)
	}
	end := checks.Ended{CPUMS: usage.CPU.Milliseconds(), PeakBytes: usage.PeakBytes, Nonce: nonce}
	if ended != nil {
		end.Reason = ended.Error()
	}
	answer, err := json.Marshal(end)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(out, EndedFile), answer, 0o600)
}

// bounded is a writer that refuses more than it has left; a limit of 0 is none.
type bounded struct {
	w           io.Writer
	left, limit int64
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.limit > 0 && int64(len(p)) > b.left {
		return 0, fmt.Errorf("stopped: it wrote more than %d bytes", b.limit)
	}
	b.left -= int64(len(p))
	return b.w.Write(p)
}

// End reads how the child ended whose answer is in dir. Where there is nothing
// to read, the error is an fs.ErrNotExist: nothing was answered.
func End(dir string) (checks.Ended, error) {
	var end checks.Ended
	doc, err := readBounded(filepath.Join(dir, EndedFile), maxEnded)
	if err != nil {
		return end, fmt.Errorf("it ended without a word: %w", err)
	}
	if err := json.Unmarshal(doc, &end); err != nil {
		return end, errors.New("how it ended is not readable")
	}
	return end, nil
}

// Answer copies the records in dir to out. The error says why they are not to
// be believed, as Exec's does.
func Answer(dir string, out io.Writer) (checks.Ended, error) {
	end, err := End(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return end, errors.New("it ended without a word")
	}
	if err != nil {
		return end, err
	}
	f, err := os.Open(filepath.Join(dir, RecordsFile))
	if err != nil {
		return end, errors.New("its records are not there")
	}
	defer f.Close() // read only
	if _, err := io.Copy(out, f); err != nil {
		return end, err
	}
	if end.Reason != "" {
		return end, errors.New(end.Reason)
	}
	return end, nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", filepath.Base(path), limit)
	}
	return b, err
}
