// Package config says how a scan is to be done, and who said so: defaults, the
// user's file, the repository's file, the environment and flags, in that order
// of growing weight, with the one exception that a repository can tighten but
// never loosen what the user, the environment or a flag asked for.
package config

import (
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// EvidenceDefault is the user's state directory.
const EvidenceDefault = "default"

// Settings are the choices of one scan, resolved.
type Settings struct {
	// FailOn is the lowest severity that fails the gate; UnratedAs is what a
	// finding without severity counts as.
	FailOn, UnratedAs checks.Severity
	// NewOnly lets only findings fail that the baseline does not have.
	NewOnly bool
	// Skip names checks that are not asked.
	Skip []string
	// History has secrets read every commit.
	History bool
	Limits  checks.Limits
	// MaxDataAge is how old advisory data may be; zero switches the question
	// off, which the verdict says.
	MaxDataAge time.Duration
	// Paths gives files a role by pattern (doublestar): "generated",
	// "vendored" or "test" to patterns.
	Paths map[string][]string
	// InlineMaxSeverity and InlineMaxDays bound inline ignores.
	InlineMaxSeverity checks.Severity
	InlineMaxDays     int
	// RequireSandbox fails a step whose child is not fully walled in.
	RequireSandbox bool
	// Parallel is how many children run at once; 0 means one a processor.
	Parallel int
	// CacheSize bounds the answers that are kept for later scans, in bytes; 0
	// keeps none.
	CacheSize int64
	// Engine is where checks and builds run.
	Engine Engine
	// Evidence is where signed evidence is kept (see attest/archive), or
	// EvidenceDefault.
	Evidence string
	// AllowExec names what a repository may choose the commands, images and
	// builds of; AllowUnpinned takes images without a digest.
	AllowExec     []string
	AllowUnpinned bool
	// Projects are directories with a gate of their own, sorted by path.
	Projects []Project
	// External are the tools, sorted by name; Images says where presets' images
	// come from, by name; Artifacts are what a release is made of, sorted by
	// name. Nothing of them may be used that Refused names.
	External     []External
	Images       map[string]string
	ImageOrigins map[string]Origin
	Artifacts    []Artifact
	// Dast is the running application to look at.
	Dast Dast
}

// Defaults are what holds when nobody says anything.
func Defaults() Settings {
	return Settings{
		FailOn: checks.High, UnratedAs: checks.High, Limits: checks.DefaultLimits(),
		MaxDataAge:        14 * 24 * time.Hour,
		InlineMaxSeverity: checks.Low, InlineMaxDays: 90,
		Engine:   Engine{Kind: EngineAuto},
		Evidence: EvidenceDefault, CacheSize: 1 << 30,
	}
}
