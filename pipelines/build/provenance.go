package build

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/gather"
)

// Types of what is written down (in-toto Attestation Framework, Statement v1;
// SLSA v1.0, Provenance), and ours.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://slsa.dev/provenance/v1"
	// BuildType names the template of External and Internal: an artifact's
	// declaration in vitalsign.yaml, done by vitalsign build.
	BuildType = "https://github.com/vitalsign-dev/vitalsign/build/v1"
	// BuilderID is vitalsign on whatever machine: who ran it is for a signature
	// to say.
	BuilderID = "https://github.com/vitalsign-dev/vitalsign"
)

// Statement is an in-toto Statement v1 with a SLSA v1 provenance predicate. It
// is not signed, and proves nothing before it is.
type Statement struct {
	Type          string     `json:"_type"`
	Subject       []Resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     Provenance `json:"predicate"`
}

// Resource is a ResourceDescriptor (in-toto Attestation Framework v1): of a
// subject the name is its path in the output directory.
type Resource struct {
	Name        string            `json:"name,omitempty"`
	URI         string            `json:"uri,omitempty"`
	Digest      map[string]string `json:"digest,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Provenance is the predicate (SLSA v1.0, Provenance, "Schema").
type Provenance struct {
	BuildDefinition BuildDefinition `json:"buildDefinition"`
	RunDetails      RunDetails      `json:"runDetails"`
}

// BuildDefinition says what was asked for, and what went in.
type BuildDefinition struct {
	BuildType            string     `json:"buildType"`
	ExternalParameters   External   `json:"externalParameters"`
	InternalParameters   Internal   `json:"internalParameters"`
	ResolvedDependencies []Resource `json:"resolvedDependencies,omitempty"`
}

// External is an artifact's declaration as it stands in the configuration,
// with the names of variables and never their values.
type External struct {
	Artifact   string     `json:"artifact"`
	Kind       string     `json:"kind"`
	Files      []string   `json:"files,omitempty"`
	Image      string     `json:"image,omitempty"`
	Dockerfile string     `json:"dockerfile,omitempty"`
	Context    string     `json:"context,omitempty"`
	Commands   [][]string `json:"commands,omitempty"`
	Workdir    string     `json:"workdir,omitempty"`
	Output     []string   `json:"output,omitempty"`
	Network    bool       `json:"network,omitempty"`
	Env        []string   `json:"env,omitempty"`
}

// Internal is what vitalsign decided.
type Internal struct {
	// Made is "built", or "taken" where the files were there before: then
	// nothing is said of how they came about.
	Made          string `json:"made"`
	Engine        string `json:"engine"`
	EngineVersion string `json:"engineVersion,omitempty"`
	// Network says that the build could open connections.
	Network bool `json:"network"`
	// SourceRun and ResultRun are the scans of what went in and what came out.
	SourceRun string `json:"sourceRun"`
	ResultRun string `json:"resultRun"`
}

// The values of Internal.Made.
const (
	MadeBuilt = "built"
	MadeTaken = "taken"
)

// RunDetails says who did it, and when.
type RunDetails struct {
	Builder  BuilderRun `json:"builder"`
	Metadata Metadata   `json:"metadata"`
}

// BuilderRun is the builder; Version holds vitalsign's build id.
type BuilderRun struct {
	ID      string            `json:"id"`
	Version map[string]string `json:"version"`
}

// Metadata is of one build. Times are RFC 3339, UTC, in whole seconds.
type Metadata struct {
	InvocationID string `json:"invocationId"`
	StartedOn    string `json:"startedOn"`
	FinishedOn   string `json:"finishedOn"`
}

// NewStatement is about files below the directory prefix of the output.
func NewStatement(prefix string, files []gather.File, p Provenance) Statement {
	s := Statement{Type: StatementType, PredicateType: PredicateType, Predicate: p, Subject: []Resource{}}
	for _, f := range files {
		s.Subject = append(s.Subject, Resource{Name: prefix + "/" + f.Path, Digest: SHA256(f.SHA256)})
	}
	return s
}

// SHA256 is a DigestSet with one digest, in hex.
func SHA256(sum string) map[string]string { return map[string]string{"sha256": sum} }

// Time is the form of Metadata.
func Time(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// JSON is the document, indented and with a final newline. Text stays as it
// is: nobody reads this as HTML.
func (s Statement) JSON() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(s)
	return b.Bytes(), err
}
