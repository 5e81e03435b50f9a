package pipelines

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// maxLine bounds one record in bytes: a thousand long paths fit.
const maxLine = 8 << 20

// collector takes a child's output line by line and believes nothing: it is an
// io.Writer that fails as soon as the output cannot become an answer.
type collector struct {
	step      PlannedStep
	claims    *checks.ClaimSet
	build     string
	canaryDir string
	progress  func(checks.Progress)

	files   map[string]string // path to digest, of the inventory
	expect  map[string]bool   // claimed paths to whether accounted for, canary included
	claimed int               // without the canary
	bytes   int64

	line    []byte
	total   int64
	h       hash.Hash
	hello   *checks.Hello
	done    *checks.Done
	failure *checks.Failure
	err     error

	rules    map[string]checks.Rule
	canary   map[checks.CanaryHit]bool
	findings []checks.Finding
	counts   struct{ findings, components, read, skipped int }
	readReal int
	skipped  map[string]int
	// childSkipped is the part of skipped that the check said, and passed whom.
	childSkipped map[string]int
	passed       []checks.Skip
	partial      []checks.Skip
	unread       []checks.Unread
	missing      []checks.MissingData

	components []checks.Component
	// given are the files that the check is shown. Of those that are settled an
	// earlier answer is taken over; kept holds it, and cached counts them.
	given   []inventory.File
	settled map[string]bool
	kept    []keptPart
	// leaning are the parts, by their first file, that the child may hold to,
	// leaned all that it was asked about.
	leaning map[string]keptPart
	leaned  []keptPart
	cached  int
	said    []checks.Part // by the check, of this run
	// uses are what the check says that its whole answer hangs on.
	uses     []string
	usesSaid bool
	inPart   map[string]bool
	routes   []checks.RouteSpan

	// last is the component before, the canary's own included.
	last            checks.Component
	canaryComponent bool
}

func newCollector(plan Plan, p PlannedStep, progress func(checks.Progress)) (*collector, error) {
	claims, err := checks.NewClaimSet(p.Check.Claims)
	if err != nil {
		return nil, err
	}
	c := &collector{
		step: p, claims: claims, build: plan.Build, progress: progress, h: sha256.New(),
		files: make(map[string]string, len(plan.Inventory.Files)), expect: map[string]bool{},
		rules: map[string]checks.Rule{}, canary: map[checks.CanaryHit]bool{}, skipped: map[string]int{}, childSkipped: map[string]int{},
		settled: map[string]bool{}, inPart: map[string]bool{}, leaning: map[string]keptPart{},
	}
	if c.given, err = given(plan.Inventory, p.Check, claims); err != nil {
		return nil, err
	}
	for _, f := range plan.Inventory.Files {
		c.files[f.Path] = f.SHA256
		if ok, _ := claims.Match(f.Path); ok {
			c.expect[f.Path] = false
			c.claimed++
			c.bytes += f.Size
		}
	}
	for _, s := range plan.Inventory.Skipped {
		c.inventorySkip(s)
	}
	for _, r := range p.Check.Rules {
		c.rules[r.ID] = r
	}
	c.layCanary(plan)
	return c, nil
}

// inventorySkip counts what the walk itself passed over. An unreadable
// directory may have held anything, so every check is partial for it.
func (c *collector) inventorySkip(s inventory.Skip) {
	claimed, _ := c.claims.Match(s.Path)
	reason := checks.SkipReason(s.Reason)
	if !claimed && (reason.Complete() || !strings.HasSuffix(s.Path, "/")) {
		return
	}
	c.skipped[s.Reason]++
	if !reason.Complete() || reason == checks.SkipPointer && checks.ClinicalFile(s.Path) {
		c.partial = append(c.partial, checks.Skip{Path: s.Path, Reason: reason, Detail: s.Detail})
	}
}

