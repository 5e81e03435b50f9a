package checks

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/vitalsign-dev/vitalsign/internal/sandbox"
)

// Tool is an external analyser that writes SARIF 2.1.0: what a preset or a
// trusted configuration says of it. Each tool is a check of its own, named
// after it.
type Tool struct {
	// Name is the check's name: nameForm of the configuration.
	Name  string `json:"name"`
	Title string `json:"title,omitempty"`
	// Image is where the program comes from in a container engine: a reference
	// by digest ("docker.io/x/y@sha256:..."), "file:PATH" of an OCI tarball, or
	// "dir:PATH" of a root filesystem. Empty means a program on this machine.
	Image string `json:"image,omitempty"`
	// Command is the program: a name that is looked up in the PATH of machine
	// or image, or an absolute path.
	Command string `json:"command"`
	// Args are its arguments. {target} stands for the directory to look at,
	// which is the working directory too, {report} for the file to write and
	// {files} for the directory of Files.
	Args []string `json:"args"`
	// Stdout says that the report comes on standard output and not in {report}.
	Stdout bool `json:"stdout,omitempty"`
	// VersionArgs make it print its version.
	VersionArgs []string `json:"version_args,omitempty"`
	// TimeoutMS bounds it, in milliseconds; 0 is the limit of every check.
	TimeoutMS int64 `json:"timeout_ms,omitempty"`
	// Network lets it open connections.
	Network bool `json:"network,omitempty"`
	// FindingsExit are the exit codes besides 0 that mean that it did its work
	// and found something. Any other code fails the step.
	FindingsExit []int `json:"findings_exit,omitempty"`
	// Claims are the files it is made for; without one of them in the target
	// it is not applicable.
	Claims []Claim `json:"claims"`
	// Canary is a file or more with hits that it must report.
	Canary Canary `json:"canary"`
	// Languages as in Description.
	Languages []string `json:"languages,omitempty"`
	// Env names variables with their values for the program. {target},
	// {report} and {files} are replaced in them as in Args.
	Env map[string]string `json:"env,omitempty"`
	// Files are laid into a directory of their own, for which {files} stands:
	// the tool's own settings and rules, so that nothing is fetched and the
	// target does not choose them. Names are base names; placeholders are
	// replaced in the contents too.
	Files map[string]string `json:"files,omitempty"`
	// Withhold are patterns (as Claim) of files by which a target could tell
	// the tool what not to see; the tool does not get them.
	Withhold []string `json:"withhold,omitempty"`
	// Secrets says that what the tool flags is a secret value itself, so that
	// the flagged text must not leave the child.
	Secrets bool `json:"secrets,omitempty"`
	// Place is a file of the target that stands for results about an address
	// (http, https) and not about a file.
	Place string `json:"place,omitempty"`
	// Install says in one line how to get it.
	Install string `json:"install,omitempty"`
}

// Forms of an image that need no registry: what a hospital without internet
// carries in.
const (
	ImageTarball = "file:" // an OCI image layout as a tar file, or docker save's
	ImageRootfs  = "dir:"  // a root filesystem
)

// ImagePlace gives the path of an image that is a place of this machine.
func ImagePlace(image string) (path string, ok bool) {
	for _, form := range []string{ImageTarball, ImageRootfs} {
		if path, ok := strings.CutPrefix(image, form); ok {
			return path, true
		}
	}
	return "", false
}

// ToolReport is the name under which a job's data carries a tool's report.
const ToolReport = "report"

// ToolRun is what is recorded of the program that ran.
type ToolRun struct {
	// Version is the first line of what it says of itself, "" when it does not.
	Version string `json:"version,omitempty"`
	// SHA256 is the digest of the program's file, in hex.
	SHA256 string `json:"sha256,omitempty"`
	// Image is the digest of the image or root filesystem, where it ran in one.
	Image string `json:"image,omitempty"`
	Exit  int    `json:"exit"`
	// Walls are those around the tool's own process; nil where its image's
	// engine brings others.
	Walls *sandbox.Report `json:"walls,omitempty"`
}

// Describe is the description of the check that the tool is. Its rules come
// with its report, so the rules digest is one over the declaration: whatever
// is changed in it makes another check of it.
func (t Tool) Describe() Description {
	title := t.Title
	if title == "" {
		title = t.Name + " (external, SARIF)"
	}
	return Description{
		Name: t.Name, Title: title, Version: "external", RulesDigest: t.digest(),
		Claims: t.Claims, Canary: t.Canary, Languages: t.Languages,
	}
}

func (t Tool) digest() string {
	b, err := json.Marshal(t)
	if err != nil {
		panic(fmt.Sprintf("a tool's declaration always encodes: %v", err)) // strings, numbers and lists
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
