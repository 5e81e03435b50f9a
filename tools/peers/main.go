// Command peers times vitalsign beside the tools that do the same, as whole
// processes on the same trees: gitleaks, trivy (misconfiguration), gosec and
// osv-scanner one after another against one scan; what is unchanged, and one
// file changed, against that scan; and secrets alone against gitleaks, with
// their findings held against each other. It prints Markdown.
//
//	go run -C tools ./peers -bin ../bin -tools ../.tools -osv DIR -work DIR
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// tree is something to look at, whole as its registry has it.
type tree struct {
	name, from string
	// module is of the Go module proxy, pack a package of npm.
	module, pack string
	// edit is a file that is changed, and hub one that many others depend on.
	edit, hub string
}

var trees = []tree{
	{name: "trivy", from: "github.com/aquasecurity/trivy v0.66.0", module: "github.com/aquasecurity/trivy@v0.66.0", edit: "pkg/purl/purl.go", hub: "pkg/log/logger.go"},
	{name: "terratest", from: "github.com/gruntwork-io/terratest v0.50.0", module: "github.com/gruntwork-io/terratest@v0.50.0", edit: "modules/aws/s3.go", hub: "modules/logger/logger.go"},
	{name: "netlify-cli", from: "netlify-cli 17.38.1", pack: "netlify-cli@17.38.1", edit: "dist/commands/deploy/deploy.js", hub: "package.json"},
}

type bench struct {
	bin, tools, osv, work string
	runs                  int
	key                   string
}

// cost is what a process took, and those it waited for.
type cost struct {
	wall, cpu time.Duration
	peak      int64 // bytes, of the largest process
}

func (c cost) plus(o cost) cost { return cost{c.wall + o.wall, c.cpu + o.cpu, max(c.peak, o.peak)} }

func main() {
	var b bench
	var only string
	flag.StringVar(&b.bin, "bin", "bin", "directory of vitalsign and vitalsign-check")
	flag.StringVar(&b.tools, "tools", ".tools", "directory whose bin has gitleaks, trivy, gosec and osv-scanner (tools/scanners.sh)")
	flag.StringVar(&b.osv, "osv", "", "directory with ECOSYSTEM/all.zip as osv.dev exports them; without it dependencies are left out on both sides")
	flag.StringVar(&b.work, "work", filepath.Join(os.TempDir(), "vitalsign-peers"), "directory for trees and caches")
	flag.IntVar(&b.runs, "n", 3, "pairs")
	flag.StringVar(&only, "tree", "", "only this one")
	files := flag.Int("files", 0, "time trees of up to so many made-up files, and histories, instead")
	commits := flag.Int("commits", 20_000, "with -files: histories of up to so many commits")
	flag.Parse()
	err := b.prepare()
	switch {
	case err != nil:
	case *files > 0:
		err = b.scale(*files, *commits)
	default:
		err = b.run(only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func (b *bench) prepare() (err error) {
	for _, p := range []*string{&b.bin, &b.tools, &b.osv, &b.work} {
		if *p != "" {
			if *p, err = filepath.Abs(*p); err != nil {
				return err
			}
		}
	}
	b.key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" // for timing only
	return os.MkdirAll(b.work, 0o755)
}

func (b *bench) run(only string) error {
	if err := b.advisories(); err != nil {
		return err
	}
	for _, t := range trees {
		if only != "" && only != t.name {
			continue
		}
		dir, err := b.fetch(t)
		if err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		if err := b.compare(t, dir); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// advisories imports what osv.dev exports on both sides.
func (b *bench) advisories() error {
	if b.osv == "" {
		return nil
	}
	zips, err := filepath.Glob(filepath.Join(b.osv, "*", "all.zip"))
	if err != nil || len(zips) == 0 {
		return fmt.Errorf("no all.zip below %s (%w)", b.osv, err)
	}
	for _, z := range zips {
		to := filepath.Join(b.work, "osv-scanner", "osv-scanner", filepath.Base(filepath.Dir(z)))
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		if err := os.RemoveAll(filepath.Join(to, "all.zip")); err != nil {
			return err
		}
		if err := os.Symlink(z, filepath.Join(to, "all.zip")); err != nil {
			return err
		}
	}
	db := filepath.Join(b.work, "db")
	if _, err := os.Stat(db); err == nil {
		return nil
	}
	_, err = b.time("", b.env(b.work), b.vitalsign(), "db", "import", "--db", db, b.osv)
	return err
}

func (b *bench) tool(name string) string { return filepath.Join(b.tools, "bin", name) }

func (b *bench) vitalsign() string { return filepath.Join(b.bin, "vitalsign") }

// env is an environment whose state lies in a directory of its own.
func (b *bench) env(home string) []string {
	return append(os.Environ(), "VITALSIGN_IDENTITY_KEY="+b.key, "XDG_CACHE_HOME="+filepath.Join(home, "cache"),
		"XDG_STATE_HOME="+filepath.Join(home, "state"), "XDG_CONFIG_HOME="+filepath.Join(home, "config"),
		"OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY="+filepath.Join(b.work, "osv-scanner"), "TRIVY_CACHE_DIR="+filepath.Join(b.work, "trivy"), "GOPROXY=off")
}

// fetch brings a tree whole and makes it a repository of one commit.
func (b *bench) fetch(t tree) (string, error) {
	dir := filepath.Join(b.work, "trees", t.name)
	if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
		return dir, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	switch {
	case t.module != "":
		out, err := exec.Command("go", "mod", "download", "-json", t.module).Output()
		if err != nil {
			return "", err
		}
		var m struct{ Dir string }
		if err := json.Unmarshal(out, &m); err != nil {
			return "", err
		}
		if err := os.CopyFS(dir, os.DirFS(m.Dir)); err != nil {
			return "", err
		}
		// gosec loads packages with the go command, which wants the modules.
		get := exec.Command("go", "mod", "download")
		get.Dir = dir
		if out, err := get.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %s", err, out)
		}
	case t.pack != "":
		c := exec.Command("sh", "-c", `npm pack --silent "$1" && tar xzf *.tgz --strip-components 1 && rm *.tgz`, "sh", t.pack)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %s", err, out)
		}
	}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.Chmod(p, info.Mode()|0o200)
	})
	if err != nil {
		return "", err
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A", "-f"}, {"-c", "user.name=a", "-c", "user.email=a@clinic.example", "commit", "-q", "-m", t.from}} {
		c := exec.Command("git", args...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			return "", fmt.Errorf("git %v: %w: %s", args, err, out)
		}
	}
	return dir, nil
}

// time runs a command to its end. That it found something is no error; that it
// could not do its work is.
func (b *bench) time(dir string, env []string, args ...string) (cost, error) {
	c := exec.Command(args[0], args[1:]...)
	c.Dir, c.Env = dir, env
	log, err := os.CreateTemp(b.work, "log-")
	if err != nil {
		return cost{}, err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	c.Stdout, c.Stderr = log, log
	began := time.Now()
	err = c.Run()
	wall := time.Since(began)
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1 && !(exit.ExitCode() == 3 && args[0] == b.vitalsign()) && !(exit.ExitCode() == 128 && strings.HasSuffix(args[0], "osv-scanner"))) {
		said, _ := os.ReadFile(log.Name())
		return cost{}, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, said[max(0, len(said)-2000):])
	}
	usage := c.ProcessState.SysUsage().(*syscall.Rusage)
	return cost{wall, c.ProcessState.UserTime() + c.ProcessState.SystemTime(), usage.Maxrss * 1024}, nil
}

