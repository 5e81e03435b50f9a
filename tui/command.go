package tui

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// command is something that a user can do. The table of commands is the one
// place that says so: keys, palette, help and plain mode read it.
type command struct {
	name string
	keys []string
	help string
	// arg names what the palette may give it, "" for nothing.
	arg string
	// pages are where it works; none means everywhere.
	pages []pageID
	// hint says that the bottom line names it.
	hint bool
	run  func(m *Model, arg string) tea.Cmd
}

func (c *command) has(key string) bool { return slices.Contains(c.keys, key) }

func (c *command) fits(m *Model) bool { return len(c.pages) == 0 || slices.Contains(c.pages, m.page) }

// do makes a command of something that needs no argument and asks nothing.
func do(f func(m *Model)) func(*Model, string) tea.Cmd {
	return func(m *Model, _ string) tea.Cmd { f(m); return nil }
}

// ask makes a command of something that takes no argument.
func ask(f func(m *Model) tea.Cmd) func(*Model, string) tea.Cmd {
	return func(m *Model, _ string) tea.Cmd { return f(m) }
}

// commands is the table, in the order in which help shows it.
func commands() []command {
	return slices.Concat(moving(), looking(), acting(), general())
}

func moving() []command {
	by := func(n func(m *Model) int) func(*Model, string) tea.Cmd {
		return do(func(m *Model) { m.scroll(n(m)) })
	}
	one := func(n int) func(*Model) int { return func(*Model) int { return n } }
	pageful := func(part, of int) func(*Model) int {
		return func(m *Model) int { return max(1, m.bodyHeight()-2) * part / of }
	}
	const far = 1 << 40
	return []command{
		{name: "down", keys: []string{"j", "down", "ctrl+n"}, help: "one line down", run: by(one(1))},
		{name: "up", keys: []string{"k", "up", "ctrl+p"}, help: "one line up", run: by(one(-1))},
		{name: "page-down", keys: []string{"pgdown", "ctrl+f"}, help: "one page down", run: by(pageful(1, 1))},
		{name: "page-up", keys: []string{"pgup", "ctrl+b"}, help: "one page up", run: by(pageful(-1, 1))},
		{name: "half-down", keys: []string{"ctrl+d"}, help: "half a page down", run: by(pageful(1, 2))},
		{name: "half-up", keys: []string{"ctrl+u"}, help: "half a page up", run: by(pageful(-1, 2))},
		{name: "first", keys: []string{"g", "home"}, help: "to the first line", run: by(one(-far))},
		{name: "last", keys: []string{"G", "end"}, help: "to the last line", run: by(one(far))},
		{name: "open", keys: []string{"enter", "l", "right"}, arg: "[ROW]", hint: true, help: "open what the cursor is on", run: (*Model).openRow},
		{name: "back", keys: []string{"esc", "h", "left", "backspace"}, help: "back; on a list, take the filter away", run: ask((*Model).back)},
		{name: "fleet", keys: []string{"1"}, help: "the repositories", run: ask(func(m *Model) tea.Cmd { return m.goTo(pageFleet) })},
		{name: "pipelines", keys: []string{"2"}, help: "the running scans, step by step", run: ask(func(m *Model) tea.Cmd { return m.goTo(pagePipelines) })},
		{name: "findings", keys: []string{"3"}, help: "the findings of all repositories, or of what was chosen", run: ask(func(m *Model) tea.Cmd { return m.goTo(pageFindings) })},
		{name: "evidence", keys: []string{"4"}, help: "what may ship, who says so, and why", run: ask(func(m *Model) tea.Cmd { return m.goTo(pageEvidence) })},
		{name: "waivers", keys: []string{"5"}, help: "accepted risks and when they end", run: ask(func(m *Model) tea.Cmd { return m.goTo(pageWaivers) })},
		{name: "next-page", keys: []string{"tab"}, help: "the next page", run: ask(func(m *Model) tea.Cmd { return m.goTo((m.page + 1) % pageCount) })},
		{name: "previous-page", keys: []string{"shift+tab"}, help: "the page before", run: ask(func(m *Model) tea.Cmd { return m.goTo((m.page + pageCount - 1) % pageCount) })},
	}
}

func looking() []command {
	return []command{
		{name: "filter", keys: []string{"/"}, arg: "WORDS", hint: true, help: "show only what fits, as you type; in a text: search", run: (*Model).filterBy},
		{name: "next-match", keys: []string{"n"}, help: "in a text: the next place that fits", run: do((*Model).nextMatch)},
		{name: "sort", keys: []string{"o"}, arg: "COLUMN", help: "order by the next column", run: (*Model).sortBy},
		{name: "reverse", keys: []string{"O"}, help: "the other way round", run: ask((*Model).reverse)},
		{name: "group", keys: []string{"b"}, arg: "BY", pages: []pageID{pageFindings}, help: "group by repository, severity, rule, check, path, package, weakness, or not", run: (*Model).groupBy},
		{name: "mark", keys: []string{" "}, help: "mark this row, or take the mark away", run: do((*Model).mark)},
		{name: "mark-all", keys: []string{"a"}, help: "mark everything that is shown", run: do((*Model).markAll)},
		{name: "unmark", keys: []string{"A"}, help: "take all marks away", run: do((*Model).unmark)},
		{name: "all", keys: []string{"*"}, pages: []pageID{pageFindings, pageEvidence}, help: "of all repositories again", run: ask((*Model).everything)},
		{name: "reload", keys: []string{"ctrl+r"}, help: "read again what is shown", run: ask((*Model).reload)},
	}
}

