package config

import (
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// Artifact is a part of a release: exactly one of Files, Image, Dockerfile and
// Container. Its paths and patterns are relative to the repository's root.
type Artifact struct {
	Name string
	// Files are patterns of files that are there.
	Files []string
	// Image is an image that is there: a reference, "file:PATH" or "dir:PATH".
	Image string
	// Dockerfile is built with Context, "." where nothing is said.
	Dockerfile, Context string
	// Container makes it.
	Container *Container
	Origin    Origin
}

// Container is what makes an artifact: commands one after the other in an
// image, with the repository as the working directory.
type Container struct {
	Image    string
	Commands [][]string
	// Workdir is where the repository lies in the container, "/src" where
	// nothing is said.
	Workdir string
	// Output are patterns of what was made, relative to Workdir.
	Output  []string
	Network bool
	// Env are variables with their values. Values are not for showing.
	Env map[string]string
}

const (
	blockArtifacts = "artifacts"
	blockImages    = "images"
	defaultWorkdir = "/src"
)

// artifactKinds are the fields of which an artifact has exactly one.
func artifactKinds() []string { return []string{"files", "image", "dockerfile", "container"} }

func artifactsBlock() block {
	var kinds []any
	for _, k := range artifactKinds() {
		kinds = append(kinds, map[string]any{"required": []string{k}})
	}
	return block{
		name: blockArtifacts, list: true,
		help: "What a release is made of: files or an image that are there, a Dockerfile, or commands in a container.",
		note: "A repository that has vitalsign build, or fetch an image, needs leave.",
		example: []string{`- {name: cli, files: ["dist/*"]}`, "- {name: portal, image: file:portal.tar}",
			"- {name: server, dockerfile: services/Dockerfile, context: services}",
			`- {name: tool, container: {image: file:golang.tar, commands: [["go", "build", "-o", "out/", "."]], output: ["out/*"]}}`},
		item: shape{kind: recordShape, whole: wholeArtifact,
			rules: map[string]any{"oneOf": kinds, "dependentRequired": map[string]any{"context": []string{"dockerfile"}}},
			fields: []field{
				{name: "name", help: "Its name.", shape: nameShape(), required: true},
				{name: "files", help: "Patterns of files that are there.", shape: patternsShape(false)},
				{name: "image", help: "An image that is there.", shape: imageShape()},
				{name: "dockerfile", help: "A Dockerfile to build.", shape: insideShape()},
				{name: "context", help: "The directory that the Dockerfile is built with (default: the root).", shape: insideShape()},
				{name: "container", help: "Commands in a container that make it.", shape: containerShape()},
			}},
	}
}

func containerShape() shape {
	commands := listShapeOf(argsShape(1), 1, maxParts, "a list of 1 to 50 commands, each a list of words such as [\"go\", \"build\"]")
	return shape{kind: recordShape, allowed: "image, commands, output, workdir, network and env", fields: []field{
		{name: "image", help: "The image that the commands run in.", shape: imageShape(), required: true},
		{name: "commands", help: "Commands, one after the other; none goes through a shell.", shape: commands, required: true},
		{name: "output", help: "Patterns of what was made, relative to workdir.", shape: patternsShape(false), required: true},
		{name: "workdir", help: "Where the repository lies in the container (default: " + defaultWorkdir + ").", shape: workdirShape()},
		{name: "network", help: "Whether commands may open connections (default: false).", shape: switchShape()},
		{name: "env", help: "Variables of their environment.", shape: envShape()},
	}}
}

func wholeArtifact(tree map[string]any) string {
	var has []string
	for _, k := range artifactKinds() {
		if _, said := tree[k]; said {
			has = append(has, k)
		}
	}
	if len(has) != 1 {
		found := "none of them"
		if len(has) > 1 {
			found = strings.Join(has, " and ")
		}
		return "has " + found + "; allowed: exactly one of " + strings.Join(artifactKinds(), ", ")
	}
	if tree["context"] != nil && has[0] != "dockerfile" {
		return "context is for a dockerfile, and it has " + has[0]
	}
	return ""
}

func artifactOf(name string, p part) Artifact {
	tree, _ := p.tree.(map[string]any)
	a := Artifact{
		Name: name, Files: textsOf(tree["files"]), Image: textOf(tree["image"]),
		Dockerfile: textOf(tree["dockerfile"]), Context: textOf(tree["context"]), Origin: p.origin,
	}
	if a.Dockerfile != "" && a.Context == "" {
		a.Context = "."
	}
	c, ok := tree["container"].(map[string]any)
	if !ok {
		return a
	}
	a.Container = &Container{
		Image: textOf(c["image"]), Workdir: textOf(c["workdir"]), Output: textsOf(c["output"]),
		Network: c["network"] == true, Env: tableOf(c["env"]),
	}
	if a.Container.Workdir == "" {
		a.Container.Workdir = defaultWorkdir
	}
	commands, _ := c["commands"].([]any)
	for _, words := range commands {
		a.Container.Commands = append(a.Container.Commands, textsOf(words))
	}
	return a
}

// needs says what of it makes vitalsign run or fetch something, or read a file
// that is not the repository's, and what a repository may do instead; "" when
// nothing is.
func (a Artifact) needs() (what, may string) {
	const build = "not have anything built"
	switch path, here := checks.ImagePlace(a.Image); {
	case a.Container != nil:
		return "runs commands in a container", build
	case a.Dockerfile != "":
		return "is built from a Dockerfile", build
	case a.Image == "":
		return "", ""
	case !here:
		return "names an image that is fetched", "only name its own files"
	case !inside(path):
		return "names a place outside of the repository", "only name its own files"
	}
	return "", ""
}

// images are the references of it.
func (a Artifact) images() []string {
	var images []string
	if a.Image != "" {
		images = append(images, a.Image)
	}
	if a.Container != nil {
		images = append(images, a.Container.Image)
	}
	return images
}

func imagesBlock() block {
	return block{
		name:    blockImages,
		help:    "Where the image of a preset comes from, by the preset's name; a file or directory needs no network.",
		note:    "A repository may not say it.",
		example: []string{"semgrep: file:semgrep.tar"},
		item:    imageShape(),
	}
}