func (b *bench) compare(t tree, dir string) error {
	home := filepath.Join(b.work, "home")
	out := filepath.Join(b.work, "out.json")
	peers := []struct {
		name string
		args []string
	}{
		{"gitleaks", []string{b.tool("gitleaks"), "dir", "--no-banner", "--log-level", "error", "-f", "json", "-r", out, dir}},
		{"trivy config", []string{b.tool("trivy"), "config", "-q", "--skip-check-update", "--skip-version-check", "-f", "json", "-o", out, dir}},
		{"gosec", []string{b.tool("gosec"), "-quiet", "-fmt", "json", "-out", out, "./..."}},
	}
	if b.osv != "" {
		peers = append(peers, struct {
			name string
			args []string
		}{"osv-scanner", []string{b.tool("osv-scanner"), "scan", "source", "-r", "--offline-vulnerabilities", "--format", "json", "--output-file", out, dir}})
	}
	checks := "secrets,iac,sast"
	if b.osv != "" {
		checks += ",deps"
	}
	scan := []string{b.vitalsign(), "scan", "-q", "--check", checks, "--max-data-age", "off", "--db", filepath.Join(b.work, "db"), "-f", "json", dir}
	rows := map[string][]cost{}
	for range b.runs {
		var all cost
		for _, p := range peers {
			c, err := b.time(dir, b.env(home), p.args...)
			if err != nil {
				return err
			}
			rows[p.name] = append(rows[p.name], c)
			all = all.plus(c)
		}
		rows["all four"] = append(rows["all four"], all)
		if err := os.RemoveAll(home); err != nil {
			return err
		}
		for _, step := range []struct{ name, edit string }{{"cold", ""}, {"unchanged", ""}, {"changed", t.edit}, {"changed hub", t.hub}} {
			if step.edit != "" {
				if err := touch(filepath.Join(dir, step.edit)); err != nil {
					return err
				}
			}
			c, err := b.time(dir, b.env(home), scan...)
			if err != nil {
				return err
			}
			rows[step.name] = append(rows[step.name], c)
		}
		if err := b.restore(dir); err != nil {
			return err
		}
		c, err := b.time(dir, b.env(home), b.vitalsign(), "scan", "-q", "--check", "secrets", "--no-cache", "-f", "json", dir)
		if err != nil {
			return err
		}
		rows["secrets"] = append(rows["secrets"], c)
	}
	fmt.Printf("\n### %s\n\n| what | wall s | CPU s | peak MB | of |\n| --- | --- | --- | --- | --- |\n", t.from)
	line := func(name, title, of string) {
		ratio := ""
		if of != "" {
			w, c := ratios(rows[name], rows[of])
			ratio = fmt.Sprintf("%s: wall %.1f %%, CPU %.1f %%", of, 100*w, 100*c)
		}
		m := median(rows[name])
		fmt.Printf("| %s | %.2f | %.2f | %d | %s |\n", title, m.wall.Seconds(), m.cpu.Seconds(), m.peak>>20, ratio)
	}
	for _, p := range peers {
		line(p.name, p.name, "")
	}
	line("all four", "these one after another", "")
	line("cold", "vitalsign, cold", "all four")
	line("unchanged", "vitalsign, unchanged", "cold")
	line("changed", "vitalsign, `"+t.edit+"` changed", "cold")
	line("changed hub", "vitalsign, `"+t.hub+"` changed", "cold")
	line("secrets", "vitalsign, secrets alone", "gitleaks")
	return b.same(dir, home)
}

