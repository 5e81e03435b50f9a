package tui

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"
)

// say runs the plain mode over lines and gives what it said.
func say(t *testing.T, w *told, lines ...string) string {
	t.Helper()
	m := dashboard(t, w, 80, 24, "none")
	var out bytes.Buffer
	if err := Plain(t.Context(), m, strings.NewReader(strings.Join(lines, "\n")+"\n"), &out, func() time.Time { return noon }); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The plain mode says every value after its name, draws nothing over and uses
// no mark.
func TestPlain(t *testing.T) {
	got := say(t, clinic(), "findings", "filter sev:high+", "open 1", "back", "evidence", "open 2", "waivers", "help", "quit")
	for _, want := range []string{
		"Page 1 of 5, Fleet. 7 repositories, 4 not passing.", "1. Repository: clinic/api.", "Gate: fail.", "Evidence: verified.", "Trend: 40 42 45 51 60 65.",
		"Page 3 of 5, Findings.", "filter sev:high+", "Severity: critical. Where: services/api/config/upload.toml:2.",
		"What to do", "Page 4 of 5, Evidence.", "Link: freshness.", "Page 5 of 5, Waivers.",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	for _, r := range got {
		if unicode.IsControl(r) && r != '\n' || strings.ContainsRune("✓✗▸█├└", r) {
			t.Errorf("%q in what is said", r)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestPlainWaives(t *testing.T) {
	w := clinic()
	got := say(t, w, "findings", "waive", "30d", "legacy device", "SEC-1", "alice.key", "hidden words", "quit")
	if want := `waive 1 until 30d because legacy device with "alice.key"`; w.asked[len(w.asked)-1] != want {
		t.Errorf("asked %q\n%s", w.asked, got)
	}
	if strings.Contains(got, "hidden words") {
		t.Error("the passphrase is said")
	}
}

// What happens while nobody types is said as it comes.
func TestPlainTellsEvents(t *testing.T) {
	w := clinic()
	m := dashboard(t, w, 80, 24, "none")
	in, typing := io.Pipe()
	listening, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := Plain(t.Context(), m, in, out, func() time.Time { return noon })
		out.Close()
		ended <- err
	}()
	for _, e := range w.scanning() {
		w.feed.Put(e)
	}
	said := bufio.NewScanner(listening)
	for _, want := range []string{"clinic/api: secrets: ok.", "clinic/api: deps: missing. no advisory data"} {
		for found := false; !found; {
			if !said.Scan() {
				t.Fatalf("it never says %q", want)
			}
			found = strings.HasPrefix(said.Text(), want)
		}
	}
	go io.Copy(io.Discard, listening)
	io.WriteString(typing, "quit\ny\n") // scans run: it asks again
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
