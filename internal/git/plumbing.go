package git

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
)

// setting is one line of git's configuration.
type setting struct{ scope, key, value string }

// section and name are the outer parts of the key, in lower case as git prints
// them: http.https://forge.example.proxy has the section http and the name proxy.
func (s setting) section() string {
	section, _, _ := strings.Cut(s.key, ".")
	return section
}

func (s setting) name() string { return s.key[strings.LastIndexByte(s.key, '.')+1:] }

// ofRepository lists what the repository's own configuration says. That is also
// what lies in .git/config.worktree, which git config --local passes over, and
// every other command of git reads (git-worktree(1), CONFIGURATION FILE).
func (r *Repo) ofRepository(ctx context.Context) ([]setting, error) {
	out, err := r.output(ctx, r.Dir, "config", "--includes", "--show-scope", "--null", "--list")
	if err != nil {
		return nil, err
	}
	fields := strings.Split(string(out), "\x00")
	var all []setting
	for i := 0; i+1 < len(fields); i += 2 {
		key, value, _ := strings.Cut(fields[i+1], "\n")
		if fields[i] != "command" { // what we say ourselves
			all = append(all, setting{fields[i], key, value})
		}
	}
	return all, nil
}

// Straight refuses a repository whose configuration leads git elsewhere than to
// the remote that was asked for, nameOrAddress as Remote got it. None of this
// can be switched off by a setting that goes over it.
//
// Who names a remote of the repository takes its word for where that is. Who
// gives an address means that one: the password is for it, and the evidence.
func (m *Remote) Straight(ctx context.Context, nameOrAddress string) error {
	settings, err := m.repo.ofRepository(ctx)
	if err != nil {
		return err
	}
	for _, s := range settings {
		if why := m.detour(s, nameOrAddress == m.address); why != "" {
			return fmt.Errorf("the repository's %s %s: unset it", withoutUserIn(s.key), why)
		}
	}
	return nil
}

// detour says what a setting would do, "" for nothing.
func (m *Remote) detour(s setting, byAddress bool) string {
	rest, ours := strings.CutPrefix(s.key, "remote."+m.address+".")
	ours = ours && !strings.Contains(rest, ".")
	switch s.section() {
	case "remote":
		// git takes an address for the name of a remote when there is one called
		// that: it has another address then, and refs that a fetch writes.
		if ours {
			return "is about a remote that is called like the address, and has git use another or write refs"
		}
		if s.scope == "worktree" && (s.name() == "uploadpack" || s.name() == "receivepack") {
			return "names a program to run"
		}
	case "url":
		if byAddress && strings.HasPrefix(m.address, s.value) {
			return "has git use another address"
		}
	case "http", "credential":
		switch {
		case s.scope == "worktree":
			return "is about passwords or certificates, and only for one work tree"
		case byAddress && m.overHTTP() && (s.name() == "proxy" || s.name() == "sslcainfo" || s.name() == "sslcapath"):
			return "decides who hears the password and passes for the remote, which is for the user to say"
		}
	}
	return ""
}

func (m *Remote) overHTTP() bool { return strings.HasPrefix(m.address, "http") }

// withoutUserIn cuts what may be a token out of a key with an address in it.
func withoutUserIn(key string) string {
	section, rest, ok := strings.Cut(key, ".")
	i := strings.LastIndexByte(rest, '.')
	if !ok || i < 0 {
		return key
	}
	return section + "." + withoutUser(rest[:i]) + rest[i:]
}

// OfUser adds what the user's and the machine's own configuration say of
// passwords, of the way out (a proxy), and of whom a certificate may be from.
// The rest of these files stays unread by every other command. The user's are
// found by the HOME in c.Env; without one nothing is read at all.
func (c Credentials) OfUser(ctx context.Context, program string) (Credentials, error) {
	home := ""
	for _, e := range c.Env {
		if v, ok := strings.CutPrefix(e, "HOME="); ok {
			home = v
		}
	}
	if home == "" || program == "" {
		return c, nil
	}
	var words []string
	for _, scope := range []string{"--system", "--global"} { // the later goes over the earlier
		settings, err := readScope(ctx, program, home, scope)
		if err != nil {
			return c, err
		}
		for _, s := range settings {
			// A helper of the user's would be given the token to keep.
			if c.Token.Value != "" && s.section() == "credential" {
				continue
			}
			words = append(words, quote(s.key)+"="+quote(s.value))
		}
	}
	if len(words) > 0 {
		// It is how git -c hands settings to git, and goes over GIT_CONFIG_COUNT
		// (git-config(1), ENVIRONMENT): the user's helpers come after the empty
		// one that forgets the repository's.
		c.Env = append(c.Env[:len(c.Env):len(c.Env)], "GIT_CONFIG_PARAMETERS="+strings.Join(words, " "))
	}
	return c, nil
}

// readScope reads one configuration file outside of any repository.
func readScope(ctx context.Context, program, home, scope string) ([]setting, error) {
	r := &Repo{git: program, env: []string{"LC_ALL=C", "HOME=" + home}}
	outside := string(filepath.Separator) // no repository is there to be looked at
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var out bytes.Buffer
	// --get-regexp would answer "nothing" as a failure, and so does --list
	// where there is no file.
	err := r.run(ctx, cancel, r.command(ctx, outside, "config", scope, "--includes", "--null", "--list"), &out, maxOutput, "config")
	if err != nil {
		if strings.Contains(err.Error(), "No such file") {
			return nil, nil
		}
		return nil, fmt.Errorf("how the user proves who asks: %w", err)
	}
	var all []setting
	for line := range strings.SplitSeq(out.String(), "\x00") {
		key, value, ok := strings.Cut(line, "\n")
		if s := (setting{scope, key, value}); ok && s.forRemotes() {
			all = append(all, s)
		}
	}
	return all, nil
}

// forRemotes says whether a setting of the user's is taken over. That
// certificates are not looked at (http.sslVerify) is not.
func (s setting) forRemotes() bool {
	switch s.section() {
	case "credential":
		return true
	case "http":
		switch s.name() {
		case "proxy", "sslcainfo", "sslcapath":
			return true
		}
	}
	return false
}

// quote writes a word as git reads it in GIT_CONFIG_PARAMETERS (quote.c,
// sq_quote_buf).
func quote(s string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(s) + "'"
}
