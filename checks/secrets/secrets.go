// Package secrets finds credentials with gitleaks's own rules and detector:
// the same findings as its command with --ignore-gitleaks-allow and its
// default decoding depth, over the files of a tree and, on request, over all
// history.
package secrets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"
	"github.com/zricethezav/gitleaks/v8/report"
	"github.com/zricethezav/gitleaks/v8/sources"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/child"
)

const (
	// version is gitleaks's, pinned in go.mod; a test holds the two together.
	version = "8.30.1"
	// decodeDepth is the default of the gitleaks command (--max-decode-depth).
	decodeDepth = 5
	// chunk is gitleaks's own buffer: its edges decide matches.
	chunk = 100 * 1000

	optionHistory = "history"
)

// Check is the secrets check. It is also the redactor of all checks.
type Check struct {
	config   config.Config
	detector *detector
}

// New builds the check from the rules that are built into gitleaks.
func New() (*Check, error) {
	// gitleaks logs what it finds and why it drops it; that must not reach
	// standard error. Its logger is a variable of its own package.
	logging.Logger = zerolog.Nop()
	base, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return nil, err
	}
	// A repository does not judge itself: gitleaks:allow does not count.
	d, err := newDetector(base.Config)
	if err != nil {
		return nil, err
	}
	return &Check{config: base.Config, detector: d}, nil
}

// Name implements child.Check.
func (*Check) Name() string { return "secrets" }

// Describe implements child.Check.
func (c *Check) Describe() checks.Description {
	sum := sha256.Sum256([]byte(config.DefaultConfig))
	return checks.Description{
		Name: c.Name(), Title: "Credentials in files and history (gitleaks)", Version: version,
		Rules: c.rules(), RulesDigest: hex.EncodeToString(sum[:]),
		Claims: []checks.Claim{{Pattern: "**"}}, Grain: checks.GrainFile, Closed: true,
		Needs:  []checks.Need{{Name: optionHistory, Command: "vitalsign scan --history", Optional: true}},
		Canary: canary(), Options: map[string]string{optionHistory: "also read every commit of every branch"},
	}
}

// canary is a key of the shape that the aws-access-token rule knows, in parts,
// with random-looking letters that were made up.
func canary() checks.Canary {
	return checks.Canary{
		Files: []checks.CanaryFile{{Path: "settings.ini", Parts: []string{"[upload]\nkey = ", "AKIA", "X3QZ7LW2", "NBVD5T4K", "\n"}}},
		Hits:  []checks.CanaryHit{{Path: "settings.ini", Rule: "aws-access-token"}},
	}
}

func (c *Check) rules() []checks.Rule {
	var rules []checks.Rule
	for _, r := range c.config.GetOrderedRules() {
		rules = append(rules, checks.Rule{
			ID: r.RuleID, Title: title(r), Severity: severity(r.RuleID),
			CWE: []string{"CWE-798"}, Class: checks.ClassOf("gitleaks", r.RuleID),
			References: []string{"https://cwe.mitre.org/data/definitions/798.html"},
			Advice:     "Revoke this credential where it was issued, then take it out of the file and load it from a secret store; deleting the line does not take it out of the history.",
		})
	}
	return rules
}

func title(r config.Rule) string {
	first, _, _ := strings.Cut(r.Description, ",")
	return strings.TrimSuffix(strings.TrimPrefix(first, "Found a "), ".")
}

// severity: gitleaks rates nothing. A credential of a named service is high; a
// private key or a cloud account's key opens everything at once; what only
// looks like a key by its name and entropy is medium; a public identifier low.
func severity(id string) checks.Severity {
	switch id {
	case "private-key", "aws-access-token", "gcp-api-key", "azure-ad-client-secret", "pkcs12-file", "age-secret-key":
		return checks.Critical
	case "generic-api-key", "curl-auth-header", "curl-auth-user", "jwt", "jwt-base64":
		return checks.Medium
	}
	return checks.High
}

