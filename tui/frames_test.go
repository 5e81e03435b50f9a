package tui

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/charmbracelet/x/ansi"

	screens "github.com/vitalsign-dev/vitalsign/internal/screen"
)

var update = flag.Bool("update", false, "write the frames anew")

// scene is how a frame comes about.
type scene struct {
	name string
	keys []string
	then func(t *testing.T, m *Model)
}

func scenes() []scene {
	type_ := func(text string) func(*testing.T, *Model) {
		return func(t *testing.T, m *Model) { typed(t, m, text) }
	}
	return []scene{
		{name: "fleet"},
		{name: "repository", keys: []string{"enter"}},
		{name: "pipelines", keys: []string{"2"}},
		{name: "log", keys: []string{"2", "down", "down", "down", "down", "enter"}},
		{name: "findings", keys: []string{"3"}},
		{name: "grouped", keys: []string{"3", "b"}},
		{name: "filter", keys: []string{"3", "/"}, then: type_("sev:high+ -r")},
		{name: "wrong-filter", keys: []string{"3", "/"}, then: type_("sev:worse ")},
		{name: "finding", keys: []string{"3", "enter"}},
		{name: "waive", keys: []string{"3", " ", " ", "w"}},
		{name: "evidence", keys: []string{"4"}},
		{name: "chain", keys: []string{"4", "down", "enter"}},
		{name: "why", keys: []string{"4", "down", "enter", "g", "enter"}},
		{name: "link", keys: []string{"4", "down", "enter", "up", "enter"}},
		{name: "statement", keys: []string{"4", "down", "enter", "up", "="}},
		{name: "waivers", keys: []string{"5"}},
		{name: "waiver", keys: []string{"5", "down", "enter"}},
		{name: "palette", keys: []string{":"}, then: type_("s")},
		{name: "help", keys: []string{"?"}},
	}
}

func (s scene) frame(t *testing.T, width, height int, theme string) string {
	t.Helper()
	w := clinic()
	m := dashboard(t, w, width, height, theme)
	happen(t, m, w.scanning())
	press(t, m, s.keys...)
	if s.then != nil {
		s.then(t, m)
	}
	return m.View()
}

type frameSize struct {
	width, height int
	theme         string
}

func looks() []frameSize {
	return []frameSize{{40, 12, "none"}, {80, 24, "none"}, {120, 40, "none"}, {300, 100, "none"}, {80, 24, "dark"}, {80, 24, "light"}, {80, 24, "contrast"}}
}

// Frames are pure: the same model gives the same bytes. The files hold what
// users see, one a size and theme.
func TestFrames(t *testing.T) {
	read := map[string]bool{}
	for _, s := range scenes() {
		for _, l := range looks() {
			name := fmt.Sprintf("%s_%dx%d_%s.txt", s.name, l.width, l.height, l.theme)
			read[name] = true
			t.Run(name, func(t *testing.T) {
				got := s.frame(t, l.width, l.height, l.theme) + "\n"
				file := filepath.Join("testdata", "frames", name)
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("the frame is another one (go test ./tui -update writes it):\n%s", got)
				}
			})
		}
	}
	entries, err := os.ReadDir(filepath.Join("testdata", "frames"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !read[e.Name()] {
			t.Errorf("nobody reads testdata/frames/%s", e.Name())
		}
	}
}

// Every frame fills the terminal and no more, whatever the size: no line is
// too wide, and nothing but colour is sent.
func TestFramesFit(t *testing.T) {
	for _, s := range scenes() {
		for _, l := range []frameSize{{20, 6, "none"}, {40, 12, "dark"}, {57, 9, "none"}, {80, 24, "dark"}, {99, 31, "light"}, {300, 100, "contrast"}} {
			frame := s.frame(t, l.width, l.height, l.theme)
			lines := strings.Split(frame, "\n")
			if len(lines) != l.height {
				t.Errorf("%s at %dx%d: %d lines", s.name, l.width, l.height, len(lines))
			}
			for i, line := range lines {
				if w := ansi.StringWidth(line); w > l.width {
					t.Errorf("%s at %dx%d: line %d is %d wide: %q", s.name, l.width, l.height, i, w, line)
				}
				harmless(t, s.name, line)
			}
		}
	}
}

