package config

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// External is a tool that writes SARIF 2.1.0; it is a check of its own. What
// is not said (zero values, nil) is what the preset says.
type External struct {
	// Name is the check's name.
	Name string
	// Preset is the preset that the rest is laid over: the one that was named,
	// else the one of the same Name; "" for a tool with a command of its own.
	Preset string
	// Image is where the program comes from: a reference, "file:PATH" of an OCI
	// tarball or "dir:PATH" of a root filesystem.
	Image string
	// Command is a name for the PATH, or an absolute path.
	Command string
	// Args are its arguments, in which {target} and {report} stand for
	// directory and file; nil where nothing is said, empty for none.
	Args []string
	// Stdout says that the report comes on standard output, or that it does not.
	Stdout *bool
	// Timeout bounds it. One of a repository is never above the limit of every
	// check.
	Timeout time.Duration
	Network *bool
	// FindingsExit are exit codes besides 0 of a run that did its work; nil
	// where nothing is said.
	FindingsExit []int
	// Files are the patterns of what it is made for, in lower case. A tool of
	// its own has ["**"] where nothing is said.
	Files []string
	// Env are variables with their values. Values are not for showing.
	Env map[string]string
	// Origin is where the tool was named. Who said it decides what it may say
	// (Settings.Refused).
	Origin Origin
}

const (
	outputReport  = "report"
	outputStdout  = "stdout"
	reportMark    = "{report}"
	blockExternal = "external"
)

func externalBlock() block {
	return block{
		name: blockExternal,
		help: "External tools that write SARIF 2.1.0. Each is a check of its own, and runs a preset, or a command.",
		note: "A repository may only name presets (with timeout, files and network: false).",
		example: []string{"bandit: {}", "semgrep: {timeout: 5m}",
			`house-lint: {command: lint, args: ["--sarif", "{report}", "{target}"], findings_exit: [1], files: ["**/*.py"]}`},
		item: shape{kind: recordShape, bare: true, whole: wholeExternal, rules: reportRule(), fields: []field{
			{name: "preset", help: "Preset that the rest is laid over (default: the one of the tool's name).", shape: nameShape()},
			{name: "image", help: "Where the program comes from; without it, it is one of this machine.", shape: imageShape()},
			{name: "command", help: "The program, in the image or on this machine.", shape: commandShape()},
			{name: "args", help: "Its arguments; {target} is the directory to look at, {report} the file to write.", shape: argsShape(0)},
			{name: "output", help: "Whether the report is the file {report} or what comes on standard output.", shape: choiceShape(outputReport, outputStdout)},
			{name: "timeout", help: "Time that it may take; in a repository no more than limits.check_timeout.", shape: durationShape()},
			{name: "network", help: "Whether it may open connections.", shape: switchShape()},
			{name: "findings_exit", help: "Exit codes besides 0 with which it says that it found something.", shape: exitCodesShape()},
			{name: "files", help: "Files that it is made for; without one of them it is not applicable.", shape: patternsShape(true)},
			{name: "env", help: "Variables of its environment.", shape: envShape()},
		}},
	}
}

// reportRule is wholeExternal in the words of JSON Schema.
func reportRule() map[string]any {
	said := func(name string) map[string]any { return map[string]any{"required": []string{name}} }
	stdout := said("output")
	stdout["properties"] = map[string]any{"output": map[string]any{"const": outputStdout}}
	args := said("args")
	args["properties"] = map[string]any{"args": map[string]any{"contains": map[string]any{"type": "string", "pattern": regexp.QuoteMeta(reportMark)}}}
	command := said("command")
	command["not"] = map[string]any{"anyOf": []any{said("preset"), stdout}}
	return map[string]any{"if": command, "then": args}
}

func exitCodesShape() shape {
	s := listShapeOf(countShape(1, maxExitCode), 0, maxParts, "a list of exit codes from 1 to 255")
	s.unordered = true
	return s
}

// wholeExternal finds out in time that a tool's report would not be found.
func wholeExternal(tree map[string]any) string {
	if tree["command"] == nil || tree["preset"] != nil || tree["output"] == outputStdout {
		return ""
	}
	if slices.ContainsFunc(textsOf(tree["args"]), func(a string) bool { return strings.Contains(a, reportMark) }) {
		return ""
	}
	return "no argument has " + reportMark + ", the file to write the report to; say it, or output: " + outputStdout
}

func externalOf(name string, p part) External {
	tree, _ := p.tree.(map[string]any)
	e := External{
		Name: name, Preset: textOf(tree["preset"]), Image: textOf(tree["image"]), Command: textOf(tree["command"]),
		Args: textsOf(tree["args"]), Network: switchOf(tree["network"]), Files: textsOf(tree["files"]),
		Env: tableOf(tree["env"]), Origin: p.origin,
	}
	if e.Preset == "" && e.Command == "" {
		e.Preset = name
	}
	if e.Preset == "" && e.Files == nil {
		e.Files = []string{"**"}
	}
	if output := textOf(tree["output"]); output != "" {
		stdout := output == outputStdout
		e.Stdout = &stdout
	}
	if v, ok := parseDuration(textOf(tree["timeout"])); ok {
		e.Timeout = time.Duration(v.n)
	}
	if codes, ok := tree["findings_exit"].([]any); ok {
		e.FindingsExit = []int{}
		for _, c := range codes {
			n, _ := c.(int64)
			e.FindingsExit = append(e.FindingsExit, int(n))
		}
	}
	return e
}

// needs says what of it is more than naming a preset; "" when nothing is.
func (e External) needs() string {
	switch {
	case e.Command != "":
		return "names a command"
	case e.Image != "":
		return "names an image"
	case e.Args != nil:
		return "sets arguments"
	case e.Env != nil:
		return "sets the environment"
	case e.Network != nil && *e.Network:
		return "asks for the network"
	case e.Stdout != nil:
		return "sets the output"
	case e.FindingsExit != nil:
		return "sets exit codes"
	}
	return ""
}

// textOf and those below it read a tree; what is not there is zero.
func textOf(v any) string {
	s, _ := v.(string)
	return s
}

func textsOf(v any) []string {
	list, ok := v.([]any)
	if !ok {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, e := range list {
		out = append(out, textOf(e))
	}
	return out
}

func tableOf(v any) map[string]string {
	tree, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	out := map[string]string{}
	for name, e := range tree {
		out[name] = textOf(e)
	}
	return out
}

func switchOf(v any) *bool {
	b, ok := v.(bool)
	if !ok {
		return nil
	}
	return &b
}
