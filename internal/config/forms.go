package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/misspell"
)

// Bounds of what a block may hold.
const (
	maxParts    = 50 // entries of a block, of the steps of a build, of a table
	maxArgs     = 200
	maxArg      = 4096 // characters
	maxImage    = 1024 // characters
	maxPath     = 1024 // characters
	maxExitCode = 255
	maxEngine   = 4096 // characters
)

// The forms of the blocks as regular expressions; the JSON Schema says the
// same ones.
const (
	// A name for the PATH, or an absolute path. A relative path would be a
	// program of the scanned tree.
	commandForm = `^(?:/.*|[A-Za-z]:[\\/].*|[^/\\]+)$`
	envForm     = `^[A-Za-z_][A-Za-z0-9_]{0,127}$`
	// A place of this machine, or the grammar of distribution/reference:
	// HOST:PORT/PATH:TAG@DIGEST.
	placeForm     = `^(?:file|dir):.`
	referenceForm = `^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,250}[A-Za-z0-9])?(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*` +
		`(?::[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`
	// A path below the repository's root with / between directories; that no
	// part of it is .. is asked beside it.
	insideForm  = `^[^/\\:][^\\:]*$`
	aboveForm   = `(?:^|/)\.\.(?:/|$)`  // a part of a path that is ..
	dotForm     = `(?:^|/)\.\.?(?:/|$)` // a part that is . or ..
	workdirForm = `^/[^:]*$`
	// Addresses as Dagger's runner host has them, loosely, and without a
	// password, which a report would show. , separates them.
	engineWord    = `[!-+.-?A-~-]+`
	engineAddress = `(?:unix:///` + engineWord + `|tcp://` + engineWord + `:[0-9]{1,5}|ssh://(?:[A-Za-z0-9._-]{1,64}@)?` + engineWord +
		`|(?:docker|podman|nerdctl|container|image|kube)[a-z+-]{0,24}://` + engineWord + `(?:@sha256:[0-9a-f]{64})?)`
	engineForm = `^(?:auto|local|dagger(?:=` + engineAddress + `(?:,` + engineAddress + `)*)?)$`
)

var (
	commandRE   = regexp.MustCompile(commandForm)
	envRE       = regexp.MustCompile(envForm)
	referenceRE = regexp.MustCompile(referenceForm)
	insideRE    = regexp.MustCompile(insideForm)
	workdirRE   = regexp.MustCompile(workdirForm)
	engineRE    = regexp.MustCompile(engineForm)
)

const (
	allowedImage = "an image by digest (docker.io/x/y@sha256:...), file:PATH of an OCI tarball, or dir:PATH of a root filesystem"
	allowedName  = "a name of at most 40 lower-case letters, digits and -, a letter first"
)

// wrongText is what is wrong with text for a program: it is bounded, and holds
// nothing that no terminal shows, least of all a NUL.
func wrongText(text string, most int) string {
	switch {
	case utf8.RuneCountInString(text) > most:
		return fmt.Sprintf("is longer than %d characters", most)
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }):
		return "has a character that does not print"
	}
	return ""
}

// wrongLine is wrongText for what is shown in a line.
func wrongLine(text string, most int) string {
	if strings.ContainsAny(text, "\n\t") {
		return "has a character that does not print"
	}
	return wrongText(text, most)
}

func argsShape(least int) shape {
	arg := textShape("text of at most "+strconv.Itoa(maxArg)+" characters",
		func(text string) string { return wrongText(text, maxArg) }, map[string]any{"maxLength": maxArg})
	return listShapeOf(arg, least, maxArgs, fmt.Sprintf("a list of %d to %d words, each of at most %d characters", least, maxArgs, maxArg))
}

func commandShape() shape {
	const allowed = "the name of a program in the PATH, or its absolute path"
	return textShape(allowed, func(text string) string {
		if !commandRE.MatchString(text) {
			return "is not allowed; allowed: " + allowed
		}
		return wrongLine(text, maxPath)
	}, map[string]any{"pattern": commandForm, "maxLength": maxPath})
}

func imageShape() shape {
	return textShape(allowedImage, func(text string) string {
		if path, ok := checks.ImagePlace(text); ok && path != "" {
			return wrongLine(text, maxImage)
		}
		return unless(referenceRE.MatchString(text) && len(text) <= maxImage, allowedImage)
	}, map[string]any{"maxLength": maxImage, "anyOf": []any{
		map[string]any{"pattern": placeForm}, map[string]any{"pattern": referenceForm},
	}})
}

// pinned says that an image is always the same one: by its digest, or because
// it is a file of this machine.
func pinned(image string) bool {
	_, here := checks.ImagePlace(image)
	return here || strings.Contains(image, "@sha256:")
}

// inside says that a path stays below the directory that it starts from, on
// any system.
func inside(path string) bool {
	if !insideRE.MatchString(path) {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == ".." {
			return false
		}
	}
	return true
}

func insideShape() shape {
	const allowed = "a path inside of the repository, relative to its root, with / between directories"
	return textShape(allowed, func(text string) string {
		if !inside(text) {
			return "is not allowed; allowed: " + allowed
		}
		return wrongLine(text, maxPath)
	}, map[string]any{"pattern": insideForm, "not": map[string]any{"pattern": aboveForm}, "maxLength": maxPath})
}

func workdirShape() shape {
	const allowed = "an absolute path in the container"
	return textShape(allowed, func(text string) string {
		if !workdirRE.MatchString(text) {
			return "is not allowed; allowed: " + allowed
		}
		return wrongLine(text, maxPath)
	}, map[string]any{"pattern": workdirForm, "maxLength": maxPath})
}

func nameShape() shape {
	return textShape(allowedName, func(text string) string { return unless(nameRE.MatchString(text), allowedName) },
		map[string]any{"pattern": nameForm})
}

func choiceShape(words ...string) shape {
	return textShape(oneOf(words), func(text string) string {
		for _, w := range words {
			if w == text {
				return ""
			}
		}
		return "is not allowed; allowed: " + oneOf(words) + misspell.Hint(text, words)
	}, map[string]any{"enum": words})
}

func envShape() shape {
	value := textShape("text of at most "+strconv.Itoa(maxArg)+" characters",
		func(text string) string { return wrongText(text, maxArg) }, map[string]any{"maxLength": maxArg})
	return shape{kind: tableShape, item: &value, keys: envRE, most: maxParts,
		allowed: "at most " + strconv.Itoa(maxParts) + " names of variables (letters, digits and _), each with its value as text"}
}
