package main

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/keys"
	"github.com/vitalsign-dev/vitalsign/internal/judge"
)

// passphraseEnv is cosign's variable.
const passphraseEnv = "COSIGN_PASSWORD"

// signerFlags say with what is signed.
func signerFlags(fl *pflag.FlagSet) {
	fl.String("key", "", "private key: a cosign key file, or awskms://, gcpkms://, azurekms://, hashivault:// (default: VITALSIGN_KEY)")
	fl.String("timestamp-url", "", "RFC 3161 authority that proves the time (default: VITALSIGN_TIMESTAMP_URL)")
	fl.String("trusted-root", "", "Sigstore trusted root (JSON) that the timestamp is held against")
}

// errNoKey says that nobody can sign here.
var errNoKey = errors.New("there is no key to sign with: give --key or VITALSIGN_KEY, or make one with vitalsign key create")

// flagOr is a flag's value, else the environment's.
func (a *app) flagOr(cmd *cobra.Command, flag, variable string) string {
	if v, err := cmd.Flags().GetString(flag); err == nil && v != "" {
		return v
	}
	return a.getenv(variable)
}

// signer opens the key that the command line or the environment names. Without
// one it is errNoKey.
func (a *app) signer(cmd *cobra.Command) (s attest.Signer, err error) {
	s, err = a.signerWith(cmd.Context(), a.flagOr(cmd, "key", "VITALSIGN_KEY"), a.flagOr(cmd, "timestamp-url", "VITALSIGN_TIMESTAMP_URL"), a.passphrase)
	if err == nil {
		s.Root, err = a.trustedRoot(cmd)
	}
	return s, err
}

// signerWith opens a key and, where there is one, a timestamp authority.
func (a *app) signerWith(ctx context.Context, ref, timestamps string, passphrase func(confirm bool) ([]byte, error)) (s attest.Signer, err error) {
	if ref == "" {
		return s, errNoKey
	}
	if s.Key, err = keys.Load(ctx, ref, passphrase); err != nil {
		return s, exitError{judge.ExitUsage, err}
	}
	if timestamps != "" {
		s.Timestamps = attest.TimestampAuthority(timestamps, nil)
	}
	return s, nil
}

// trustedRoot is the root that a flag names, nil without.
func (a *app) trustedRoot(cmd *cobra.Command) (*attest.Root, error) {
	name, err := cmd.Flags().GetString("trusted-root")
	if err != nil || name == "" {
		return nil, err
	}
	if name == attest.PublicGood {
		return attest.PublicGoodRoot()
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, usageError("--trusted-root: %w", err)
	}
	r, err := attest.ParseRoot(b, name)
	if err != nil {
		return nil, usageError("--trusted-root: %w", err)
	}
	return r, nil
}

// passphrase asks for a key's passphrase: the environment, else the terminal
// (masked), else nobody, which is wrong usage and not an empty passphrase.
func (a *app) passphrase(confirm bool) ([]byte, error) {
	if v, ok := a.lookup(passphraseEnv); ok {
		return []byte(v), nil
	}
	in, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, usageError("the key has a passphrase, and there is no terminal to ask for it: set %s", passphraseEnv)
	}
	ask := func(prompt string) ([]byte, error) {
		fmt.Fprint(a.err, prompt)
		b, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(a.err)
		return b, err
	}
	b, err := ask("Passphrase of the private key: ")
	if err != nil || !confirm {
		return b, err
	}
	again, err := ask("Once more: ")
	if err == nil && !bytes.Equal(b, again) {
		err = usageError("the two passphrases are not the same")
	}
	return b, err
}

// publicKey opens a public key that a flag names.
func publicKey(ctx context.Context, ref string) (crypto.PublicKey, error) {
	key, err := keys.LoadPublic(ctx, ref)
	if err != nil {
		return nil, usageError("--key: %w", err)
	}
	return key, nil
}

// readFile reads a file that was named on the command line, within bounds.
func readFile(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", name, most)
	}
	return b, err
}
