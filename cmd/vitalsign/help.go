package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// The widths of help: that of the terminal within bounds, and what a pager or a
// file gets.
const (
	helpWidth    = 80
	minHelpWidth = 60
	maxHelpWidth = 100
)

// help writes a command's help so that its lines fit: cobra's own breaks none.
func (a *app) help(c *cobra.Command, _ []string) {
	width := helpWidth
	if n := a.columns(a.out); n > 0 {
		width = min(max(n, minHelpWidth), maxHelpWidth)
	}
	c.InitDefaultHelpFlag()
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	var b strings.Builder
	b.WriteString(reflow(text, width) + "\n\nUsage:\n  " + c.UseLine() + "\n")
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "  %s [command]\n", c.CommandPath())
	}
	if c.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n%s\n", strings.Trim(c.Example, "\n"))
	}
	if c.HasAvailableSubCommands() {
		b.WriteString("\nCommands:\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() || sub.Name() == "help" {
				b.WriteString(hang(fmt.Sprintf("  %-*s  %s", sub.NamePadding(), sub.Name(), sub.Short), width) + "\n")
			}
		}
	}
	if c.HasAvailableLocalFlags() {
		b.WriteString("\nFlags:\n" + c.LocalFlags().FlagUsagesWrapped(width))
	}
	if c.HasAvailableInheritedFlags() {
		b.WriteString("\nGlobal flags:\n" + c.InheritedFlags().FlagUsagesWrapped(width))
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nUse \"%s [command] --help\" for more about a command.\n", c.CommandPath())
	}
	fmt.Fprint(a.out, b.String())
}

// reflow fills paragraphs to a width. Lines that begin with two spaces stay
// lines; what is too long of one goes on below its text.
func reflow(text string, width int) string {
	var out, para []string
	flush := func() {
		if len(para) > 0 {
			out = append(out, strings.Join(fill(strings.Join(para, " "), width), "\n"))
			para = nil
		}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		switch {
		case strings.TrimSpace(line) == "":
			flush()
			out = append(out, "")
		case strings.HasPrefix(line, "  "):
			flush()
			out = append(out, hang(line, width))
		default:
			para = append(para, line)
		}
	}
	flush()
	return strings.Join(out, "\n")
}

// hang breaks a line "  word  text" so that the text stays in its column.
func hang(line string, width int) string {
	start := len(line) - len(strings.TrimLeft(line, " "))
	column := start
	if i := strings.Index(line[start:], "  "); i >= 0 {
		column = start + i + len(line[start+i:]) - len(strings.TrimLeft(line[start+i:], " "))
	}
	if utf8.RuneCountInString(line) <= width || width-column < 20 {
		return line
	}
	return line[:column] + strings.Join(fill(line[column:], width-column), "\n"+strings.Repeat(" ", column))
}

// fill breaks text into lines between words, and nowhere else: a flag that is
// broken at its dashes is no flag.
func fill(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
