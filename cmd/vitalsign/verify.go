package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/archive"
	"github.com/vitalsign-dev/vitalsign/attest/image"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/report"
	"github.com/vitalsign-dev/vitalsign/internal/version"
)

// verifyFlags are what the command line says about a verification.
type verifyFlags struct {
	policy, format, at, release, project string
	proof                                string
	bundles                              []string
	key, trustedRoot                     string
	identity, identityRegexp             string
	issuer, issuerRegexp                 string
}

func (a *app) verifyCommand() *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use: "verify SUBJECT ...", Short: "Say whether something may ship, who says so, and why; offline",
		Long: "Walks from an artifact to the statement of what it was built from, to the bill of health\n" +
			"of that commit or tree, to its findings and waivers, and judges them by your policy.\n" +
			"Opens no connection. Every link says what was checked and by whom it was said.\n\n" + subjectHelp +
			"\nWith --key or --certificate-identity and no policy, the answer is about one signature\n" +
			"only, on any Sigstore bundle, as with cosign verify-blob.\n\n" + exitHelp(),
		Example: "  vitalsign verify dist/app.tar.gz --policy policy.yaml --bundle evidence/\n" +
			"  vitalsign verify commit:HEAD --policy policy.yaml\n" +
			"  vitalsign verify --release SHA256SUMS --policy policy.yaml --bundle evidence/\n" +
			"  vitalsign verify app.tar.gz --bundle app.tar.gz.sigstore.json --key cosign.pub\n" +
			"  vitalsign verify app.tar.gz --policy policy.yaml --at 2026-03-01T12:00:00Z",
		RunE: func(cmd *cobra.Command, args []string) error { return a.verify(cmd, args, f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.policy, "policy", "", "policy that decides (default: VITALSIGN_POLICY, the user's, else the repository's if it is signed)")
	fl.StringArrayVar(&f.bundles, "bundle", nil, "bundle file or directory of evidence (repeatable; default: where scan --sign keeps it, and beside the subject)")
	fl.StringVarP(&f.format, "format", "f", "table", "what to print: table, json, sarif")
	fl.StringVar(&f.at, "at", "", "judge by what is proven to have existed at this time (RFC 3339); today's answer is given beside it")
	fl.StringVar(&f.release, "release", "", "file that lists many artifacts: SHA256SUMS, or YAML with artifacts")
	fl.StringVar(&f.proof, "proof", "", "with finding:FINGERPRINT: the proof that vitalsign attest prove made")
	fl.StringVar(&f.project, "project", "", "project of the repository whose bill counts")
	fl.StringVar(&f.key, "key", "", "public key (PEM) or key management service: one signature only, no policy")
	fl.StringVar(&f.trustedRoot, "trusted-root", "", "Sigstore trusted root (JSON); "+attest.PublicGood+" is built in, as of "+attest.PublicGoodDate)
	fl.StringVar(&f.identity, "certificate-identity", "", "subject of the signer's certificate")
	fl.StringVar(&f.identityRegexp, "certificate-identity-regexp", "", "the same as a pattern, which must match whole")
	fl.StringVar(&f.issuer, "certificate-oidc-issuer", "", "issuer in the signer's certificate")
	fl.StringVar(&f.issuerRegexp, "certificate-oidc-issuer-regexp", "", "the same as a pattern, which must match whole")
	return c
}

func (a *app) verify(cmd *cobra.Command, args []string, f verifyFlags) error {
	if err := oneOfFormats(f.format, "table", "json", "sarif"); err != nil {
		return err
	}
	if f.policy != "" && (f.named() || f.trustedRoot != "") {
		return usageError("--policy says whose word counts and by which root, so --key, --certificate-... and --trusted-root do not go with it")
	}
	if len(args) == 1 && strings.HasPrefix(args[0], findingSubject) {
		return a.verifyProof(cmd, args[0], f)
	}
	subjects, err := a.subjects(cmd.Context(), args, f.release)
	if err != nil {
		return err
	}
	at, released, err := a.judgedTime(f.at)
	if err != nil {
		return err
	}
	if f.bare() {
		return a.verifySignatures(cmd, subjects, f)
	}
	return a.verifyChain(cmd, subjects, f, at, released)
}

