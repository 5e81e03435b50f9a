package screen

import (
	"fmt"

	"github.com/charmbracelet/x/ansi"
)

// paint takes the parameters of Select Graphic Rendition (ECMA-48, 8.3.117;
// the colours beyond eight are ISO 8613-6's).
func (s *Screen) paint(params ansi.Params) {
	var all []int
	for i := range params {
		n, _, _ := params.Param(i, 0)
		all = append(all, n)
	}
	if len(all) == 0 {
		all = []int{0}
	}
	for i := 0; i < len(all); i++ {
		n := all[i]
		switch {
		case n == 38 || n == 48:
			c, used := colour(all[i+1:])
			i += used
			if n == 38 {
				s.look.Fore = c
			} else {
				s.look.Back = c
			}
		case n >= 30 && n <= 37:
			s.look.Fore = Colour{Set: true, Number: n - 30}
		case n >= 90 && n <= 97:
			s.look.Fore = Colour{Set: true, Number: n - 90 + 8}
		case n >= 40 && n <= 47:
			s.look.Back = Colour{Set: true, Number: n - 40}
		case n >= 100 && n <= 107:
			s.look.Back = Colour{Set: true, Number: n - 100 + 8}
		default:
			s.look.set(n)
		}
	}
}

func (l *Look) set(n int) {
	switch n {
	case 0:
		*l = Look{}
	case 1:
		l.Bold = true
	case 2:
		l.Dim = true
	case 4:
		l.Underlined = true
	case 7:
		l.Reversed = true
	case 22:
		l.Bold, l.Dim = false, false
	case 24:
		l.Underlined = false
	case 27:
		l.Reversed = false
	case 39:
		l.Fore = Colour{}
	case 49:
		l.Back = Colour{}
	}
}

// colour reads "5;n" or "2;r;g;b" and says how many numbers that were.
func colour(p []int) (Colour, int) {
	switch {
	case len(p) >= 2 && p[0] == 5:
		return Colour{Set: true, Number: p[1]}, 2
	case len(p) >= 4 && p[0] == 2:
		return Colour{Set: true, RGB: fmt.Sprintf("#%02x%02x%02x", p[1]&255, p[2]&255, p[3]&255)}, 4
	}
	return Colour{}, len(p)
}

// Hex is the colour as "#rrggbb", as xterm has it where it is a number;
// otherwise where there is none.
func (c Colour) Hex(otherwise string) string {
	switch {
	case !c.Set:
		return otherwise
	case c.RGB != "":
		return c.RGB
	case c.Number < 16:
		return [16]string{"#1d1f21", "#ff6b6b", "#5fd38d", "#f2c14e", "#6aa3ff", "#c792ea", "#5ec4d4", "#d5dae1",
			"#7d8794", "#ff8f8f", "#87e0ab", "#ffd97a", "#93bcff", "#dab4f5", "#8ad9e6", "#ffffff"}[c.Number]
	case c.Number < 232:
		step := func(n int) int {
			if n == 0 {
				return 0
			}
			return 55 + 40*n
		}
		n := c.Number - 16
		return fmt.Sprintf("#%02x%02x%02x", step(n/36), step(n/6%6), step(n%6))
	}
	grey := 8 + 10*(c.Number-232)
	return fmt.Sprintf("#%02x%02x%02x", grey, grey, grey)
}
