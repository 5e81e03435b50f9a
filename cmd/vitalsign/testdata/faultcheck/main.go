// Command faultcheck is a vitalsign-check that misbehaves, for tests. It is
// installed under the name vitalsign-check-MODE beside the real program, which
// it runs for --describe and for everything that the mode leaves alone.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

func main() {
	mode := strings.TrimPrefix(filepath.Base(os.Args[0]), "vitalsign-check-")
	real := exec.Command(filepath.Join(filepath.Dir(os.Args[0]), "vitalsign-check"), os.Args[1:]...)
	real.Stdin, real.Stderr = os.Stdin, os.Stderr
	if os.Args[1] == "--describe" {
		real.Stdout = os.Stdout
		check(real.Run())
		return
	}
	if f, ok := alone()[mode]; ok {
		f()
		return
	}
	out, err := real.Output()
	check(err)
	lines := bytes.SplitAfter(out, []byte("\n"))
	lines = lines[:len(lines)-1]
	for _, l := range spoil(mode, lines) {
		os.Stdout.Write(l)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// alone holds the modes that never ask the real program.
func alone() map[string]func() {
	return map[string]func(){
		"silent":  func() {},
		"exit1":   func() { os.Exit(1) },
		"garbage": func() { fmt.Println("\x1b[2J::error::%!s(not json)") },
		"hang":    func() { time.Sleep(time.Hour) },
		"panic":   func() { panic("boom") },
		"kill":    func() { check(syscall.Kill(os.Getpid(), syscall.SIGKILL)) },
		"orphan":  orphan,
		"memory":  memory,
		"huge":    huge,
		"line":    func() { os.Stdout.Write(bytes.Repeat([]byte("a"), 9<<20)) },
		"lies":    lies,
	}
}

// orphan leaves a grandchild that holds the pipe open.
func orphan() {
	c := exec.Command("sleep", "3600")
	c.Stdout = os.Stdout
	check(c.Start())
}

func memory() {
	var keep [][]byte
	for {
		b := make([]byte, 16<<20)
		for i := range b {
			b[i] = 1
		}
		keep = append(keep, b)
		if len(keep) > 256 {
			os.Exit(9) // four gigabytes: the limit did not work
		}
	}
}

func huge() {
	w := bufio.NewWriter(os.Stdout)
	line := []byte(`{"type":"progress","progress":{"done":1,"total":2}}` + "\n")
	for {
		if _, err := w.Write(line); err != nil {
			return
		}
	}
}

// lies reads nothing, and says done in the best of order.
func lies() {
	job, d := input()
	var out bytes.Buffer
	write := func(r checks.Record) {
		b, err := json.Marshal(r)
		check(err)
		out.Write(append(b, '\n'))
	}
	write(checks.Record{Type: checks.RecordHello, Hello: hello(job, d)})
	sum := sha256.Sum256(out.Bytes())
	write(checks.Record{Type: checks.RecordDone, Done: &checks.Done{Digest: hex.EncodeToString(sum[:])}})
	os.Stdout.Write(out.Bytes())
}

func input() (checks.Job, checks.DescribeDocument) {
	var job checks.Job
	check(json.NewDecoder(os.Stdin).Decode(&job))
	doc, err := exec.Command(filepath.Join(filepath.Dir(os.Args[0]), "vitalsign-check"), "--describe").Output()
	check(err)
	var d checks.DescribeDocument
	check(json.Unmarshal(doc, &d))
	return job, d
}

func hello(job checks.Job, d checks.DescribeDocument) *checks.Hello {
	for _, c := range d.Checks {
		if c.Name == job.Check {
			return &checks.Hello{Protocol: checks.Protocol, Check: c.Name, Version: c.Version, Build: d.Build, RulesDigest: c.RulesDigest}
		}
	}
	check(io.ErrUnexpectedEOF)
	return nil
}

// spoil changes the real program's honest lines.
func spoil(mode string, lines [][]byte) [][]byte {
	last := len(lines) - 1
	switch mode {
	case "truncate":
		return lines[:last]
	case "halfline":
		return append(lines[:last:last], lines[last][:len(lines[last])/2])
	case "after":
		return append(lines, lines[1])
	case "drop": // a finding or a coverage record goes missing
		return append(lines[:1:1], lines[2:]...)
	case "flip": // one character of a message
		lines[1] = bytes.Replace(lines[1], []byte("e"), []byte("f"), 1)
		return lines
	case "build":
		lines[0] = bytes.Replace(lines[0], []byte(`"build":"`), []byte(`"build":"x`), 1)
		return lines
	case "canary":
		return redo(lines, func(r checks.Record) bool {
			return r.Finding == nil || !strings.HasPrefix(r.Finding.Location.Path, "canary-")
		})
	case "unread": // one real file is not accounted for
		return redo(lines, func(r checks.Record) bool {
			if r.Coverage != nil {
				r.Coverage.Read = keepCanary(r.Coverage.Read)
			}
			return true
		})
	case "otherfile":
		return redo(lines, func(r checks.Record) bool {
			if r.Finding != nil {
				r.Finding.Location.Path = path.Join("/etc", "passwd")
			}
			return true
		})
	}
	check(fmt.Errorf("no mode %q", mode))
	return nil
}

func keepCanary(read []checks.ReadFile) []checks.ReadFile {
	var kept []checks.ReadFile
	for _, f := range read {
		if strings.HasPrefix(f.Path, "canary-") {
			kept = append(kept, f)
		}
	}
	return kept
}

// redo keeps the records that keep says, and closes with a done that counts right.
func redo(lines [][]byte, keep func(checks.Record) bool) [][]byte {
	var out [][]byte
	var done checks.Done
	h := sha256.New()
	for _, l := range lines[:len(lines)-1] {
		var r checks.Record
		check(json.Unmarshal(l, &r))
		if !keep(r) {
			continue
		}
		if r.Finding != nil {
			done.Findings++
		}
		if r.Coverage != nil {
			done.Read += len(r.Coverage.Read)
			done.Skipped += len(r.Coverage.Skipped)
		}
		b, err := json.Marshal(r)
		check(err)
		b = append(b, '\n')
		h.Write(b)
		out = append(out, b)
	}
	done.Digest = hex.EncodeToString(h.Sum(nil))
	b, err := json.Marshal(checks.Record{Type: checks.RecordDone, Done: &done})
	check(err)
	return append(out, append(b, '\n'))
}
