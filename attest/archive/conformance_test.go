package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vitalsign-dev/vitalsign/attest"
)

// conform is what every kind of archive passes. open gives an archive onto the
// same, at first empty, place each time: another process, as it were.
func conform(t *testing.T, open func(t *testing.T) Archive) {
	t.Helper()
	a := open(t)
	t.Run("empty", func(t *testing.T) { conformEmpty(t, a) })
	t.Run("put and get", func(t *testing.T) { conformPutGet(t, a, open(t)) })
	t.Run("never replaced", func(t *testing.T) { conformNeverReplaced(t, a, open(t)) })
	t.Run("list", func(t *testing.T) { conformList(t, open(t)) })
	t.Run("names", func(t *testing.T) { conformNames(t, a) })
	t.Run("size", func(t *testing.T) { conformSize(t, a) })
	t.Run("several", func(t *testing.T) { conformSeveral(t, a, open(t)) })
	t.Run("concurrent", func(t *testing.T) { conformConcurrent(t, []Archive{a, open(t), open(t)}) })
	t.Run("race for one name", func(t *testing.T) { conformRace(t, a) })
	t.Run("cancelled", func(t *testing.T) { conformCancelled(t, a) })
}

func conformEmpty(t *testing.T, a Archive) {
	ctx := t.Context()
	if names, err := a.List(ctx, ""); err != nil || len(names) != 0 {
		t.Errorf("List of an empty archive: %v, %v", names, err)
	}
	if _, err := a.Get(ctx, "a/nothing.json"); !errors.Is(err, ErrAbsent) {
		t.Errorf("Get of nothing: %v", err)
	}
}

// long has as many bytes as a name may have.
var long = strings.Repeat("L", 100) + "/" + strings.Repeat("_", 94) + ".json"

func contents() map[string][]byte {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	return map[string][]byte{
		"top.json": []byte("{}\n"), "sha256-ab/run.json": []byte("a document\r\n"), "sha256-ab/run" + attest.BundleSuffix: all,
		"1/2/3/4/5/6/7/8": []byte("deep"), "-dash/__x_-y_.json": []byte("odd"), "sha256-a.json": []byte("near a prefix"),
		long: []byte("long"), "empty.json": {}, "big.json": bytes.Repeat([]byte("0123456789abcdef"), 1<<16),
	}
}

func conformPutGet(t *testing.T, a, other Archive) {
	ctx := t.Context()
	for name, content := range contents() {
		for range 2 { // the same again is fine
			if err := a.Put(ctx, name, content); err != nil {
				t.Fatalf("Put %s: %v", name, err)
			}
		}
		for i, from := range []Archive{a, other} {
			if b, err := from.Get(ctx, name); err != nil || !bytes.Equal(b, content) {
				t.Errorf("archive %d: Get %s: %d bytes of %d, %v", i, name, len(b), len(content), err)
			}
		}
	}
}

func conformNeverReplaced(t *testing.T, a, other Archive) {
	ctx := t.Context()
	for _, from := range []Archive{a, other} {
		if err := from.Put(ctx, "top.json", []byte("{}")); !errors.Is(err, ErrExists) {
			t.Errorf("other bytes under a name that is there: %v", err)
		}
		if b, err := from.Get(ctx, "top.json"); err != nil || string(b) != "{}\n" {
			t.Errorf("after that it is %q, %v", b, err)
		}
	}
}

func conformList(t *testing.T, a Archive) {
	ctx := t.Context()
	var all []string
	for name := range contents() {
		all = append(all, name)
	}
	slices.Sort(all)
	for _, prefix := range []string{"", "s", "sha256-a", "sha256-ab/", "sha256-ab/run.s", "top.json", "nothing", "nothing/", "1/2/3/4/5/6/7/", "LL"} {
		want := slices.DeleteFunc(slices.Clone(all), func(n string) bool { return !strings.HasPrefix(n, prefix) })
		if got, err := a.List(ctx, prefix); err != nil || !slices.Equal(got, want) {
			t.Errorf("List %q: %q, %v; want %q", prefix, got, err, want)
		}
	}
}

