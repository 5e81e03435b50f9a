package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/internal/screen"
)

// A picture is XML whatever stands on the screen, and what comes after a wide
// character begins where its cell does.
func TestPicture(t *testing.T) {
	s := screen.New(12, 2)
	io.WriteString(s, "\x1b[31m病院\x1b[0m <&> \x1b[48;5;237mon\x1b[0m\r\n]]>")
	got := svg(s)
	for d := xml.NewDecoder(strings.NewReader(got)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in\n%s", err, got)
		}
	}
	for _, want := range []string{
		`x="14.0" y="27" textLength="16.8" lengthAdjust="spacingAndGlyphs" fill="#ff6b6b">病</text>`,
		`x="30.8" y="27" textLength="16.8" lengthAdjust="spacingAndGlyphs" fill="#ff6b6b">院</text>`,
		`x="47.6" y="27" textLength="33.6" lengthAdjust="spacingAndGlyphs" fill="#d5dae1"> &lt;&amp;&gt;</text>`,
		`<rect x="89.6" y="14" width="16.8" height="18" fill="#3a3a3a"/>`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("not there: %s\nin\n%s", want, got)
		}
	}
}

// A text that is not the same every time is covered by one of its own width.
func TestSay(t *testing.T) {
	s := screen.New(20, 1)
	io.WriteString(s, "病 at 13:41 UTC")
	var r replacements
	if err := r.Set(`\d\d:\d\d UTC=09:30 UTC`); err != nil {
		t.Fatal(err)
	}
	if err := r.apply(s); err != nil || s.Text() != "病 at 09:30 UTC" {
		t.Errorf("%q, %v", s.Text(), err)
	}
	if err := r.Set(`at=ago`); err != nil {
		t.Fatal(err)
	}
	if err := r.apply(s); err == nil {
		t.Error("a text of another width was put in")
	}
}