// judgedTime is the time that is asked about.
func (a *app) judgedTime(text string) (at time.Time, released bool, err error) {
	if text == "" {
		return a.now(), false, nil
	}
	at, err = time.Parse(time.RFC3339, text)
	if err != nil {
		return at, false, usageError("--at: %q is no time, e.g. 2026-03-01T12:00:00Z", text)
	}
	if at.After(a.now()) {
		return at, false, usageError("--at: %s is in the future", text)
	}
	return at, true, nil
}

// subjects are those named, and those of a release file.
func (a *app) subjects(ctx context.Context, args []string, release string) ([]chain.Subject, error) {
	var out []chain.Subject
	if release != "" {
		listed, err := a.releaseSubjects(ctx, release)
		if err != nil {
			return nil, err
		}
		out = append(out, listed...)
	}
	for _, name := range args {
		s, err := a.subject(ctx, name)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, usageError("nothing to verify: name a subject, or --release FILE")
	}
	return out, nil
}

// errNoPolicy says that there is nothing to verify by.
var errNoPolicy = errors.New("nobody is believed without a policy: give --policy FILE (vitalsign policy init writes one)")

// verifyChain answers for every subject under the policy.
func (a *app) verifyChain(cmd *cobra.Command, subjects []chain.Subject, f verifyFlags, at time.Time, released bool) error {
	found, err := a.policyHere(cmd.Context(), ".", f.policy)
	if err != nil {
		return err
	}
	if found.policy == nil && found.refused == nil {
		return usageError("%w, or --key for a question about one signature", errNoPolicy)
	}
	debug.SetGCPercent(400) // a verification is over before collecting pays
	kept, err := a.evidence(cmd, ".", f.bundles)
	if err != nil {
		return exitError{judge.ExitNotVerified, fmt.Errorf("the evidence: %w", err)}
	}
	d, err := a.decide(cmd.Context(), kept, found, subjects, chain.Question{Project: f.project, At: at, Released: released})
	if err != nil {
		return err
	}
	a.code = d.Verdict.Exit
	d.ID = a.keepDecision(d)
	return a.writeDecision(cmd, d, f.format)
}

// decide answers for every subject, with the evidence that is at hand and lies
// beside it. q says what is asked, but of whom.
func (a *app) decide(ctx context.Context, kept *gathered, found foundPolicy, subjects []chain.Subject, q chain.Question) (report.Decision, error) {
	d := report.Decision{Schema: report.DecisionSchemaID, Answers: []report.Answer{}}
	var exits []int
	for _, s := range subjects {
		e, err := kept.with(s)
		if err != nil {
			return d, exitError{judge.ExitNotVerified, fmt.Errorf("the evidence: %w", err)}
		}
		q := q
		q.Subject, q.Policy, q.Bundles, q.Document = s, found.policy, e.bundles, e.document
		ans := report.Answer{Result: chain.Verify(ctx, q)}
		if found.refused != nil {
			ans.Links[0].Detail = found.refused.Error()
			ans.Verdict.Reasons = []string{chain.LinkPolicy + ": " + found.refused.Error()}
		}
		if q.Released {
			q.At, q.Released = a.now(), false
			today := chain.Verify(ctx, q)
			ans.Today = &today
		}
		d.Answers = append(d.Answers, ans)
		exits = append(exits, ans.Verdict.Exit)
	}
	d.Verdict = decided(d.Answers, judge.Worst(exits...))
	return d, nil
}

// decided is the verdict over all answers.
func decided(answers []report.Answer, exit int) checks.Verdict {
	if len(answers) == 1 {
		return answers[0].Verdict
	}
	v := checks.Verdict{Findings: checks.Unknown, Exit: exit, Reasons: []string{}, Complete: len(answers) > 0, Verified: len(answers) > 0}
	if exit == judge.ExitPass && len(answers) > 0 {
		v.Findings = checks.Pass
	}
	for _, a := range answers {
		v.Complete = v.Complete && a.Verdict.Complete
		v.Verified = v.Verified && a.Verdict.Verified
		for _, why := range a.Verdict.Reasons {
			v.Reasons = append(v.Reasons, a.Subject.Name+": "+why)
		}
	}
	return v
}

func (a *app) writeDecision(cmd *cobra.Command, d report.Decision, format string) error {
	switch format {
	case "json":
		return report.DecisionJSON(a.out, d)
	case "sarif":
		return report.DecisionSARIF(a.out, d, version.Build())
	}
	return report.DecisionTable(a.out, d, report.NewStyle(a.out, a.colour(cmd, a.out)))
}

