package child

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// lineWriter writes newline-delimited JSON and digests it.
type lineWriter struct {
	buf *bufio.Writer
	h   hash.Hash
}

func newLineWriter(w io.Writer) lineWriter {
	return lineWriter{buf: bufio.NewWriterSize(w, 64<<10), h: sha256.New()}
}

func (l lineWriter) write(r checks.Record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	l.h.Write(b) // a hash never fails
	if _, err := l.buf.Write(b); err != nil {
		return err
	}
	// Progress is only useful now; the rest may wait for a full buffer.
	if r.Type == checks.RecordProgress || r.Type == checks.RecordHello {
		return l.buf.Flush()
	}
	return nil
}

func (l lineWriter) digest() string { return hex.EncodeToString(l.h.Sum(nil)) }

func (l lineWriter) flush() error { return l.buf.Flush() }
