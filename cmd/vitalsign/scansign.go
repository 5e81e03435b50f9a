package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/archive"
	"github.com/vitalsign-dev/vitalsign/attest/bill"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/config"
	"github.com/vitalsign-dev/vitalsign/internal/evidence"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
	"github.com/vitalsign-dev/vitalsign/internal/misspell"
	"github.com/vitalsign-dev/vitalsign/pipelines"
)

// The values of --sign.
const (
	signAuto     = "auto"
	signRequired = "required"
)

// billFile ends the name of a bill of health in an archive.
const billFile = "bill" + attest.BundleSuffix

// evidenceFlags say whose word counts, and whether what was seen is signed.
func evidenceFlags(fl *pflag.FlagSet, f *scanFlags) {
	fl.StringVar(&f.policy, "policy", "", "policy that says whose waivers count, and tightens the gate (default: as vitalsign verify finds it)")
	fl.StringVar(&f.sign, "sign", "", "sign what was seen: auto (record it as unsigned where nobody can sign) or required (exit 4 there)")
	fl.Lookup("sign").NoOptDefVal = signAuto
	signerFlags(fl)
}

// openSigner opens the key before anything is scanned: a passphrase is asked
// for at the beginning, and a scan that must be signed and cannot be ends there.
func (s *scanner) openSigner() error {
	switch s.flags.sign {
	case "":
		return nil
	case signAuto, signRequired:
	default:
		return usageError("--sign is %s or %s, not %q%s", signAuto, signRequired, s.flags.sign, misspell.Hint(s.flags.sign, []string{signAuto, signRequired}))
	}
	s.signer, s.unsigned = s.app.signer(s.cmd)
	if s.unsigned != nil && s.flags.sign == signRequired {
		return exitError{judge.ExitNotVerified, fmt.Errorf("--sign=required, and nobody can sign: %w", s.unsigned)}
	}
	return nil
}

// signAll signs every run. What cannot be signed is recorded as unsigned, with
// the reason, and is exit 4 where it is required.
func (s *scanner) signAll(ctx context.Context, runs []checks.Run) {
	if s.flags.sign == "" {
		return
	}
	for i := range runs {
		err := s.unsigned
		if err == nil {
			err = s.signRun(ctx, s.trees[i], &runs[i])
		}
		if err == nil {
			continue
		}
		why := "unsigned: " + err.Error()
		runs[i].Notes = append(runs[i].Notes, why)
		if s.flags.sign == signRequired {
			v := &runs[i].Verdict
			v.Reasons = append(v.Reasons, why)
			if v.Exit != judge.ExitInterrupted {
				v.Exit = judge.ExitNotVerified
			}
		} else {
			s.progress.Say(why)
		}
	}
}

// signRun makes the statements of one run, signs them and puts them where
// evidence is kept.
func (s *scanner) signRun(ctx context.Context, o opened, run *checks.Run) error {
	switch {
	case run.Verdict.Exit == judge.ExitInterrupted:
		return errors.New("the run was interrupted")
	case o.tree.Only != o.project.Path:
		return errors.New("only a part of the repository was looked at, and a bill of health is about all of it")
	}
	kept, err := s.app.archive(ctx, o.settings.Evidence, o.tree.Root)
	if err != nil {
		return err
	}
	facts, err := s.facts(ctx, o, kept)
	if err != nil {
		return err
	}
	facts.Inline = s.inlineOf(ctx, o, *run)
	document, err := evidence.Document(*run)
	if err != nil {
		return err
	}
	dirHash, err := attest.HashFiles(o.files.sums)
	if err != nil {
		return err
	}
	b, err := evidence.Bill(*run, document, facts)
	if err != nil {
		return err
	}
	p := pack{scanner: s, run: run, subjects: b.Subjects(dirHash), files: map[string][]byte{}}
	for _, d := range p.subjects[0].Digest {
		p.dir = d // the commit's, or the files'
	}
	if err := p.all(ctx, b, document, o); err != nil {
		return err
	}
	p.waivers(o)
	s.believed(p, o)
	if err := archive.PutAll(ctx, kept, p.files); err != nil {
		return fmt.Errorf("the evidence could not be kept: %w", err)
	}
	s.progress.Say(fmt.Sprintf("signed: bill of health %.12s and %d more statements, verified; kept in %s", p.billID, p.signed-1, s.app.evidencePlace(o.settings.Evidence)))
	return nil
}

// believed warns where the policy lets this key sign no bill of health: the
// evidence is made, and whoever verifies it will refuse it.
func (s *scanner) believed(p pack, o opened) {
	if o.policy.policy == nil {
		return
	}
	v, err := attest.Verify(p.files[p.name("bill")], o.policy.policy.Trust(), s.app.now())
	if err == nil {
		_, err = o.policy.policy.Speaker(v, attest.PredicateBill)
	}
	if err != nil {
		why := "signed, but the policy " + o.policy.from + " will not believe it: " + err.Error()
		p.run.Notes = append(p.run.Notes, why)
		s.progress.Say(why)
	}
}