// gathered is the evidence at hand.
type gathered struct {
	bundles   []chain.Bundle
	documents []func(string) ([]byte, error)
}

func (g *gathered) document(digest string) ([]byte, error) {
	for _, d := range g.documents {
		b, err := d(digest)
		if !errors.Is(err, chain.ErrNoDocument) {
			return b, err
		}
	}
	return nil, chain.ErrNoDocument
}

// evidence reads the evidence that the command line names, or that lies where
// it is kept by itself and in the repository in a directory: once, however many
// subjects are asked about.
func (a *app) evidence(cmd *cobra.Command, dir string, named []string) (*gathered, error) {
	if len(named) == 0 {
		g, err := a.keptEvidence(cmd)
		if err != nil {
			return nil, err
		}
		return g.of(dir)
	}
	g := &gathered{}
	for _, p := range named {
		if err := g.place(p); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// keptEvidence is what lies where evidence is kept by itself.
func (a *app) keptEvidence(cmd *cobra.Command) (*gathered, error) {
	g := &gathered{}
	local, err := a.localEvidence(cmd)
	if err != nil || local == "" || !fileExists(local) {
		return g, err
	}
	return g, g.place(local)
}

// of adds what the repository in a directory holds itself.
func (g *gathered) of(dir string) (*gathered, error) {
	all := g.clone()
	own := filepath.Join(dir, filepath.FromSlash(waiverDir))
	if !fileExists(own) {
		return all, nil
	}
	return all, all.place(own)
}

// clone is a copy, clipped so that what is added to it is not in the other.
func (g *gathered) clone() *gathered {
	return &gathered{slices.Clip(g.bundles), slices.Clip(g.documents)}
}

// with gives the evidence and what lies beside the subject: the bundles beside
// a file, and those in an image's layout.
func (g *gathered) with(s chain.Subject) (*gathered, error) {
	all := g.clone()
	if s.Kind == "file" || s.Kind == "directory" {
		if err := all.beside(s.Name); err != nil {
			return nil, err
		}
	}
	if info, err := os.Stat(s.Name); s.Kind == "image" && err == nil && info.IsDir() {
		if err := all.layout(s.Name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// localEvidence is the directory that the setting names, "" where evidence is
// kept elsewhere: nobody is asked.
func (a *app) localEvidence(cmd *cobra.Command) (string, error) {
	settings, err := a.settingsHere(cmd)
	if err != nil {
		return "", err
	}
	place := a.evidencePlace(settings.Evidence)
	if place == "" {
		return "", nil
	}
	l, err := archive.Parse(place)
	return l.Path, err
}

// place adds a bundle file or a directory.
func (g *gathered) place(p string) error {
	info, err := os.Stat(p)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return g.file(p)
	}
	root, err := os.OpenRoot(p)
	if err != nil {
		return err
	}
	// Open for as long as documents may be asked for: the program's end.
	bundles, document, err := chain.Gather(root)
	for i := range bundles {
		bundles[i].Name = filepath.Join(p, bundles[i].Name)
	}
	g.bundles = append(g.bundles, bundles...)
	g.documents = append(g.documents, document)
	return err
}

// layout adds what lies beside an image in an OCI layout on disk.
func (g *gathered) layout(dir string) error {
	all, err := image.FetchLayout(dir)
	for i, s := range all {
		g.bundles = append(g.bundles, chain.Bundle{Name: fmt.Sprintf("%s, %d", dir, i+1), Raw: s.Bundle, Payload: s.Payload})
	}
	return err
}

func (g *gathered) file(p string) error {
	raw, err := readFile(p, attest.MaxBundle)
	if err == nil {
		g.bundles = append(g.bundles, chain.Bundle{Name: p, Raw: raw})
	}
	return err
}

// beside adds NAME.sigstore.json and NAME.*.sigstore.json.
func (g *gathered) beside(name string) error {
	clean := filepath.Clean(name)
	entries, err := os.ReadDir(filepath.Dir(clean))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(clean)+".") && strings.HasSuffix(e.Name(), attest.BundleSuffix) && e.Type().IsRegular() {
			if err := g.file(filepath.Join(filepath.Dir(clean), e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
