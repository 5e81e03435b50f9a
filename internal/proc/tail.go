package proc

import "sync"

// tailBytes is how much of a program's words is kept to tell why it died.
const tailBytes = 16 << 10

// Tail is a writer that keeps the last 16 KiB. What it holds of a child that
// reads a target is for looking for known words only, and never shown: a crash
// may quote the target. It is safe for concurrent use.
type Tail struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer and never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if over := len(t.b) - tailBytes; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

// String is what is kept.
func (t *Tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
