package archive

import (
	"slices"
	"sync"
)

// said keeps what is said to a server from many goroutines.
type said struct {
	mu    sync.Mutex
	words []string
}

func (l *said) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.words = append(l.words, s)
}

func (l *said) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.words)
}

// Write implements io.Writer.
func (l *said) Write(p []byte) (int, error) {
	l.add(string(p))
	return len(p), nil
}
