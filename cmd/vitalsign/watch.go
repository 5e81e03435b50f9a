package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

// settle is how long nothing must change before it is looked at again: an
// editor writes in several steps, and git many files.
const settle = 200 * time.Millisecond

// watch scans, waits until something that was read changes, and scans again,
// until it is interrupted. From the second time on it says what became
// different.
func (a *app) watch(cmd *cobra.Command, targets []string, f scanFlags, outputs []output) error {
	if f.format != "table" {
		return usageError("--watch is for a person who looks on: -f %s is not; --output %s=FILE writes it each time", f.format, f.format)
	}
	var ours []string               // what is written here is no change
	for _, o := range outputs[1:] { // the first is standard output
		abs, err := filepath.Abs(o.file)
		if err != nil {
			return err
		}
		ours = append(ours, abs)
	}
	var before []checks.Run
	for {
		w, err := newWatcher(ours)
		if err != nil {
			return err
		}
		f.quiet = f.quiet || before != nil
		f.watched = w.add
		doc, err := a.scanWatched(cmd, targets, f, outputs, before)
		err = errors.Join(err, w.failed)
		if err != nil || cmd.Context().Err() != nil {
			return errors.Join(err, w.Close())
		}
		before = doc.Runs
		fmt.Fprintf(a.err, "watching %s; Ctrl-C ends\n", plural(len(w.WatchList()), "directory", "directories"))
		changed, err := w.wait(cmd.Context())
		if err = errors.Join(err, w.Close()); err != nil {
			return err
		}
		fmt.Fprintf(a.err, "\n%s  %s changed\n", a.now().Local().Format(time.TimeOnly), safetext.Line(changed))
	}
}

// scanWatched scans once, and writes what came of it; where there was a scan
// before, the difference first.
func (a *app) scanWatched(cmd *cobra.Command, targets []string, f scanFlags, outputs []output, before []checks.Run) (checks.Document, error) {
	s, doc, err := a.scanTargets(cmd, targets, f)
	if err != nil {
		return doc, err
	}
	defer s.cleanUp()
	a.code = doc.Verdict.Exit
	if before != nil {
		a.difference(before, doc.Runs)
	}
	return doc, a.write(cmd, doc, f, outputs, s.lineHash)
}

// watcher is fsnotify's, over the directories that hold files of targets.
type watcher struct {
	*fsnotify.Watcher
	ours   []string
	mu     sync.Mutex // of failed: targets are read at once
	failed error
}

func newWatcher(ours []string) (*watcher, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("changes cannot be watched here: %w", err)
	}
	return &watcher{Watcher: w, ours: ours}, nil
}

// add watches the directories of an inventory. What is ignored is not in it,
// and so is not watched.
func (w *watcher) add(root string, inv *inventory.Inventory) {
	w.mu.Lock()
	defer w.mu.Unlock()
	dirs := map[string]bool{root: true}
	for _, f := range inv.Files {
		for dir := filepath.Dir(filepath.FromSlash(f.Path)); dir != "."; dir = filepath.Dir(dir) {
			dirs[filepath.Join(root, dir)] = true
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		err := w.Add(dir)
		switch {
		case errors.Is(err, syscall.ENOSPC):
			w.failed = fmt.Errorf("%d directories are more than this system watches: raise fs.inotify.max_user_watches, or name a part of the tree", len(dirs))
			return
		case errors.Is(err, fs.ErrNotExist): // gone meanwhile: its parent tells
		case err != nil:
			w.failed = fmt.Errorf("%s cannot be watched: %w", dir, err)
			return
		}
	}
}

// wait returns the first thing that changed, once nothing changes any more.
func (w *watcher) wait(ctx context.Context) (first string, err error) {
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case err := <-w.Errors:
			return "", fmt.Errorf("watching broke off: %w", err)
		case e := <-w.Events:
			if e.Op == fsnotify.Chmod || slices.Contains(w.ours, e.Name) || wholefile.Unfinished(e.Name) || filepath.Base(e.Name) == ".git" {
				continue
			}
			if first == "" {
				first = e.Name
			}
			quiet.Reset(settle)
		case <-quiet.C:
			return first, nil
		}
	}
}

// difference prints which findings are there now and were not, and the other
// way round.
func (a *app) difference(before, now []checks.Run) {
	type key struct{ target, fingerprint, path string }
	count := func(runs []checks.Run) (map[key]int, map[key]checks.Finding) {
		n, f := map[key]int{}, map[key]checks.Finding{}
		for _, r := range runs {
			for _, one := range r.Findings {
				k := key{r.Target.Path, one.Fingerprint, one.Location.Path}
				n[k]++
				f[k] = one
			}
		}
		return n, f
	}
	was, gone := count(before)
	is, come := count(now)
	var lines []string
	say := func(sign string, f checks.Finding, n int) {
		if n > 0 {
			lines = append(lines, fmt.Sprintf("%s %-8s %s  %s  %s", sign, f.Rule.Severity, safetext.Line(f.Location.String()), safetext.Line(f.Rule.ID), safetext.Line(f.Rule.Title)))
		}
	}
	for k, f := range come {
		say("+", f, is[k]-was[k])
	}
	for k, f := range gone {
		say("-", f, was[k]-is[k])
	}
	slices.Sort(lines)
	for _, l := range lines {
		fmt.Fprintln(a.out, l)
	}
	if len(lines) == 0 {
		fmt.Fprintln(a.out, "the same findings")
	}
}
