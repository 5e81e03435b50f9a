package git

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/vitalsign-dev/vitalsign/internal/loopback"
)

// ErrRejected says that a remote did not take a push because its ref has moved
// meanwhile.
var ErrRejected = errors.New("the remote's ref has moved meanwhile")

// Credentials are how git proves who asks. They come from the user, never from
// the repository.
type Credentials struct {
	// Env is added to git's environment: HOME and SSH_AUTH_SOCK for ssh,
	// GIT_ASKPASS for https, GIT_SSH_COMMAND for a key of its own.
	Env []string
	// Helper is a credential helper (gitcredentials(7)). Those that the
	// repository's configuration names are never asked.
	Helper string
	// Token is a password for one place.
	Token Token
}

// Token is a password for the host at Place (https://host), and for no other.
// git asks a helper for it, which reads it from git's own environment: it is in
// no argument, no file and no message, and git gives it to nobody to keep.
type Token struct{ Place, Value string }

const (
	tokenEnv = "VITALSIGN_GIT_TOKEN"
	// tokenHelper answers what git asks, and does nothing where git would have
	// a password kept or forgotten (gitcredentials(7)). GitHub takes any name.
	tokenHelper = `!f() { if [ "$1" = get ]; then echo username=x-access-token; echo "password=$` + tokenEnv + `"; fi; }; f`
)

// Remote is another repository, by address.
type Remote struct {
	repo    *Repo // like that of here, with what it takes to go out
	address string
	local   bool
}

// scpForm is user@host:path (git-clone(1), GIT URLS).
var scpForm = regexp.MustCompile(`^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^:]`)