// touch changes a file in a way that every format takes.
func touch(name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(b, '\n'), 0o644)
}

func (b *bench) restore(dir string) error {
	c := exec.Command("git", "checkout", "-q", ".")
	c.Dir = dir
	return c.Run()
}

// median is that of each figure by itself.
func median(cs []cost) cost {
	at := func(f func(cost) int64) int64 {
		var v []int64
		for _, c := range cs {
			v = append(v, f(c))
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	return cost{time.Duration(at(func(c cost) int64 { return int64(c.wall) })), time.Duration(at(func(c cost) int64 { return int64(c.cpu) })), at(func(c cost) int64 { return c.peak })}
}

// ratios are the medians of the pairs' ratios.
func ratios(a, of []cost) (wall, cpu float64) {
	var w, c []float64
	for i := range a {
		w = append(w, float64(a[i].wall)/float64(of[i].wall))
		c = append(c, float64(a[i].cpu)/float64(of[i].cpu))
	}
	slices.Sort(w)
	slices.Sort(c)
	return w[len(w)/2], c[len(c)/2]
}

// same holds the credentials that both found against each other, by rule, file
// and line.
func (b *bench) same(dir, home string) error {
	out := filepath.Join(b.work, "out.json")
	if _, err := b.time(dir, b.env(home), b.tool("gitleaks"), "dir", "--no-banner", "--log-level", "error", "-f", "json", "-r", out, dir); err != nil {
		return err
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		return err
	}
	var theirs []struct {
		RuleID, File string
		StartLine    int
	}
	if err := json.Unmarshal(raw, &theirs); err != nil {
		return err
	}
	if _, err := b.time(dir, b.env(home), b.vitalsign(), "scan", "-q", "--check", "secrets", "--no-cache", "--output", "json="+out, dir); err != nil {
		return err
	}
	if raw, err = os.ReadFile(out); err != nil {
		return err
	}
	var doc struct {
		Runs []struct {
			Findings []struct {
				Rule     struct{ ID string }
				Location struct {
					Path      string
					StartLine int `json:"start_line"`
				}
			}
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return err
	}
	count := map[string]int{}
	for _, f := range theirs {
		rel, err := filepath.Rel(dir, f.File)
		if err != nil {
			return err
		}
		if strings.HasPrefix(rel, ".git"+string(os.PathSeparator)) {
			continue
		}
		count[fmt.Sprintf("%s %s:%d", f.RuleID, rel, f.StartLine)]--
	}
	ours := 0
	for _, r := range doc.Runs {
		for _, f := range r.Findings {
			ours++
			count[fmt.Sprintf("%s %s:%d", f.Rule.ID, f.Location.Path, f.Location.StartLine)]++
		}
	}
	var only []string
	for k, n := range count {
		if n != 0 {
			only = append(only, fmt.Sprintf("%+d %s", n, k))
		}
	}
	slices.Sort(only)
	fmt.Printf("\nCredentials: %d ours, %d of gitleaks; %d differ (+ only ours, - only gitleaks).\n", ours, len(theirs), len(only))
	for _, o := range only[:min(len(only), 10)] {
		fmt.Println("-", o)
	}
	return nil
}