// harmless holds a line to text and colours (ECMA-48, SGR).
func harmless(t *testing.T, where, line string) {
	t.Helper()
	for rest := line; ; {
		i := strings.IndexByte(rest, '\x1b')
		if i < 0 {
			break
		}
		end := strings.IndexByte(rest[i:], 'm')
		if end < 0 || rest[i+1] != '[' || strings.Trim(rest[i+2:i+end], "0123456789;") != "" {
			t.Fatalf("%s: an escape that is no colour: %q", where, rest[i:min(len(rest), i+20)])
		}
		rest = rest[i+end+1:]
	}
	for _, r := range ansi.Strip(line) {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf) && r != '\u200e' {
			t.Fatalf("%s: %q in %q", where, r, line)
		}
	}
}

// Without colour every word is there all the same, and nothing is escaped.
func TestColourCarriesNoMeaning(t *testing.T) {
	for _, s := range scenes() {
		plain := s.frame(t, 120, 40, "none")
		if strings.Contains(plain, "\x1b") {
			t.Errorf("%s: an escape without colour", s.name)
		}
		for _, theme := range []string{"dark", "light", "contrast"} {
			if got := ansi.Strip(s.frame(t, 120, 40, theme)); got != plain {
				t.Errorf("%s: %s says something else", s.name, theme)
			}
		}
	}
}

// A terminal without UTF-8 is sent ASCII only, of our own marks.
func TestWithoutUTF8(t *testing.T) {
	w := clinic()
	w.repos = w.repos[:4]
	th, err := NewTheme("none", false, false)
	if err != nil {
		t.Fatal(err)
	}
	m := dashboard(t, w, 120, 30, "none")
	m.theme = th
	happen(t, m, w.scanning())
	for _, key := range []string{"1", "2", "4", "5", "?"} {
		press(t, m, key)
		for _, r := range m.View() {
			if r > unicode.MaxASCII && !strings.ContainsRune("病院患者データמרפאהתיאור", r) {
				t.Fatalf("%q on page %s:\n%s", r, key, m.View())
			}
		}
	}
}

func TestThemes(t *testing.T) {
	if _, err := NewTheme("pink", true, true); err == nil || !strings.Contains(err.Error(), "dark, light") {
		t.Errorf("an unknown theme: %v", err)
	}
	for _, name := range ThemeNames() {
		th, err := NewTheme(name, true, true)
		if err != nil {
			t.Fatal(err)
		}
		if painted := th.paint(toneBad, "x", false); (painted == "x") != (name == "none") {
			t.Errorf("%s paints %q", name, painted)
		}
		seen := []string{}
		for _, s := range []tone{toneCritical, toneMedium, toneLow, toneGood} {
			if p := th.paint(s, "x", false); name != "none" && slices.Contains(seen, p) {
				t.Errorf("%s: two severities look the same", name)
			} else {
				seen = append(seen, p)
			}
		}
	}
}

// Every tone can be read on the screen and on the line of the cursor: 4.5:1,
// and 7:1 in the theme that promises it (WCAG 2.2, 1.4.3 and 1.4.6).
func TestContrast(t *testing.T) {
	for name, want := range map[string]float64{"dark": 4.5, "light": 4.5, "contrast": 7} {
		screen := 0.0 // black
		if name == "light" {
			screen = 1
		}
		for tone, colour := range colours(name) {
			l := luminance(t, colour)
			if r := ratio(l, screen); r < want {
				t.Errorf("%s: tone %d (%s) has %.1f:1 on the screen", name, tone, colour, r)
			}
			if r := ratio(l, luminance(t, background(name))); r < want {
				t.Errorf("%s: tone %d (%s) has %.1f:1 on the cursor's line", name, tone, colour, r)
			}
		}
	}
}

func ratio(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

// luminance is that of a colour of the ANSI 256 palette, as WCAG 2.2 defines
// relative luminance.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.Atoi(colour)
	if err != nil || n < 16 || n > 255 {
		t.Fatalf("%q is no colour that every terminal shows alike", colour)
	}
	var rgb [3]int
	if _, err := fmt.Sscanf(screens.Colour{Set: true, Number: n}.Hex(""), "#%02x%02x%02x", &rgb[0], &rgb[1], &rgb[2]); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, weight := range [3]float64{0.2126, 0.7152, 0.0722} {
		c := float64(rgb[i]) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
