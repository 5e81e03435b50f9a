package main

import (
	"os"
	"path/filepath"
)

// buildLog is a file for what the commands of a build say, made when they say
// something. Their words are never shown: they may hold secrets.
type buildLog struct {
	path string
	log  *boundedLog
	lost bool
}

// buildLog gives the log of an artifact's build.
func (a *app) buildLog(name string) *buildLog {
	if a.stateDir() == "" {
		return &buildLog{lost: true}
	}
	return &buildLog{path: filepath.Join(a.stateDir(), "logs", "build-"+name+"-"+a.now().UTC().Format("20060102T150405.000000000")+".log")}
}

// Write implements io.Writer. Without a place for the file the words are lost:
// they decide nothing.
func (b *buildLog) Write(p []byte) (int, error) {
	if b.lost {
		return len(p), nil
	}
	if b.log == nil {
		f, err := b.create()
		if err != nil {
			b.lost = true
			return len(p), nil
		}
		b.log = &boundedLog{f: f, left: maxLog}
	}
	return b.log.Write(p)
}

func (b *buildLog) create() (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(b.path), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(b.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// close gives the file's path, "" when there is none.
func (b *buildLog) close() string {
	if b.log == nil || b.log.Close() != nil {
		return ""
	}
	return b.path
}
