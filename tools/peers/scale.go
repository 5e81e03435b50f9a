package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// scale times trees and histories that grow, beside gitleaks (secrets in files,
// secrets in every commit) and trivy (misconfiguration): from one line to the
// next everything is twice as much.
func (b *bench) scale(files, commits int) error {
	fmt.Printf("\n### Trees that grow\n\n| files | tool | wall s | CPU s | peak MB |\n| --- | --- | --- | --- | --- |\n")
	for n := files / 4; n <= files; n *= 2 {
		dir, err := b.manyFiles(n)
		if err != nil {
			return err
		}
		out := filepath.Join(b.work, "out.json")
		home := filepath.Join(b.work, "home")
		if err := os.RemoveAll(home); err != nil {
			return err
		}
		checks := "secrets,iac,sast"
		for _, t := range []struct {
			name string
			args []string
		}{
			{"gitleaks dir", []string{b.tool("gitleaks"), "dir", "--no-banner", "--log-level", "error", "-f", "json", "-r", out, dir}},
			{"trivy config", []string{b.tool("trivy"), "config", "-q", "--skip-check-update", "--skip-version-check", "-f", "json", "-o", out, dir}},
			{"vitalsign, secrets alone", []string{b.vitalsign(), "scan", "-q", "--check", "secrets", "--no-cache", dir}},
			{"vitalsign, " + checks + ", cold", []string{b.vitalsign(), "scan", "-q", "--check", checks, dir}},
			{"vitalsign, unchanged", []string{b.vitalsign(), "scan", "-q", "--check", checks, dir}},
		} {
			if err := b.row(fmt.Sprint(n), t.name, dir, home, t.args); err != nil {
				return err
			}
		}
	}
	fmt.Printf("\n### Histories that grow\n\n| commits | tool | wall s | CPU s | peak MB |\n| --- | --- | --- | --- | --- |\n")
	for n := commits / 4; n <= commits; n *= 2 {
		dir, err := b.manyCommits(n)
		if err != nil {
			return err
		}
		home := filepath.Join(b.work, "home")
		for _, t := range []struct {
			name string
			args []string
		}{
			{"gitleaks git", []string{b.tool("gitleaks"), "git", "--no-banner", "--log-level", "error", "--log-opts=--all", "-f", "json", "-r", filepath.Join(b.work, "out.json"), dir}},
			{"vitalsign, secrets with history", []string{b.vitalsign(), "scan", "-q", "--check", "secrets", "--history", "--no-cache", dir}},
		} {
			if err := b.row(fmt.Sprint(n), t.name, dir, home, t.args); err != nil {
				return err
			}
		}
	}
	return nil
}

// row is the median of as many runs as there are pairs.
func (b *bench) row(size, name, dir, home string, args []string) error {
	var all []cost
	for range b.runs {
		c, err := b.time(dir, b.env(home), args...)
		if err != nil {
			return err
		}
		all = append(all, c)
		if strings.HasSuffix(name, "cold") {
			break // the next would be warm
		}
	}
	m := median(all)
	fmt.Printf("| %s | %s | %.1f | %.1f | %d |\n", size, name, m.wall.Seconds(), m.cpu.Seconds(), m.peak>>20)
	return nil
}

// words are what made-up files are made of.
var words = strings.Fields("patient record ward device import export visit audit token route handler value count total config server name list time status result request answer user role scope")

// text is lines of made-up code, some 2 KB, the same for the same numbers.
func text(r *rand.Rand, comment string) string {
	var b strings.Builder
	for b.Len() < 1500+r.IntN(1000) {
		fmt.Fprintf(&b, "%s %s %s of the %s %d\n", comment, words[r.IntN(len(words))], words[r.IntN(len(words))], words[r.IntN(len(words))], r.IntN(1000))
	}
	return b.String()
}

// manyFiles makes a tree of n files: Go packages of ten files, Python, YAML,
// Terraform and text, fifty a directory.
func (b *bench) manyFiles(n int) (string, error) {
	dir := filepath.Join(b.work, "trees", fmt.Sprintf("files-%d", n))
	if _, err := os.Stat(filepath.Join(dir, ".done")); err == nil {
		return dir, nil
	}
	r := rand.New(rand.NewPCG(1, uint64(n)))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module clinic.example/large\n\ngo 1.22\n"), 0o644); err != nil {
		return "", err
	}
	for i := range n {
		sub := filepath.Join(dir, fmt.Sprintf("d%d", i/2500), fmt.Sprintf("p%d", i/50))
		if i%50 == 0 {
			if err := os.MkdirAll(sub, 0o755); err != nil {
				return "", err
			}
		}
		var name, body string
		switch i % 10 {
		case 0, 1:
			name = fmt.Sprintf("f%d.go", i)
			body = fmt.Sprintf("package p%d\n\nimport \"fmt\"\n\n%s\n// F%d says how much.\nfunc F%d(n int) string { return fmt.Sprint(n + %d) }\n", i/50, text(r, "//"), i, i, r.IntN(100))
		case 2, 3, 4:
			name, body = fmt.Sprintf("f%d.py", i), text(r, "#")
		case 5, 6:
			name, body = fmt.Sprintf("f%d.js", i), text(r, "//")
		case 7:
			name, body = fmt.Sprintf("f%d.yaml", i), text(r, "#")+"a: 1\n"
		default:
			name, body = fmt.Sprintf("f%d.txt", i), text(r, "")
		}
		if err := os.WriteFile(filepath.Join(sub, name), []byte(body), 0o644); err != nil {
			return "", err
		}
	}
	return dir, os.WriteFile(filepath.Join(dir, ".done"), nil, 0o644)
}

// manyCommits makes a repository of n commits, each of which rewrites one of a
// hundred files.
func (b *bench) manyCommits(n int) (string, error) {
	dir := filepath.Join(b.work, "trees", fmt.Sprintf("commits-%d", n))
	if _, err := os.Stat(filepath.Join(dir, "f0.py")); err == nil {
		return dir, nil
	}
	if out, err := exec.Command("git", "init", "-q", "-b", "main", dir).CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	c := exec.Command("git", "fast-import", "--quiet")
	c.Dir = dir
	in, err := c.StdinPipe()
	if err != nil {
		return "", err
	}
	if err := c.Start(); err != nil {
		return "", err
	}
	w := bufio.NewWriter(in)
	r := rand.New(rand.NewPCG(2, uint64(n)))
	for i := range n {
		body := text(r, "#")
		fmt.Fprintf(w, "commit refs/heads/main\ncommitter a <a@clinic.example> %d +0000\ndata 6\nchange\nM 100644 inline f%d.py\ndata %d\n%s\n", 1700000000+i, i%100, len(body), body)
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	if err := in.Close(); err != nil {
		return "", err
	}
	if err := c.Wait(); err != nil {
		return "", err
	}
	out := exec.Command("git", "reset", "-q", "--hard")
	out.Dir = dir
	return dir, out.Run()
}