// layCanary picks a directory that the target does not have and that nobody
// without the identity key can foresee, and expects the canary's files and
// hits there. The same key, check and files give the same directory, so that
// an engine can answer the same job from its cache.
func (c *collector) layCanary(plan Plan) {
	seed := c.seed(plan.Inventory)
	for i := 0; ; i++ {
		c.canaryDir = "canary-" + nonce(plan.Key, fmt.Sprintf("%s/%d", seed, i))
		taken := slices.ContainsFunc(plan.Inventory.Files, func(f inventory.File) bool { return strings.HasPrefix(f.Path, c.canaryDir+"/") })
		if !taken {
			break
		}
	}
	for _, f := range c.step.Check.Canary.Files {
		c.expect[path.Join(c.canaryDir, f.Path)] = false
	}
	for _, h := range c.step.Check.Canary.Hits {
		c.canary[checks.CanaryHit{Path: path.Join(c.canaryDir, h.Path), Rule: h.Rule}] = false
	}
}

// seed describes what is asked: the check, its rules and every file's content.
func (c *collector) seed(inv *inventory.Inventory) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n", c.step.Check.Name, c.step.Check.RulesDigest, c.build)
	for _, f := range inv.Files {
		fmt.Fprintf(h, "%s %q\n", f.SHA256, f.Path)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func nonce(key checks.IdentityKey, seed string) string {
	if key.Valid() {
		return key.Canary(seed)
	}
	b := make([]byte, 6)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

func (c *collector) job(plan Plan, p PlannedStep) checks.Job {
	job := checks.Job{
		Protocol: checks.Protocol, Check: p.Check.Name, Root: plan.Root, Options: p.Options,
		Limits: p.Limits, CanaryDir: c.canaryDir, Inventory: c.given, Data: map[string]string{},
		KeyID: plan.Key.ID(), Tool: p.Tool, Live: p.Live, Credentials: p.Credentials, Service: p.Service,
	}
	if len(c.settled) > 0 {
		job.Inventory, job.Settled = c.remaining()
	}
	for _, p := range c.leaned {
		job.Leaning = append(job.Leaning, checks.Part{Files: p.Files, Faces: p.Faces, Face: p.Face})
	}
	if plan.Fresh || p.Live != nil {
		// What runs may answer in another way each time.
		job.Attempt = NewAttempt()
	}
	for _, d := range p.Data {
		job.Data[d.Name] = d.Path
	}
	return job
}

// Write implements io.Writer for the child's standard output.
func (c *collector) Write(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	if c.total += int64(len(p)); c.step.Limits.OutputBytes > 0 && c.total > c.step.Limits.OutputBytes {
		c.err = fmt.Errorf("stopped: it wrote more than %d bytes", c.step.Limits.OutputBytes)
		return 0, c.err
	}
	rest := p
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		line := rest[:i+1]
		if len(c.line) > 0 {
			line = append(c.line, line...)
			c.line = c.line[:0]
		}
		if c.err = c.record(line); c.err != nil {
			return 0, c.err
		}
		rest = rest[i+1:]
	}
	c.line = append(c.line, rest...)
	if len(c.line) > maxLine {
		c.err = fmt.Errorf("stopped: it wrote a line of more than %d bytes", maxLine)
		return 0, c.err
	}
	return len(p), nil
}

func (c *collector) record(line []byte) error {
	if c.done != nil || c.failure != nil {
		return errors.New("it went on after its last record")
	}
	var r checks.Record
	if err := json.Unmarshal(line, &r); err != nil {
		return errors.New("it wrote something that is not a record")
	}
	var err error
	switch {
	case r.Type == checks.RecordHello && r.Hello != nil && c.hello == nil:
		c.hello, err = r.Hello, c.checkHello(*r.Hello)
	case c.hello == nil:
		err = errors.New("it did not begin with hello")
	case r.Type == checks.RecordProgress && r.Progress != nil:
		c.progress(*r.Progress)
	case r.Type == checks.RecordComponent && r.Component != nil:
		err = c.addComponent(*r.Component)
	case r.Type == checks.RecordRule && r.Rule != nil:
		err = c.addRule(*r.Rule)
	case r.Type == checks.RecordFinding && r.Finding != nil:
		err = c.addFinding(*r.Finding)
	case r.Type == checks.RecordRoutes && r.Routes != nil:
		err = c.addRoutes(*r.Routes)
	case r.Type == checks.RecordPart && r.Part != nil:
		err = c.addPart(*r.Part)
	case r.Type == checks.RecordCoverage && r.Coverage != nil:
		err = c.addCoverage(*r.Coverage)
	case r.Type == checks.RecordDone && r.Done != nil:
		c.done, err = r.Done, c.checkDone(*r.Done)
	case r.Type == checks.RecordFailure && r.Failure != nil:
		c.failure = r.Failure
	default:
		err = errors.New("it wrote a record of an unknown type")
	}
	c.h.Write(line) // a hash never fails
	return err
}

func (c *collector) checkHello(h checks.Hello) error {
	d := c.step.Check
	switch {
	case h.Protocol != checks.Protocol:
		return fmt.Errorf("it speaks protocol %d, not %d", h.Protocol, checks.Protocol)
	case h.Build != c.build:
		return fmt.Errorf("it is of another build (%q, not %q)", h.Build, c.build)
	case h.Check != d.Name || h.Version != d.Version || h.RulesDigest != d.RulesDigest:
		return errors.New("it is not the check, version and rules that were described")
	}
	return nil
}

func (c *collector) addRule(r checks.Rule) error {
	if old, ok := c.rules[r.ID]; ok && fmt.Sprint(old) != fmt.Sprint(r) {
		return errors.New("it told one rule in two ways")
	}
	c.rules[r.ID] = r
	return nil
}

var fingerprintShape = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (c *collector) addFinding(f checks.Finding) error {
	c.counts.findings++
	rule, known := c.rules[f.Rule.ID]
	inTree := c.inTree(f.Location.Path) || c.step.Check.Live && f.Location.Live()
	inCanary := strings.HasPrefix(f.Location.Path, c.canaryDir+"/")
	switch {
	case !known:
		return errors.New("it reported a rule that was never declared")
	case f.Check != c.step.Check.Name || !fingerprintShape.MatchString(f.Fingerprint):
		return errors.New("it reported a finding without identity")
	case !inTree && !inCanary && f.Location.Commit == "":
		return errors.New("it reported a file that is not in the target")
	case c.settled[f.Location.Path] && f.Location.Commit == "":
		return errors.New("it reported a file that it was not asked about")
	case inCanary:
		for hit := range c.canary {
			if hit.Path == f.Location.Path && hit.Is(f.Rule.ID) {
				c.canary[hit] = true
			}
		}
		return nil
	case len(f.Flow) > checks.MaxFlow || slices.ContainsFunc(f.Flow, func(s checks.FlowStep) bool { return !c.inTree(s.Location.Path) }):
		return errors.New("it reported a flow that is not in the target")
	case c.step.Limits.Findings > 0 && len(c.findings) >= c.step.Limits.Findings:
		return fmt.Errorf("it reported more than %d findings", c.step.Limits.Findings)
	}
	f.Rule = rule
	c.findings = append(c.findings, f)
	return nil
}

// route says that a path is an operation of a running application. Nobody but
// the child knows which there are, so it is the child's word that counts them.
func (c *collector) route(p string) bool {
	return c.step.Check.Live && checks.Location{Path: p}.Live()
}

func (c *collector) inTree(path string) bool { _, ok := c.files[path]; return ok }

// addComponent takes a package that the target names. The canary's own is
// proof that packages are listed at all, and no package of the target.
func (c *collector) addComponent(p checks.Component) error {
	c.counts.components++
	ours := make([]string, 0, len(p.Locations))
	for _, path := range p.Locations {
		_, inTree := c.files[path]
		switch {
		case strings.HasPrefix(path, c.canaryDir+"/"):
			c.canaryComponent = true
		case inTree:
			ours = append(ours, path)
		default:
			return errors.New("it named a package in a file that is not in the target")
		}
	}
	switch {
	case !c.step.Check.Components:
		return errors.New("it listed packages, which was not described")
	case !p.Sound():
		return errors.New("it named a package without name, file or measure")
	case c.counts.components > 1 && checks.CompareComponents(c.last, p) >= 0:
		return errors.New("it named packages out of order")
	case c.step.Limits.Components > 0 && len(c.components) >= c.step.Limits.Components && len(ours) > 0:
		return fmt.Errorf("it named more than %d packages", c.step.Limits.Components)
	}
	c.last = p
	if len(ours) > 0 {
		p.Locations = ours
		c.components = append(c.components, p)
	}
	return nil
}

func (c *collector) addCoverage(r checks.CoverageRecord) error {
	for _, f := range r.Read {
		c.counts.read++
		if c.route(f.Path) {
			c.claimed++
			c.readReal++
			continue
		}
		if sum, ok := c.files[f.Path]; ok && sum != f.SHA256 {
			return errors.New("it read other bytes than the inventory saw")
		}
		done, expected := c.expect[f.Path]
		if expected && !done {
			c.expect[f.Path] = true
			if !strings.HasPrefix(f.Path, c.canaryDir+"/") {
				c.readReal++
			}
		}
	}
	for _, s := range r.Skipped {
		c.counts.skipped++
		if _, expected := c.expect[s.Path]; expected {
			c.expect[s.Path] = true
		}
		if c.route(s.Path) {
			c.claimed++
		}
		c.childSkip(s)
	}
	c.unread = append(c.unread, r.Unread...)
	c.missing = append(c.missing, r.Missing...)
	return nil
}

// childSkip counts a file that the check passed over, now or earlier.
func (c *collector) childSkip(s checks.Skip) {
	c.skipped[string(s.Reason)]++
	c.childSkipped[string(s.Reason)]++
	c.passed = append(c.passed, s)
	if !s.Reason.Complete() {
		c.partial = append(c.partial, s)
	}
}

// addPart takes what an answer about some files hangs on.
func (c *collector) addPart(p checks.Part) error {
	if c.step.Check.Grain != checks.GrainPart && len(p.Files) > 0 {
		return errors.New("it spoke of parts, which was not described")
	}
	if p.Held {
		return c.hold(p)
	}
	for _, f := range p.Files {
		if _, claimed := c.expect[f]; !claimed || c.settled[f] || c.inPart[f] {
			return errors.New("it put a file in a part that has no place there")
		}
		c.inPart[f] = true
	}
	for _, u := range slices.Concat(p.Uses, p.Faces) {
		if _, _, err := checks.ParseUse(u); err != nil {
			return errors.New("it named what a part uses in no form that is known")
		}
	}
	if len(p.Files) == 0 {
		c.uses, c.usesSaid = append(c.uses, p.Uses...), true
		return nil
	}
	c.unread = append(c.unread, p.Unread...)
	c.said = append(c.said, p)
	return nil
}

func (c *collector) addRoutes(r checks.RouteSpan) error {
	if !c.inTree(r.Path) || r.First < 1 || r.Last < r.First {
		return errors.New("it told routes of a place that is not in the target")
	}
	c.routes = append(c.routes, r)
	return nil
}

// remaining is what a child is shown when some files are settled. A check that
// looks at each file alone needs none of those.
func (c *collector) remaining() ([]inventory.File, []string) {
	if c.step.Check.Grain != checks.GrainFile {
		return c.given, c.settledPaths()
	}
	var out []inventory.File
	for _, f := range c.given {
		if !c.settled[f.Path] {
			out = append(out, f)
		}
	}
	return out, nil
}

func (c *collector) checkDone(d checks.Done) error {
	switch {
	case d.Findings != c.counts.findings || d.Components != c.counts.components || d.Read != c.counts.read || d.Skipped != c.counts.skipped:
		return errors.New("its output does not hold what its last record counts")
	case d.Digest != hex.EncodeToString(c.h.Sum(nil)):
		return errors.New("its output does not have the digest that its last record names")
	}
	return nil
}