// Run implements child.Check.
func (c *Check) Run(ctx context.Context, in child.Input, out *child.Sink) error {
	files := in.Tree.Claimed()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	next := 0
	take := func() (string, bool) {
		mu.Lock()
		defer mu.Unlock()
		if first != nil || next == len(files) || ctx.Err() != nil {
			return "", false
		}
		next++
		return files[next-1], true
	}
	for range max(1, in.Limits.Procs) {
		wg.Go(func() {
			buf := make([]byte, chunk)
			for p, ok := take(); ok; p, ok = take() {
				if err := c.file(ctx, in, out, p, buf); err != nil {
					mu.Lock()
					first = err
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if first != nil {
		return first
	}
	if path := in.Data[optionHistory]; path != "" && in.Options[optionHistory] == "true" {
		return c.history(ctx, path, out)
	}
	return ctx.Err()
}

// file scans one file the way gitleaks's own file source does.
func (c *Check) file(ctx context.Context, in child.Input, out *child.Sink, p string, buf []byte) error {
	if c.allowlisted(p) {
		out.Skip(p, checks.SkipAllowlisted, "path on gitleaks's allowlist")
		return nil
	}
	if limit := in.Limits.StreamBytes(); in.Tree.Size(p) > limit {
		out.Skip(p, checks.SkipTooLarge, "")
		return nil
	}
	r, err := in.Tree.Stream(p)
	if err != nil {
		in.Tree.SkipError(p, err)
		return nil
	}
	defer r.Close() // read only
	if in.Tree.Size(p) == 0 {
		_, err := r.Read(buf) // reaches the end, which is what accounts for it
		if err != nil && err != io.EOF {
			in.Tree.SkipError(p, err)
		}
		return nil
	}
	fragments, err := c.fragments(ctx, p, r, buf, func(f detect.Fragment) error {
		return c.report(ctx, in.Tree, out, f)
	})
	switch stop, ok := err.(stopError); {
	case ok:
		return stop.error
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		in.Tree.SkipError(p, err)
	case fragments == 0:
		out.Skip(p, checks.SkipBinary, "an archive or a binary by its first bytes")
	default:
		// gitleaks takes a short read for the end; a changed file shows here.
		if _, err := io.Copy(io.Discard, r); err != nil {
			in.Tree.SkipError(p, err)
		}
	}
	return nil
}

// fragments cuts a file as gitleaks's own file source does, and counts the
// pieces: none means that gitleaks does not look into this kind of file. An
// error of yield comes back as a stopError.
func (c *Check) fragments(ctx context.Context, p string, r io.Reader, buf []byte, yield func(detect.Fragment) error) (n int, err error) {
	if c.allowlisted(p) {
		return 0, nil
	}
	src := &sources.File{Content: r, Path: p, Buffer: buf, Config: &c.config}
	err = src.Fragments(ctx, func(f sources.Fragment, err error) error {
		if err != nil {
			return err
		}
		n++
		if err := yield(detect.Fragment(f)); err != nil {
			return stopError{err}
		}
		return nil
	})
	return n, err
}

func (c *Check) allowlisted(p string) bool {
	return slices.ContainsFunc(c.config.Allowlists, func(a *config.Allowlist) bool { return a.PathAllowed(p) })
}

// stopError carries an error of the sink through gitleaks's reader, apart from
// errors of the file.
type stopError struct{ error }

// report reports what gitleaks finds in one fragment.
func (c *Check) report(ctx context.Context, t *child.Tree, out *child.Sink, fragment detect.Fragment) error {
	found := c.detector.detect(ctx, fragment)
	var values []string
	for _, f := range found {
		values = append(values, f.Secret)
	}
	for _, f := range found {
		if err := out.Hit(hit(t, f, values)); err != nil {
			return err
		}
	}
	return nil
}

func hit(t *child.Tree, f report.Finding, fragment []string) child.Hit {
	h := child.Hit{
		Rule: f.RuleID, Confidence: "medium",
		Location: checks.Location{
			Path: f.File, StartLine: f.StartLine, StartColumn: f.StartColumn,
			EndLine: f.EndLine, EndColumn: f.EndColumn, Commit: f.Commit,
		},
		Message: strings.TrimSuffix(f.Description, "."), AllValues: true,
		Anchor: f.Secret, Text: strings.TrimPrefix(f.Line, "\n"), Hidden: decoded(f),
	}
	if f.Secret == "" {
		// A rule about the file itself (a key store). Its digest is a value
		// too: an unkeyed hash of a secret file would name it for ever.
		h.Anchor = f.RuleID + ":" + t.Digest(f.File)
		h.Values = []string{t.Digest(f.File)}
		h.Message += ": " + f.File
		return h
	}
	h.Values = []string{f.Secret}
	for _, v := range fragment {
		if v != f.Secret && strings.Contains(h.Text, v) {
			h.Values = append(h.Values, v)
		}
	}
	return h
}

func decoded(f report.Finding) bool {
	return slices.ContainsFunc(f.Tags, func(t string) bool { return strings.HasPrefix(t, "decoded:") })
}

// Values implements child.Redactor: every credential that the rules see in
// text. Where one was found encoded, its whole line is a value.
func (c *Check) Values(ctx context.Context, _, text string) []string {
	var values []string
	for _, f := range c.detector.detect(ctx, detect.Fragment{Raw: text}) {
		values = append(values, f.Secret)
		if decoded(f) {
			values = append(values, strings.TrimSpace(f.Line))
		}
	}
	return values
}