func hostile() []string {
	return []string{
		"", "/", "/etc/passwd", "../x", "a/../../x", "a/..", ".", "a/./b", "a//b", "a/", ".git/config", "a/.hidden", "a\\b", "a b",
		"a\x00b", "a\nb", "ä", "C:x", "a?b=c", "%2e%2e/x", "a@b", "1/2/3/4/5/6/7/8/9", strings.Repeat("n", 201), "a*", "~root", "$HOME",
	}
}

func conformNames(t *testing.T, a Archive) {
	ctx := t.Context()
	for _, name := range hostile() {
		if err := a.Put(ctx, name, []byte("x")); !errors.Is(err, ErrName) {
			t.Errorf("Put %q: %v", name, err)
		}
		if _, err := a.Get(ctx, name); !errors.Is(err, ErrName) {
			t.Errorf("Get %q: %v", name, err)
		}
	}
	if _, err := a.List(ctx, "../"); !errors.Is(err, ErrName) {
		t.Errorf("List of what is outside: %v", err)
	}
}

func conformSize(t *testing.T, a Archive) {
	err := a.Put(t.Context(), "large.json", make([]byte, MaxSize+1))
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("more than MaxSize: %v", err)
	}
}

func conformSeveral(t *testing.T, a, other Archive) {
	ctx := t.Context()
	files := map[string][]byte{"set/1.json": []byte("1"), "set/1" + attest.BundleSuffix: []byte("signed"), "set/2.json": []byte("2")}
	for range 2 {
		if err := PutAll(ctx, a, files); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := other.List(ctx, "set/"); err != nil || len(names) != len(files) {
		t.Errorf("after PutAll there are %q, %v", names, err)
	}
	files["set/2.json"] = []byte("changed")
	if err := PutAll(ctx, a, files); !errors.Is(err, ErrExists) {
		t.Errorf("PutAll with other bytes: %v", err)
	}
	files = map[string][]byte{"set/good.json": nil, "set/../bad": nil}
	if err := PutAll(ctx, a, files); !errors.Is(err, ErrName) {
		t.Errorf("PutAll with a bad name: %v", err)
	}
	if _, err := other.Get(ctx, "set/good.json"); !errors.Is(err, ErrAbsent) {
		t.Errorf("PutAll that was refused left something: %v", err)
	}
}

func conformConcurrent(t *testing.T, writers []Archive) {
	const each = 4
	var wg sync.WaitGroup
	for w, a := range writers {
		for i := range each {
			wg.Go(func() {
				name := fmt.Sprintf("many/%d-%d.json", w, i)
				if err := a.Put(t.Context(), name, []byte(name)); err != nil {
					t.Errorf("Put %s: %v", name, err)
				}
			})
		}
	}
	wg.Wait()
	for w, a := range writers {
		names, err := a.List(t.Context(), "many/")
		if err != nil || len(names) != each*len(writers) {
			t.Errorf("archive %d: %d of %d arrived: %v", w, len(names), each*len(writers), err)
		}
		for _, name := range names {
			if b, err := a.Get(t.Context(), name); err != nil || string(b) != name {
				t.Errorf("archive %d: %s holds %q, %v", w, name, b, err)
			}
		}
	}
}

// Of several with different bytes under one name, exactly one wins.
func conformRace(t *testing.T, a Archive) {
	const writers = 5
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { errs[i] = a.Put(t.Context(), "race.json", fmt.Append(nil, i)) })
	}
	wg.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner < 0:
			winner = i
		case err == nil:
			t.Errorf("both %d and %d won", winner, i)
		case !errors.Is(err, ErrExists):
			t.Errorf("writer %d: %v", i, err)
		}
	}
	if b, err := a.Get(t.Context(), "race.json"); err != nil || string(b) != fmt.Sprint(winner) {
		t.Errorf("%d won, and %q is there, %v", winner, b, err)
	}
}

func conformCancelled(t *testing.T, a Archive) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Put(ctx, "cancelled.json", []byte("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("Put: %v", err)
	}
	if _, err := a.Get(ctx, "top.json"); !errors.Is(err, context.Canceled) {
		t.Errorf("Get: %v", err)
	}
	if _, err := a.List(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("List: %v", err)
	}
	if _, err := a.Get(t.Context(), "cancelled.json"); !errors.Is(err, ErrAbsent) {
		t.Errorf("a cancelled Put left something: %v", err)
	}
}
