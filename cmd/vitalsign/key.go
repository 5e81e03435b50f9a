package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/vitalsign-dev/vitalsign/attest/keys"
	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/wholefile"
)

const identityFile = "identity.key"

func (a *app) keyCommand() *cobra.Command {
	key := &cobra.Command{
		Use: "key", Short: "Make keys",
		Example: "  vitalsign key create ci     ci.key and ci.pub, to sign with\n  vitalsign key identity      by which findings about values are known again",
		Args:    cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	key.AddCommand(a.keyCreate(), &cobra.Command{
		Use: "identity", Short: "Make the identity key of your fleet",
		Long: "Makes the key under which secret values are compared, so that the same secret is\n" +
			"the same finding on every machine that has the key. It is 32 random bytes; keep\n" +
			"it like a password, and give it to CI as " + checks.IdentityKeyEnv + ".",
		Example: "  vitalsign key identity\n  VITALSIGN_IDENTITY_KEY=$(cat ~/.config/vitalsign/identity.key) vitalsign scan",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return a.makeIdentityKey() },
	})
	return key
}

func (a *app) keyCreate() *cobra.Command {
	return &cobra.Command{
		Use: "create [NAME]", Short: "Make a key pair that signs: NAME.key and NAME.pub",
		Long: "Makes a cosign key pair (ECDSA P-256): the private key is encrypted with a passphrase, which is\n" +
			"asked for in a terminal and taken from " + passphraseEnv + " elsewhere. The public key goes into a\n" +
			"policy: vitalsign policy init.",
		Example: "  vitalsign key create ci                      ci.key and ci.pub\n  COSIGN_PASSWORD=... vitalsign key create alice",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			name := "vitalsign"
			if len(args) == 1 {
				name = args[0]
			}
			return a.createKey(name)
		},
	}
}

// createKey never replaces a key: what it has signed could not be told apart
// from a forgery any more.
func (a *app) createKey(name string) error {
	for _, f := range []string{name + ".key", name + ".pub"} {
		if fileExists(f) {
			return usageError("%s is there already and was left alone", f)
		}
	}
	private, public, err := keys.Create(a.passphrase)
	if err != nil {
		return err
	}
	if err := wholefile.WriteBytes(name+".key", private, 0o600); err != nil {
		return err
	}
	if err := wholefile.WriteBytes(name+".pub", public, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "key written: %s.key (mode 0600, keep it and its passphrase) and %s.pub (goes into a policy)\n", name, name)
	return nil
}

// makeIdentityKey writes a new key and never replaces one: every waiver that
// is bound to a value would be lost.
func (a *app) makeIdentityKey() error {
	dir := a.configDir()
	if dir == "" {
		return usageError("there is no directory for the key: set HOME or XDG_CONFIG_HOME")
	}
	path := filepath.Join(dir, identityFile)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, err := randomKey()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return usageError("%s is there already and was left alone\nA new key would unbind every waiver that is bound to a value.", path)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, key.Text())
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "identity key %s written to %s (mode 0600)\n", key.ID(), path)
	return nil
}

func randomKey() (checks.IdentityKey, error) {
	b := make([]byte, 32)
	if _, err := rand.Read(b); err != nil {
		return checks.IdentityKey{}, err
	}
	return checks.NewIdentityKey(b)
}

// identityKey gives the key of this run: environment, file, or a throwaway.
func (a *app) identityKey() (key checks.IdentityKey, throwaway bool, err error) {
	if text := a.getenv(checks.IdentityKeyEnv); text != "" {
		if key, err = checks.ParseIdentityKey(text); err != nil {
			return key, false, usageError("%s: %w", checks.IdentityKeyEnv, err)
		}
		return key, false, nil
	}
	path := filepath.Join(a.configDir(), identityFile)
	b, err := os.ReadFile(path)
	if a.configDir() == "" || errors.Is(err, fs.ErrNotExist) {
		key, err = randomKey()
		return key, true, err
	}
	if err != nil {
		return key, false, usageError("the identity key could not be read: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		return key, false, usageError("%s can be read by others (mode %04o): run chmod 600 on it", path, info.Mode().Perm())
	}
	if key, err = checks.ParseIdentityKey(string(b)); err != nil {
		return key, false, usageError("%s: %w", path, err)
	}
	return key, false, nil
}