// Remote gives the remote of that name, or the one at that address. It speaks
// https, ssh, http with this machine only, and files; no other transport, since
// some of them are commands (gitremote-helpers(7), ext::).
func (r *Repo) Remote(ctx context.Context, nameOrAddress string, c Credentials) (*Remote, error) {
	address := nameOrAddress
	if !strings.ContainsAny(address, `:/\`) {
		// The address only: the section may also name programs to run
		// (remote.NAME.uploadpack).
		out, err := r.output(ctx, r.Dir, "config", "--local", "--includes", "--get", "remote."+nameOrAddress+".url")
		if err != nil {
			return nil, fmt.Errorf("the repository has no remote %q", nameOrAddress)
		}
		address = strings.TrimSuffix(string(out), "\n")
	}
	m := &Remote{address: address}
	protocol, err := protocolOf(address)
	if err != nil {
		return nil, err
	}
	m.local = protocol == "file"
	settings, err := r.remoteSettings(ctx, protocol, c)
	if err != nil {
		return nil, err
	}
	outside := *r
	outside.env = append(slices.DeleteFunc(slices.Clone(r.env), func(e string) bool { return strings.HasPrefix(e, "GIT_CONFIG_") }),
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_ALLOW_PROTOCOL="+protocol, "GIT_SSH_COMMAND=ssh -o BatchMode=yes")
	outside.env = append(outside.env, configEnv(append(r.settings(), settings...))...)
	outside.env = append(outside.env, c.Env...)
	if c.Token.Value != "" {
		outside.env = append(outside.env, tokenEnv+"="+c.Token.Value)
	}
	outside.group = true
	m.repo = &outside
	return m, nil
}

func protocolOf(address string) (string, error) {
	u, err := url.Parse(address)
	switch {
	case strings.HasPrefix(address, "-"), strings.Contains(address, "::"):
	case scpForm.MatchString(address):
		return "ssh", nil
	case err != nil:
	case u.Scheme == "https", u.Scheme == "ssh", u.Scheme == "file":
		return u.Scheme, nil
	case u.Scheme == "http" && loopback.Host(u.Host):
		return "http", nil
	case u.Scheme == "" && strings.ContainsAny(address, `/\`), len(u.Scheme) == 1: // C:\repo
		return "file", nil
	}
	return "", fmt.Errorf("the remote %s is refused: its address is not https, ssh or a path", withoutUser(address))
}

// remoteSettings are what goes over the configuration while git speaks with a
// remote.
func (r *Repo) remoteSettings(ctx context.Context, protocol string, c Credentials) ([][2]string, error) {
	kv := [][2]string{
		{"protocol.allow", "never"}, {"protocol." + protocol + ".allow", "always"},
		{"credential.helper", ""}, {"gc.auto", "0"}, {"maintenance.auto", "false"}, {"fetch.fsckObjects", "true"},
		{"fetch.writeCommitGraph", "false"}, {"push.gpgSign", "false"}, {"push.followTags", "false"}, {"push.pushOption", ""},
		{"http.sslVerify", "true"}, {"http.saveCookies", "false"}, {"http.followRedirects", "initial"},
		{"core.alternateRefsCommand", "true"}, // true(1): no refs of alternates
	}
	out, err := r.output(ctx, r.Dir, "config", "--includes", "--null", "--name-only", "--list")
	if err != nil {
		return nil, err
	}
	for key := range strings.SplitSeq(string(out), "\x00") {
		value, ok := tamed(strings.ToLower(key))
		switch {
		case value == "git" && protocol == "file":
			return nil, fmt.Errorf("the repository's %s names a program to run: unset it", key)
		case ok:
			kv = append(kv, [2]string{key, value})
		}
	}
	if c.Helper != "" {
		kv = append(kv, [2]string{"credential.helper", c.Helper})
	}
	if c.Token.Value != "" {
		kv = append(kv, [2]string{"credential." + c.Token.Place + ".helper", tokenHelper})
	}
	return kv, nil
}

// tamed gives what a setting must be instead: one for an address goes over one
// for all, so each needs its own. "git" stands for a program at the other end,
// whose first setting is the one that counts, so it cannot be replaced; a
// remote may be one at an address, or the one of a partial clone.
func tamed(key string) (value string, ok bool) {
	section, _, _ := strings.Cut(key, ".")
	switch section + "." + key[strings.LastIndexByte(key, '.')+1:] {
	case "http.sslverify":
		return "true", true
	case "http.savecookies":
		return "false", true
	case "credential.helper":
		return "", true
	case "remote.uploadpack", "remote.receivepack":
		return "git", false
	}
	return "", false
}

// settings reads back what configEnv wrote.
func (r *Repo) settings() [][2]string {
	values := map[string]string{}
	for _, e := range r.env {
		key, value, _ := strings.Cut(e, "=")
		values[key] = value
	}
	n, _ := strconv.Atoi(values["GIT_CONFIG_COUNT"]) // our own
	kv := make([][2]string, n)
	for i := range kv {
		kv[i] = [2]string{values["GIT_CONFIG_KEY_"+strconv.Itoa(i)], values["GIT_CONFIG_VALUE_"+strconv.Itoa(i)]}
	}
	return kv
}

// uploadPack says the program at the other end, whatever the configuration says.
const uploadPack = "--upload-pack=git-upload-pack"

// Tip gives the commit that a ref of the remote points to, "" for none.
func (m *Remote) Tip(ctx context.Context, ref string) (string, error) {
	out, err := m.run(ctx, "ls-remote", "--refs", uploadPack, m.address, ref)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(out)) { // the pattern also matches endings
		if object, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok && name == ref {
			return object, nil
		}
	}
	return "", nil
}

// Fetch brings what a ref of the remote points to, with its history, and lets
// nothing here point to it. It gives the commit, "" for none.
func (m *Remote) Fetch(ctx context.Context, ref string) (string, error) {
	tip, err := m.Tip(ctx, ref)
	if err != nil || tip == "" {
		return "", err
	}
	if _, err := m.repo.output(ctx, m.repo.Dir, "cat-file", "-e", tip+"^{commit}"); err == nil {
		return tip, nil
	}
	_, err = m.run(ctx, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
		uploadPack, m.address, ref)
	if err != nil {
		return "", err
	}
	_, err = m.repo.output(ctx, m.repo.Dir, "cat-file", "-e", tip+"^{commit}")
	return tip, err
}

// Push lets a ref of the remote point to commit, if that is further on the
// same history; else ErrRejected. Never by force.
func (m *Remote) Push(ctx context.Context, commit, ref string) error {
	program := "git-receive-pack"
	if m.local {
		// The repository at a path is no more trusted than this one: its hooks
		// and its work tree are not touched.
		program = "'" + strings.ReplaceAll(m.repo.git, "'", `'\''`) + "' -c core.hooksPath=/dev/null" +
			" -c core.fsmonitor=false -c core.alternateRefsCommand=true -c receive.autogc=false -c receive.denyCurrentBranch=refuse -c receive.fsckObjects=true receive-pack"
	}
	_, err := m.run(ctx, "push", "--quiet", "--no-verify", "--no-signed", "--recurse-submodules=no", "--no-follow-tags",
		"--receive-pack="+program, m.address, commit+":"+ref)
	if err != nil && raced(err.Error()) {
		return fmt.Errorf("%w: %w", ErrRejected, err)
	}
	return err
}

// raced knows the words for a push that lost against another: on this side
// (builtin/push.c, send-pack.c), and on the other (refs.c, receive-pack.c).
func raced(words string) bool {
	if strings.Contains(words, "[rejected]") {
		return true
	}
	return strings.Contains(words, "[remote rejected]") && slices.ContainsFunc([]string{
		"cannot lock ref", "failed to update ref", "incorrect old value", "reference already exists", "fetch first", "failed to lock",
	}, func(w string) bool { return strings.Contains(words, w) })
}

// run runs git; an address in its words may hold a token, so it is cut out.
func (m *Remote) run(ctx context.Context, args ...string) ([]byte, error) {
	out, err := m.repo.output(ctx, m.repo.Dir, args...)
	if err != nil && ctx.Err() == nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), m.address, withoutUser(m.address)))
	}
	return out, err
}