func acting() []command {
	return []command{
		{name: "scan", keys: []string{"s"}, pages: []pageID{pageFleet, pagePipelines}, hint: true, help: "scan the marked repositories, or this one (again)", run: ask((*Model).scan)},
		{name: "scan-all", keys: []string{"S"}, pages: []pageID{pageFleet}, help: "scan every repository that is shown", run: ask((*Model).scanAll)},
		{name: "show-findings", keys: []string{"f"}, pages: []pageID{pageFleet, pagePipelines}, hint: true, help: "the findings of the marked repositories, or of this one", run: ask((*Model).findingsOf)},
		{name: "show-evidence", keys: []string{"e"}, pages: []pageID{pageFleet, pagePipelines}, hint: true, help: "the evidence of this repository", run: ask((*Model).evidenceOf)},
		{name: "check-evidence", keys: []string{"v"}, pages: []pageID{pageFleet}, help: "verify the evidence of the marked repositories, or of this one", run: ask((*Model).attest)},
		{name: "cancel", keys: []string{"c"}, pages: []pageID{pagePipelines}, hint: true, help: "end this step, or this run", run: ask((*Model).cancel)},
		{name: "cancel-all", keys: []string{"C"}, pages: []pageID{pagePipelines}, help: "end every run", run: ask((*Model).cancelAll)},
		{name: "waive", keys: []string{"w"}, pages: []pageID{pageFindings}, hint: true, help: "accept the marked findings, or this one, for a while", run: ask((*Model).waive)},
		{name: "edit", keys: []string{"E"}, pages: []pageID{pageFindings}, help: "open the place in $EDITOR", run: ask((*Model).edit)},
		{name: "copy", keys: []string{"y"}, help: "copy as Markdown", run: ask((*Model).copy)},
		{name: "export", keys: []string{"x"}, arg: "FILE", pages: []pageID{pageFindings}, help: "write what the filter shows to a .md or .json file", run: (*Model).export},
		{name: "verify", keys: []string{"v"}, pages: []pageID{pageEvidence}, hint: true, help: "verify again, now", run: ask((*Model).verifyAgain)},
		{name: "raw", keys: []string{"="}, pages: []pageID{pageEvidence}, hint: true, help: "the statement of this link as it was signed", run: ask((*Model).raw)},
	}
}

func general() []command {
	return []command{
		{name: "palette", keys: []string{":"}, hint: true, help: "every command by name", run: do((*Model).palette)},
		{name: "help", keys: []string{"?", "f1"}, hint: true, help: "the keys, and what the page shows", run: do((*Model).help)},
		{name: "theme", keys: []string{"T"}, arg: "NAME", help: "the next theme: " + strings.Join(ThemeNames(), ", "), run: (*Model).useTheme},
		{name: "mouse", arg: "on|off", help: "let the terminal have the mouse, to mark text", run: (*Model).useMouse},
		{name: "suspend", keys: []string{"ctrl+z"}, help: "back to the shell for a while; scans go on when fg brings it back", run: ask(func(*Model) tea.Cmd { return tea.Suspend })},
		{name: "quit", keys: []string{"q"}, hint: true, help: "leave; scans that run are ended, what had finished is kept", run: ask((*Model).leave)},
	}
}

// named finds a command by name, or by the only one that begins so.
func (m *Model) named(name string) (*command, error) {
	var near []*command
	for i := range m.commands {
		c := &m.commands[i]
		if c.name == name {
			return c, nil
		}
		if strings.HasPrefix(c.name, name) && name != "" {
			near = append(near, c)
		}
	}
	switch len(near) {
	case 1:
		return near[0], nil
	case 0:
		return nil, fmt.Errorf("there is no command %q; help lists them", name)
	}
	var names []string
	for _, c := range near {
		names = append(names, c.name)
	}
	return nil, fmt.Errorf("%q may be %s", name, strings.Join(names, " or "))
}

// Do runs a line as the palette takes it: a command and what it is given.
func (m *Model) Do(text string) tea.Cmd {
	name, arg, _ := strings.Cut(strings.TrimSpace(text), " ")
	if name == "" {
		return nil
	}
	c, err := m.named(name)
	switch {
	case err != nil:
		m.fail(err)
		return nil
	case !c.fits(m):
		m.fail(fmt.Errorf("%s does not work on this page", c.name))
		return nil
	}
	return c.run(m, strings.TrimSpace(arg))
}
