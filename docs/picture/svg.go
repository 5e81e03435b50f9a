package main

import (
	"fmt"
	"html"
	"strings"

	"github.com/vitalsign-dev/vitalsign/internal/screen"
)

// Sizes in pixels. A cell is as wide as a character of most monospaced fonts at
// that size; what a font does otherwise textLength sets right.
const (
	fontSize   = 14
	cellWidth  = 8.4
	lineHeight = 18
	margin     = 14
)

// The picture has a ground of its own, so that it can be read on any page.
const (
	ground = "#10141a"
	ink    = "#d5dae1"
	dimmed = "#7d8794"
)

// svg draws a screen.
func svg(s *screen.Screen) string {
	rows := s.Rows()
	width := 2*margin + cellWidth*float64(len(rows[0]))
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" viewBox="0 0 %.0f %d" font-family="ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace" font-size="%d">`+"\n",
		width, 2*margin+lineHeight*len(rows), width, 2*margin+lineHeight*len(rows), fontSize)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="6" fill="%s"/>`+"\n", ground)
	for y, row := range rows {
		grounds(&b, row, y)
		for _, r := range runs(row) {
			r.draw(&b, y)
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// colours of a look: Reversed is what it says.
func colours(l screen.Look) (fore, back string) {
	fore, back = l.Fore.Hex(ink), l.Back.Hex("")
	if l.Reversed {
		fore, back = l.Back.Hex(ground), l.Fore.Hex(ink)
	}
	if l.Dim {
		fore = dimmed
	}
	return fore, back
}

// grounds draws what is behind the text of a line, each colour in one piece:
// between two pieces a seam would show.
func grounds(b *strings.Builder, row []screen.Cell, y int) {
	for x := 0; x < len(row); {
		_, back := colours(row[x].Look)
		end := x + 1
		for ; end < len(row); end++ {
			if _, next := colours(row[end].Look); next != back && row[end].Width > 0 {
				break
			}
		}
		if back != "" {
			fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n",
				margin+cellWidth*float64(x), margin+lineHeight*y, cellWidth*float64(end-x), lineHeight, back)
		}
		x = end
	}
}

// run is a piece of a line in one look.
type run struct {
	x, width int
	text     string
	look     screen.Look
}

// runs cuts a line where the look changes, and around every character that a
// font may draw in another width than a cell's: nothing after it is displaced.
func runs(row []screen.Cell) []run {
	var out []run
	alone := true
	for x, c := range row {
		if c.Width == 0 {
			continue // the second half of a wide one
		}
		odd := c.Width > 1 || len(c.Text) > 1
		if n := len(out); n > 0 && !odd && !alone && out[n-1].look == c.Look {
			out[n-1].text += c.Text
			out[n-1].width += c.Width
		} else {
			out = append(out, run{x, c.Width, c.Text, c.Look})
		}
		alone = odd
	}
	return out
}

func (r run) draw(b *strings.Builder, y int) {
	fore, _ := colours(r.look)
	left := margin + cellWidth*float64(r.x)
	text := strings.TrimRight(r.text, " ")
	if text == "" {
		return
	}
	// Spaces at the end are not drawn, and are no part of the length either.
	length := cellWidth * float64(r.width-(len(r.text)-len(text)))
	fmt.Fprintf(b, `<text xml:space="preserve" x="%.1f" y="%d" textLength="%.1f" lengthAdjust="spacingAndGlyphs" fill="%s"%s>%s</text>`+"\n",
		left, margin+lineHeight*(y+1)-5, length, fore, r.attributes(), html.EscapeString(text))
}

func (r run) attributes() string {
	out := ""
	if r.look.Bold {
		out += ` font-weight="bold"`
	}
	if r.look.Underlined {
		out += ` text-decoration="underline"`
	}
	return out
}
