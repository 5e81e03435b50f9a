package main

import (
	"path/filepath"
	"sync"

	"github.com/vitalsign-dev/vitalsign/internal/keepsafe"
)

// cacheName is the directory of answers below the user's cache.
const cacheName = "answers"

// answerCache holds what steps said, for steps of this run and, where a directory may
// be used, of later ones. It is a pipelines.Cache.
type answerCache struct {
	mu   sync.Mutex
	here map[string][]byte
	// disk is nil where nothing outlives this run.
	disk *keepsafe.Dir
	// blind says that nothing from an earlier run counts: who signs an answer
	// must have seen it come about.
	blind bool
}

// openAnswers opens the cache. Under a key that serves this run only nothing can be
// kept for another; without a directory for it nothing is, which only costs time.
func (s *scanner) openAnswers(size int64) *answerCache {
	a := &answerCache{here: map[string][]byte{}, blind: s.flags.sign != ""}
	dir := s.app.cacheDir()
	if s.flags.noCache || s.throwaway || dir == "" || size <= 0 {
		return a
	}
	disk, err := keepsafe.Open(filepath.Join(dir, cacheName), s.key.CacheKey(), size, s.app.now)
	if err != nil {
		s.progress.Say("answers will not be kept for the next scan: " + err.Error())
		return a
	}
	a.disk = disk
	return a
}

// Get implements pipelines.Cache.
func (a *answerCache) Get(name string) []byte {
	a.mu.Lock()
	b, ok := a.here[name]
	a.mu.Unlock()
	if ok || a.disk == nil || a.blind {
		return b
	}
	return a.disk.Get(name)
}

// Put implements pipelines.Cache.
func (a *answerCache) Put(name string, content []byte) error {
	a.mu.Lock()
	a.here[name] = content
	a.mu.Unlock()
	if a.disk == nil {
		return nil
	}
	return a.disk.Put(name, content)
}
