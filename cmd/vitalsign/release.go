package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/pipelines/build"
)

// maxRelease bounds a release file, in bytes.
const maxRelease = 16 << 20

// releaseFile is a list of artifacts in YAML.
type releaseFile struct {
	Release   string   `yaml:"release"`
	Artifacts []string `yaml:"artifacts"`
}

// releaseSubjects reads a release file: YAML with artifacts (subjects as on the
// command line, paths relative to the file), or what sha256sum writes. There a
// file that is beside the list must have the digest that the list says; one
// that is not there is asked about by its digest.
func (a *app) releaseSubjects(ctx context.Context, name string) ([]chain.Subject, error) {
	b, err := readFile(name, maxRelease)
	if err != nil {
		return nil, usageError("--release: %w", err)
	}
	dir := filepath.Dir(name)
	if sums, err := build.ParseSums(b); err == nil && len(sums) > 0 {
		return a.sumSubjects(ctx, dir, sums)
	}
	var f releaseFile
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, usageError("--release: %s is neither a list of SHA-256 sums nor YAML with artifacts: %w", name, err)
	}
	if len(f.Artifacts) == 0 {
		return nil, usageError("--release: %s lists no artifact", name)
	}
	var out []chain.Subject
	for _, item := range f.Artifacts {
		if !isNamed(item) {
			item = filepath.Join(dir, filepath.FromSlash(item))
		}
		s, err := a.subject(ctx, item)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// isNamed says whether a subject is not a path.
func isNamed(subject string) bool {
	kind, _, ok := strings.Cut(subject, ":")
	return ok && slices.Contains([]string{"image", "commit", attest.SHA256}, kind)
}

func (a *app) sumSubjects(ctx context.Context, dir string, sums map[string]string) ([]chain.Subject, error) {
	var out []chain.Subject
	for _, name := range sortedNames(sums) {
		if strings.HasSuffix(name, ".provenance.json") || strings.HasSuffix(name, attest.BundleSuffix) {
			continue // what is said of artifacts is no artifact
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if !fileExists(path) {
			out = append(out, chain.Subject{Kind: "digest", Name: name, Digests: map[string]string{attest.SHA256: sums[name]}})
			continue
		}
		s, err := a.subject(ctx, path)
		if err != nil {
			return nil, err
		}
		if s.Digests[attest.SHA256] != sums[name] {
			return nil, exitError{4, errors.New(path + " is not the file that the list names: its SHA-256 is another")}
		}
		out = append(out, s)
	}
	return out, nil
}
