package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cosignProgram is the cosign command that these tests hold us to.
func cosignProgram(t testing.TB) string {
	t.Helper()
	p := os.Getenv("VITALSIGN_COSIGN")
	if p == "" {
		t.Skip("VITALSIGN_COSIGN names no cosign (tools/evidence-servers.sh builds one)")
	}
	return p
}

// desk is a directory in which programs are run with a home of its own.
type desk struct {
	t   testing.TB
	dir string
	env []string
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{t: t, dir: t.TempDir()}
	d.env = append(os.Environ(), "HOME="+d.dir, "XDG_STATE_HOME=", "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "COSIGN_PASSWORD=correct-horse",
		"VITALSIGN_ENGINE=local", "VITALSIGN_SKIP=deps,iac,sast", "GITHUB_EVENT_NAME=",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@clinic.example", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@clinic.example", "GIT_CONFIG_GLOBAL=/dev/null")
	return d
}

func (d *desk) write(name, content string) {
	d.t.Helper()
	p := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// run gives what a program printed and its exit code.
func (d *desk) run(program string, args ...string) (string, int) {
	d.t.Helper()
	if program == "vitalsign" {
		program = filepath.Join(binaries(), program)
	}
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = d.dir, d.env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		d.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func (d *desk) must(program string, args ...string) string {
	d.t.Helper()
	out, code := d.run(program, args...)
	if code != 0 {
		d.t.Fatalf("%s %s: exit %d\n%s", filepath.Base(program), strings.Join(args, " "), code, out)
	}
	return out
}

// What we sign cosign verifies, and what cosign signs we verify: the same key
// files, the same bundles.
func TestCosignReadsUsAndWeReadCosign(t *testing.T) {
	cosign := cosignProgram(t)
	d := newDesk(t)
	d.write("app.bin", "the program\n")
	d.write("bom.json", `{"bomFormat":"CycloneDX","specVersion":"1.6"}`)
	d.must("vitalsign", "key", "create", "ours")
	d.must(cosign, "generate-key-pair", "--output-key-prefix", "theirs")
	for _, key := range []string{"ours", "theirs"} {
		ours, theirs := key+"-vs.sigstore.json", key+"-cs.sigstore.json"
		d.must("vitalsign", "sign", "app.bin", "--key", key+".key")
		move(t, d.dir, "app.bin.sigstore.json", ours)
		d.must(cosign, "sign-blob", "--yes", "--key", key+".key", "--tlog-upload=false", "--new-bundle-format", "--bundle", theirs, "app.bin")
		for _, b := range []string{ours, theirs} {
			d.must(cosign, "verify-blob", "--key", key+".pub", "--insecure-ignore-tlog=true", "--trusted-root", trustedRoot(t), "--new-bundle-format", "--bundle", b, "app.bin")
			d.must("vitalsign", "verify", "app.bin", "--key", key+".pub", "--bundle", b)
		}
		ours, theirs = key+"-vs-att.sigstore.json", key+"-cs-att.sigstore.json"
		d.must("vitalsign", "attest", "app.bin", "--type", "cyclonedx", "--predicate", "bom.json", "--key", key+".key")
		move(t, d.dir, "app.bin.cyclonedx.sigstore.json", ours)
		d.must(cosign, "attest-blob", "--yes", "--key", key+".key", "--tlog-upload=false", "--new-bundle-format", "--bundle", theirs,
			"--type", "cyclonedx", "--predicate", "bom.json", "app.bin")
		for _, b := range []string{ours, theirs} {
			d.must(cosign, "verify-blob-attestation", "--key", key+".pub", "--insecure-ignore-tlog=true", "--trusted-root", trustedRoot(t), "--new-bundle-format", "--bundle", b, "--type", "cyclonedx", "app.bin")
			d.must("vitalsign", "verify", "app.bin", "--key", key+".pub", "--bundle", b)
		}
	}
	// The wrong key, for both of both.
	for _, b := range []string{"ours-vs.sigstore.json", "ours-cs.sigstore.json"} {
		if out, code := d.run(cosign, "verify-blob", "--key", "theirs.pub", "--insecure-ignore-tlog=true", "--trusted-root", trustedRoot(t), "--new-bundle-format", "--bundle", b, "app.bin"); code == 0 {
			t.Errorf("cosign verifies %s with another key\n%s", b, out)
		}
		if out, code := d.run("vitalsign", "verify", "app.bin", "--key", "theirs.pub", "--bundle", b); code != 4 {
			t.Errorf("%s with another key: exit %d\n%s", b, code, out)
		}
	}
}

// trustedRoot is a file that cosign wants even where nothing in it is asked.
func trustedRoot(t testing.TB) string {
	t.Helper()
	p, err := filepath.Abs(filepath.Join("..", "..", "attest", "public-good.json"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func move(t testing.TB, dir, from, to string) {
	t.Helper()
	if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
		t.Fatal(err)
	}
}

// released makes a repository with a signed bill of a number of commits, and a
// policy. The last commit has many findings.
func released(t testing.TB, commits, findings int) *desk {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	d := newDesk(t)
	d.must("vitalsign", "key", "create", "ci")
	d.must("vitalsign", "key", "identity")
	text := d.must("vitalsign", "policy", "init", "--builder", "ci.pub")
	d.write("policy.yaml", strings.Replace(text, "[secrets, deps, iac, sast]", "[secrets]", 1))
	d.must("git", "init", "-q", "-b", "main", "repo")
	for i := range commits {
		var b bytes.Buffer
		if i == commits-1 {
			for n := range findings {
				b.WriteString("key = \"" + credential()[:16] + letters(n) + "\"\n")
			}
		}
		d.write("repo/a.ini", b.String())
		d.write("repo/n.txt", letters(i))
		d.must("git", "-C", "repo", "add", "-A")
		d.must("git", "-C", "repo", "commit", "-q", "-m", letters(i))
		if out, code := d.run("vitalsign", "scan", "--sign", "--key", "ci.key", "-q", "repo"); code > 1 {
			t.Fatalf("scan: exit %d\n%s", code, out)
		}
	}
	return d
}

// letters is a number as four characters that a key id may have.
func letters(n int) string {
	const set = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	out := make([]byte, 4)
	for i := range out {
		out[i] = set[n%len(set)]
		n /= len(set)
	}
	return string(out)
}

// The real program, in a network namespace without even loopback.
func TestVerifyWithoutAnyNetwork(t *testing.T) {
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Skip("unshare is not installed")
	}
	d := released(t, 2, 0)
	alone := []string{"--net"}
	if os.Getuid() != 0 {
		alone = append(alone, "--map-root-user")
	}
	if out, code := d.run(unshare, append(alone, "true")...); code != 0 {
		t.Skipf("no network namespace can be made here: %s", out)
	}
	head := strings.TrimSpace(d.must("git", "-C", "repo", "rev-parse", "HEAD"))
	out := d.must(unshare, append(alone, filepath.Join(binaries(), "vitalsign"), "verify", "commit:"+head, "--policy", "policy.yaml")...)
	if !strings.Contains(out, "VERIFIED") || !strings.Contains(out, "1 bill before this one") {
		t.Errorf("%s", out)
	}
}

// BenchmarkVerify is a chain of 10 bills with 5,000 findings, whole processes;
// beside it cosign on the newest bill alone.
func BenchmarkVerify(b *testing.B) {
	d := released(b, 10, 5000)
	head := strings.TrimSpace(d.must("git", "-C", "repo", "rev-parse", "HEAD"))
	b.Run("vitalsign", func(b *testing.B) {
		for b.Loop() {
			if out, code := d.run("vitalsign", "verify", "commit:"+head, "--policy", "policy.yaml", "-f", "json"); code != 1 {
				b.Fatalf("exit %d\n%s", code, out)
			}
		}
	})
	b.Run("cosign", func(b *testing.B) {
		cosign := cosignProgram(b)
		bills, err := filepath.Glob(filepath.Join(d.dir, ".local", "state", "vitalsign", "evidence", head, "*.bill.sigstore.json"))
		if err != nil || len(bills) != 1 {
			b.Fatalf("bills %v, %v", bills, err)
		}
		for b.Loop() {
			d.must(cosign, "verify-blob-attestation", "--key", "ci.pub", "--insecure-ignore-tlog=true", "--trusted-root", trustedRoot(b), "--new-bundle-format", "--bundle", bills[0],
				"--type", "https://github.com/vitalsign-dev/vitalsign/bill-of-health/v1", "--check-claims=false", "policy.yaml")
		}
	})
}
