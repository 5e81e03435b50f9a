package keepsafe

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

type clock struct {
	mu sync.Mutex
	at time.Time
}

// tick gives a later time at every call.
func (c *clock) tick() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Second)
	return c.at
}

func open(t *testing.T, path, key string, max int64) *Dir {
	t.Helper()
	c := &clock{at: time.Now().Add(time.Hour)} // after what the system notes of files that are written
	d, err := Open(path, []byte(key), max, c.tick)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOnlyWhatWasPutComesOut(t *testing.T) {
	path := t.TempDir()
	d := open(t, path, "key", 1<<20)
	if d.Get("a") != nil {
		t.Error("something comes out of an empty directory")
	}
	for name, content := range map[string]string{"a": "one", "b": "", "../c": "three"} {
		if err := d.Put(name, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got := d.Get(name); string(got) != content || got == nil {
			t.Errorf("%q: %q", name, got)
		}
	}
	if open(t, path, "another key", 1<<20).Get("a") != nil {
		t.Error("what was put under another key comes out")
	}
	// One answer in the place of another is forged, too.
	b, err := os.ReadFile(d.file("a"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.file("b"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if d.Get("b") != nil {
		t.Error("an answer comes out under another's name")
	}
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 1
		if err := os.WriteFile(d.file("a"), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if d.Get("a") != nil {
			t.Fatalf("byte %d was flipped, and it comes out", i)
		}
		if err := os.WriteFile(d.file("a"), b[:i], 0o600); err != nil {
			t.Fatal(err)
		}
		if d.Get("a") != nil {
			t.Fatalf("it was cut at %d, and comes out", i)
		}
	}
}

func TestBound(t *testing.T) {
	path := t.TempDir()
	d := open(t, path, "key", 10_000)
	if d.Put("large", make([]byte, 20_000)) == nil {
		t.Error("a file larger than everything is taken")
	}
	for i := range 30 {
		if err := d.Put(fmt.Sprint(i), make([]byte, 900)); err != nil {
			t.Fatal(err)
		}
		d.Get("0") // in use all the time
		if u, err := Used(path); err != nil || u.Bytes > 10_000 {
			t.Fatalf("%d bytes after %d files, %v", u.Bytes, i, err)
		}
	}
	if d.Get("0") == nil || d.Get("29") == nil || d.Get("1") != nil {
		t.Error("not those went that were not used for longest")
	}
}

func TestPrune(t *testing.T) {
	path := t.TempDir()
	d := open(t, path, "key", 1<<20)
	for i := range 4 {
		if err := d.Put(fmt.Sprint(i), make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	for name, age := range map[string]time.Duration{".vitalsign-1.tmp": 2 * leftBehind, ".vitalsign-2.tmp": 0, "readme": 2 * leftBehind} {
		p := filepath.Join(path, name)
		if err := os.WriteFile(p, make([]byte, 100), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(p, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if u, err := Surplus(path, 1<<20, now); err != nil || u != (Usage{1, 100}) {
		t.Errorf("%+v %v: only the abandoned file should be called surplus", u, err)
	}
	gone, err := Prune(path, 1<<20, now)
	if err != nil || gone != (Usage{1, 100}) {
		t.Errorf("%+v %v: only the abandoned file should go", gone, err)
	}
	if gone, err = Prune(path, 0, now); err != nil || gone.Files != 4 {
		t.Errorf("%+v %v: every answer should go", gone, err)
	}
	for _, name := range []string{".vitalsign-2.tmp", "readme"} {
		if _, err := os.Stat(filepath.Join(path, name)); err != nil {
			t.Error(err)
		}
	}
	if u, err := Used(filepath.Join(path, "absent")); err != nil || u.Files != 0 {
		t.Errorf("%+v %v", u, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	path := t.TempDir()
	var wg sync.WaitGroup
	for w := range 8 {
		d := open(t, path, "key", 40_000)
		wg.Go(func() {
			for i := range 100 {
				name := fmt.Sprint(i % 10)
				if err := d.Put(name, bytes.Repeat([]byte(name), 500+100*w)); err != nil {
					t.Error(err)
				}
				if got := d.Get(name); got != nil && len(bytes.Trim(got, name)) > 0 {
					t.Errorf("%s: a mixture", name)
				}
			}
		})
	}
	wg.Wait()
}

const writerEnv = "KEEPSAFE_TEST_WRITER"

// TestKilled kills processes that write and holds that what comes out is whole.
func TestKilled(t *testing.T) {
	if dir := os.Getenv(writerEnv); dir != "" {
		d := open(t, dir, "key", 1<<30)
		for i := 0; ; i++ {
			_ = d.Put(fmt.Sprint(i%5), bytes.Repeat([]byte{byte('a' + i%26)}, 1<<20))
		}
	}
	path := t.TempDir()
	d := open(t, path, "key", 1<<30)
	seen := 0
	for i := range 10 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), writerEnv+"="+path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(20+13*i) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
		for n := range 5 {
			if got := d.Get(fmt.Sprint(n)); got != nil {
				seen++
				if len(got) != 1<<20 || len(bytes.Trim(got, string(got[:1]))) > 0 {
					t.Fatal("what comes out is not whole")
				}
			}
		}
	}
	if seen == 0 {
		t.Error("nothing was ever written: this shows nothing")
	}
}