// facts are what a bill says besides the run.
func (s *scanner) facts(ctx context.Context, o opened, kept archive.Archive) (evidence.Facts, error) {
	f := evidence.Facts{Repository: repositoryOf(o.tree), Base: o.trusted.base, Policy: o.policy.policy, Files: o.files.count,
		Gate: judge.Gate{FailOn: o.settings.FailOn, UnratedAs: o.settings.UnratedAs}}
	f.Inputs = s.inputs(ctx, o)
	if o.tree.Repo == nil || o.tree.Target.Commit == "" {
		return f, nil
	}
	c, err := o.tree.Repo.Commit(ctx, o.tree.Target.Commit)
	if err != nil {
		return f, err
	}
	f.Parents, f.Branch = c.Parents, s.app.branch(ctx, o.tree)
	f.Previous, err = s.previousBills(ctx, o, kept, c.Parents)
	return f, err
}

// branch is the branch that is scanned: git's, else what the CI system says,
// which checks out a commit.
func (a *app) branch(ctx context.Context, t *pipelines.Tree) string {
	if b := t.Repo.Branch(ctx); b != "" {
		return b
	}
	for _, v := range []string{"GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME"} {
		if b := a.getenv(v); b != "" {
			return b
		}
	}
	return ""
}

// inputs are the files that decided what was looked at and what counted, as
// they were believed.
func (s *scanner) inputs(ctx context.Context, o opened) []bill.Input {
	at := s.trustedTree(ctx, &o)
	var out []bill.Input
	add := func(name string, b []byte) { out = append(out, bill.Input{Name: name, Digest: attest.Digest(b)}) }
	for dir := configDirOf(o.tree); ; dir = path.Dir(dir) {
		for _, n := range config.FileNames() {
			if b, err := at.Read(path.Join(dir, n)); err == nil {
				add(path.Join(dir, n), b)
			}
		}
		if dir == "." || dir == "/" {
			break
		}
	}
	if len(o.trusted.ignore) > 0 {
		add(config.IgnoreFile, []byte(strings.Join(o.trusted.ignore, "\n")+"\n"))
	}
	for _, f := range o.waivers {
		add(f.name, f.raw)
	}
	if b, err := at.Read(repoPolicy); err == nil {
		add(repoPolicy, b)
	}
	return out
}

// previousBills finds the bills of the parent commits. One that cannot be
// believed is none, and said.
func (s *scanner) previousBills(ctx context.Context, o opened, kept archive.Archive, parents []string) ([]bill.Previous, error) {
	t, err := s.ownTrust(o)
	if err != nil {
		return nil, err
	}
	var out []bill.Previous
	for _, parent := range parents {
		names, err := kept.List(ctx, parent+"/")
		if err != nil {
			return nil, fmt.Errorf("the bills of %.12s: %w", parent, err)
		}
		for _, n := range names {
			if !strings.HasSuffix(n, billFile) {
				continue
			}
			raw, err := kept.Get(ctx, n)
			if err != nil {
				return nil, err
			}
			v, err := attest.Verify(raw, t, s.app.now())
			if err != nil {
				s.progress.Say(fmt.Sprintf("the bill %s is not believed and not followed: %v", n, err))
				continue
			}
			b, err := bill.Of(v)
			if err == nil && b.Project == evidence.Project(o.tree.Target) && v.About(attest.GitCommit, parent) {
				out = append(out, bill.Previous{ID: v.ID(), Commit: parent})
			}
		}
	}
	return out, nil
}

// ownTrust believes whom the policy names, and without one the key that signs.
func (s *scanner) ownTrust(o opened) (attest.Trust, error) {
	if o.policy.policy != nil {
		return o.policy.policy.Trust(), nil
	}
	return s.signer.Trust()
}

// scannedFiles are the files of a target by name, with their SHA-256.
type scannedFiles struct {
	count int
	sums  map[string]string
}

func (f *scannedFiles) take(inv *inventory.Inventory) {
	if f == nil {
		return
	}
	f.count, f.sums = len(inv.Files), make(map[string]string, len(inv.Files))
	for _, file := range inv.Files {
		if !strings.HasSuffix(file.Name(), attest.BundleSuffix) { // as attest.HashDir
			f.sums[file.Name()] = file.SHA256
		}
	}
}

var inlineBy = regexp.MustCompile(`^inline (.+):(\d+)$`)

// inlineOf lists the ignores in the code that counted, with the author of the
// line as git knows it.
func (s *scanner) inlineOf(ctx context.Context, o opened, run checks.Run) []bill.Inline {
	var out []bill.Inline
	for _, f := range run.Findings {
		if f.Ignored == nil {
			continue
		}
		m := inlineBy.FindStringSubmatch(f.Ignored.By)
		if m == nil {
			continue
		}
		line, err := strconv.Atoi(m[2])
		if err != nil {
			continue
		}
		i := bill.Inline{Rule: f.Rule.ID, Path: m[1], Line: line, Until: f.Ignored.Until, Reason: f.Ignored.Reason}
		if o.tree.Repo != nil {
			i.Author, i.Commit = o.tree.Repo.Author(ctx, i.Path, line)
		}
		if !slices.Contains(out, i) {
			out = append(out, i)
		}
	}
	return out
}

// evidencePlace is where evidence is kept, by the setting.
func (a *app) evidencePlace(setting string) string {
	if setting == config.EvidenceDefault || setting == "" {
		return a.evidenceDir()
	}
	return setting
}

// evidenceDir is where evidence is kept when nobody says where.
func (a *app) evidenceDir() string {
	if a.stateDir() == "" {
		return ""
	}
	return filepath.Join(a.stateDir(), "evidence")
}
