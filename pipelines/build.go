package pipelines

import (
	"context"
	"io"
)

// Recipe says how one artifact is made: exactly one of Files, Image,
// Dockerfile and Container.
type Recipe struct {
	Name string
	// Root is the repository, as it is; Source is a directory with nothing but
	// the files of its inventory, for what builds.
	Root, Source string
	// Files are patterns below Root, of which none is in the directory Avoid.
	Files []string
	Avoid string
	// Image is a reference, or "file:PATH" or "dir:PATH"; a relative PATH is
	// below Root and does not lead out of it.
	Image string
	// Dockerfile and Context are relative to Source.
	Dockerfile, Context string
	Container           *ContainerRecipe
	// Invocation is different for every build, so that none is answered from
	// an earlier one.
	Invocation string
	// Log takes what commands say, which is nowhere else.
	Log io.Writer
}

// ContainerRecipe makes an artifact by commands, with the source at Workdir.
type ContainerRecipe struct {
	Image    string
	Commands [][]string
	Workdir  string
	// Output are patterns below Workdir.
	Output  []string
	Network bool
	Env     map[string]string
}

// The kinds of artifact.
const (
	KindFiles      = "files"
	KindImage      = "image"
	KindDockerfile = "dockerfile"
	KindContainer  = "container"
)

// Kind says which of them a recipe has.
func (r Recipe) Kind() string {
	switch {
	case r.Container != nil:
		return KindContainer
	case r.Dockerfile != "":
		return KindDockerfile
	case r.Image != "":
		return KindImage
	}
	return KindFiles
}

// Built is what is known of an artifact that was made.
type Built struct {
	// Engine is what made it, EngineVersion "" where that is vitalsign itself.
	Engine, EngineVersion string
	// Images are those that it was made from, or is.
	Images []Material
	// Network says that commands could open connections.
	Network bool
}

// Material is something that went into an artifact: an image reference, or a
// place below the repository. SHA256 is "" where nobody knows.
type Material struct{ Name, SHA256 string }

// Builder makes artifacts.
type Builder interface {
	// Build leaves the artifact's files, and nothing else, in the directory
	// outDir, which exists and is empty. The error says in words for the user
	// what went wrong, without the words of a command.
	Build(ctx context.Context, r Recipe, outDir string) (Built, error)
}
