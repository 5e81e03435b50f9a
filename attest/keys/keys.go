// Package keys loads and makes the keys that sign: cosign key files and key
// management services.
package keys

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms"
	"github.com/sigstore/sigstore/pkg/signature/options"
)

// maxKey bounds a key file, in bytes.
const maxKey = 1 << 20

// Passphrase gives the passphrase of a key file; confirm asks twice, for a new
// one. It is called for key files that are encrypted only.
type Passphrase func(confirm bool) ([]byte, error)

// ErrPassphrase says that a key file did not open with the passphrase.
var ErrPassphrase = errors.New("the passphrase does not open the key")

// IsService says whether ref names a key management service, and not a file.
func IsService(ref string) bool { return strings.Contains(ref, "://") }

// Load opens a private key: a cosign key file (PEM "ENCRYPTED SIGSTORE PRIVATE
// KEY", or the older "ENCRYPTED COSIGN PRIVATE KEY"), or the URI of a key
// management service whose provider the program links.
func Load(ctx context.Context, ref string, pass Passphrase) (signature.SignerVerifier, error) {
	if IsService(ref) {
		return service(ctx, ref)
	}
	pem, err := read(ref)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(pem, []byte("PUBLIC KEY-----")) {
		return nil, fmt.Errorf("%s is a public key; signing needs the private one", ref)
	}
	secret, err := pass(false)
	if err != nil {
		return nil, err
	}
	sv, err := cosign.LoadPrivateKey(pem, secret, nil)
	switch {
	case err == nil:
		return sv, nil
	case strings.Contains(err.Error(), "decrypt"):
		return nil, fmt.Errorf("%s: %w", ref, ErrPassphrase)
	}
	return nil, fmt.Errorf("%s is no cosign key file: %w", ref, err)
}

func service(ctx context.Context, ref string) (signature.SignerVerifier, error) {
	sv, err := kms.Get(ctx, ref, crypto.SHA256)
	var none *kms.ProviderNotFoundError
	if errors.As(err, &none) {
		return nil, fmt.Errorf("no key management service for %s; there are %s", ref, strings.Join(kms.SupportedProviders(), ", "))
	}
	if err == nil {
		_, err = sv.PublicKey(options.WithContext(ctx)) // a key that is not there is found out now
	}
	if err != nil {
		return nil, fmt.Errorf("the key %s: %w", ref, err)
	}
	return sv, nil
}

// LoadPublic opens a public key in PEM, or asks a key management service.
func LoadPublic(ctx context.Context, ref string) (crypto.PublicKey, error) {
	if IsService(ref) {
		sv, err := service(ctx, ref)
		if err != nil {
			return nil, err
		}
		return sv.PublicKey()
	}
	pem, err := read(ref)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(pem, []byte("PRIVATE KEY-----")) {
		return nil, fmt.Errorf("%s is a private key; verifying needs the public one (%s)", ref, publicBeside(ref))
	}
	key, err := cryptoutils.UnmarshalPEMToPublicKey(pem)
	if err != nil {
		return nil, fmt.Errorf("%s is no public key in PEM: %w", ref, err)
	}
	return key, nil
}

func publicBeside(ref string) string { return strings.TrimSuffix(ref, ".key") + ".pub" }

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	b, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err == nil && len(b) > maxKey {
		err = fmt.Errorf("%s is too large for a key", path)
	}
	return b, err
}

// Create makes an ECDSA P-256 key pair: a cosign key file under the
// passphrase, and the public key, both PEM.
func Create(pass Passphrase) (private, public []byte, err error) {
	pair, err := cosign.GenerateKeyPair(cosign.PassFunc(pass))
	if err != nil {
		return nil, nil, err
	}
	return pair.PrivateBytes, pair.PublicBytes, nil
}

// PEM is a public key in PEM.
func PEM(key crypto.PublicKey) ([]byte, error) { return cryptoutils.MarshalPublicKeyToPEM(key) }
