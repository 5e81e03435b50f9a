// Package deps finds dependencies with known vulnerabilities: it reads lock
// files and manifests with osv-scalibr's own readers, and matches what they
// name against OSV advisories on disk by the algorithm of the OSV schema.
//
// What cannot be judged is said: an ecosystem without data makes the step
// missing, a manifest without a lock file, a version that is not pinned and a
// format that no reader knows are named as unread.
package deps

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/osv-scalibr/extractor/filesystem"
	scalibrlog "github.com/google/osv-scalibr/log"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
	"github.com/vitalsign-dev/vitalsign/internal/osvdb"
)

const (
	// version is osv-scalibr's, pinned in go.mod; a test holds the two together.
	version = "0.5.3-0.20260814002154-23fa66ca68dd"
	// needOSV is the name of the advisory data in a job.
	needOSV = "osv"
	// updateCommand brings it.
	updateCommand = "vitalsign db update"
)

// Check is the deps check.
type Check struct {
	extractors []filesystem.Extractor
	canary     []osvdb.Advisory
}

// New builds the check from scalibr's readers.
func New() (*Check, error) {
	// scalibr logs what it reads and why it stops; names from a hostile tree
	// must not reach standard error. Its logger is a variable of its own package.
	scalibrlog.SetLogger(silent{})
	all, err := extractors()
	if err != nil {
		return nil, err
	}
	canary, err := canaryAdvisories()
	if err != nil {
		return nil, err
	}
	return &Check{extractors: all, canary: canary}, nil
}

// Name implements child.Check.
func (*Check) Name() string { return "deps" }

// Describe implements child.Check. The rules are the advisories, which come
// with the data; the rules digest covers what reads the lock files.
func (c *Check) Describe() checks.Description {
	h := sha256.New()
	fmt.Fprintf(h, "vitalsign/deps/1\nscalibr %s\n", version)
	for _, e := range c.extractors {
		fmt.Fprintf(h, "%s %d\n", e.Name(), e.Version())
	}
	return checks.Description{
		Name: c.Name(), Title: "Dependencies with known vulnerabilities (OSV)", Version: version,
		RulesDigest: hex.EncodeToString(h.Sum(nil)), Claims: claims(),
		// Optional, because the check itself names the ecosystems that lack data.
		Needs:  []checks.Need{{Name: needOSV, Command: updateCommand, Optional: true}},
		Canary: canary(), Components: true,
	}
}

// Run implements child.Check.
func (c *Check) Run(ctx context.Context, in child.Input, out *child.Sink) error {
	var reader *osvdb.Reader
	if dir := in.Data[needOSV]; dir != "" {
		var err error
		if reader, err = osvdb.Open(dir); err != nil {
			return dataError(err)
		}
	}
	r := reading{check: c, tree: in.Tree, notes: newNotes()}
	for _, p := range in.Tree.Claimed() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.file(ctx, p); err != nil {
			return err
		}
	}
	if err := out.Components(r.components); err != nil {
		return err
	}
	m := newMatcher(r.notes)
	m.canary(r.found, c.canary)
	var missing []checks.MissingData
	for _, eco := range ecosystems(r.found) {
		ofEco := of(r.found, eco)
		if reader == nil || !reader.Has(eco) {
			missing = append(missing, checks.MissingData{What: eco, Count: len(ofEco)})
		} else if err := m.ecosystem(ctx, reader, eco, ofEco); err != nil {
			return dataError(err)
		}
	}
	if err := reportMissing(missing, out); err != nil {
		return err
	}
	if err := m.report(ctx, in.Tree, out); err != nil {
		return err
	}
	if err := r.notes.report(out); err != nil {
		return err
	}
	// A requirements file may name another that is not called like one.
	return out.Part(checks.Part{Uses: in.Tree.Asked()})
}

// reportMissing names every ecosystem without data, and with each the one
// command that brings all of them.
func reportMissing(missing []checks.MissingData, out *child.Sink) error {
	command := updateCommand
	for _, m := range missing {
		command += " " + m.What
	}
	for _, m := range missing {
		m.Command = command
		if err := out.Missing(m); err != nil {
			return err
		}
	}
	return nil
}

// dataError says what to do about data that cannot be used.
func dataError(err error) error {
	if errors.Is(err, osvdb.ErrCorrupt) || errors.Is(err, osvdb.ErrNoData) {
		return fmt.Errorf("%w; get it again with %s", err, updateCommand)
	}
	return err
}

// ecosystems lists those of the target's own packages.
func ecosystems(found []dependency) []string {
	set := map[string]bool{}
	for _, d := range found {
		if !d.canary {
			set[d.ecosystem] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func of(found []dependency, eco string) []dependency {
	return slices.DeleteFunc(slices.Clone(found), func(d dependency) bool { return d.canary || d.ecosystem != eco })
}

// silent is a logger that says nothing.
type silent struct{}

func (silent) Errorf(string, ...any) {}
func (silent) Error(...any)          {}
func (silent) Warnf(string, ...any)  {}
func (silent) Warn(...any)           {}
func (silent) Infof(string, ...any)  {}
func (silent) Info(...any)           {}
func (silent) Debugf(string, ...any) {}
func (silent) Debug(...any)          {}

// The canary is a Go module whose name cannot exist (RFC 2606 section 2
// reserves .invalid), with an advisory of its own. It goes through the same
// reader and the same matching as everything else, with or without data.
const (
	canaryModule = "vitalsign-canary.invalid/module"
	canaryID     = "VITALSIGN-CANARY-1"
	canaryRecord = `{"schema_version":"1.7.0","id":"` + canaryID + `","modified":"2026-01-01T00:00:00Z",
"summary":"Proves that lock files are read and advisories matched","affected":[{"package":{"ecosystem":"Go","name":"` + canaryModule + `"},
"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.5.0"}]}]}]}`
)

func canary() checks.Canary {
	return checks.Canary{
		Files: []checks.CanaryFile{{Path: "go.mod", Parts: []string{"module canary\n\nrequire ", canaryModule, " v1.4.2\n"}}},
		Hits:  []checks.CanaryHit{{Path: "go.mod", Rule: canaryID}},
	}
}

func canaryAdvisories() ([]osvdb.Advisory, error) {
	r, err := osvdb.ParseRecord([]byte(strings.ReplaceAll(canaryRecord, "\n", "")))
	if err != nil {
		return nil, err
	}
	return slices.Collect(maps.Values(r.Packages)), nil
}
