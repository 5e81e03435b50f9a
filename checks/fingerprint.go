package checks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode"
)

// fingerprintDomain separates these hashes from every other SHA-256 in the
// world, and carries the version: a v2 would be emitted beside it.
const fingerprintDomain = "vitalsign/fingerprint/v1"

// Fingerprint is the identity of a finding: SHA-256 over the class and the
// anchor, each preceded by its length, as 64 lower-case hex digits. It holds
// no path, no symbol and no ordinal, so that moving, reindenting and renaming
// keep it (see Anchor for what changes it).
func Fingerprint(class, anchor string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%d:%s\n%d:%s\n", fingerprintDomain, len(class), class, len(anchor), anchor)
	return hex.EncodeToString(h.Sum(nil))
}

// Anchor is the flagged text as identity sees it: every value in values cut
// out and replaced by its keyed HMAC, then all white space removed. A changed
// value changes the anchor, a changed indentation does not. Without the key
// the anchor says nothing about a value.
func Anchor(key IdentityKey, text string, values []string) string {
	// The longest first: a value that is part of another must not leave the
	// rest of the longer one behind.
	sorted := append([]string(nil), values...)
	sort.SliceStable(sorted, func(i, j int) bool { return len(sorted[i]) > len(sorted[j]) })
	pairs := make([]string, 0, 2*len(sorted))
	for _, v := range sorted {
		if strings.TrimSpace(v) != "" {
			// Without white space here too: a key block in a YAML file is the
			// same key after the file was reindented.
			pairs = append(pairs, v, "\x00"+key.Value(withoutSpace(v))+"\x00")
		}
	}
	return withoutSpace(strings.NewReplacer(pairs...).Replace(text))
}

func withoutSpace(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

// identityKeySize is the length of an identity key in bytes: as long as the
// output of the HMAC's hash (RFC 2104 section 3).
const identityKeySize = 32

// IdentityKey is the fleet's secret under which values are compared. Its zero
// value is not usable: Valid is false and Value panics.
type IdentityKey struct{ b []byte }

// NewIdentityKey takes 32 random bytes.
func NewIdentityKey(b []byte) (IdentityKey, error) {
	if len(b) != identityKeySize {
		return IdentityKey{}, fmt.Errorf("an identity key has %d bytes, not %d", identityKeySize, len(b))
	}
	return IdentityKey{append([]byte(nil), b...)}, nil
}

// ParseIdentityKey reads the text form: standard base64 of 32 bytes. The error
// never quotes the text.
func ParseIdentityKey(s string) (IdentityKey, error) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil {
		return IdentityKey{}, errors.New("an identity key is 32 bytes in standard base64")
	}
	return NewIdentityKey(b)
}

// Valid says whether the key can be used.
func (k IdentityKey) Valid() bool { return len(k.b) == identityKeySize }

// Text is the form that ParseIdentityKey reads. It is a secret.
func (k IdentityKey) Text() string { return base64.StdEncoding.EncodeToString(k.b) }

// String keeps the key out of logs and formatted errors.
func (k IdentityKey) String() string { return "identity key " + k.ID() }

// GoString keeps the key out of %#v.
func (k IdentityKey) GoString() string { return k.String() }

// ID names the key without giving it away: 16 hex digits of a keyed hash.
func (k IdentityKey) ID() string {
	if !k.Valid() {
		return ""
	}
	return k.mac("id", "")[:16]
}

// Value is the keyed HMAC-SHA-256 of a secret or patient value, in hex.
func (k IdentityKey) Value(v string) string { return k.mac("value", v) }

// CacheKey is a key for the MAC of what is kept between runs, so that nobody
// without the identity key can put an answer there.
func (k IdentityKey) CacheKey() []byte { return []byte(k.mac("cache", "")) }

// Canary is the name, in hex, of a canary's directory for what seed describes.
// Nobody without the key can foresee it, and the same key gives the same name,
// so that the same job asked twice is the same job.
func (k IdentityKey) Canary(seed string) string { return k.mac("canary", seed)[:12] }

func (k IdentityKey) mac(domain, v string) string {
	if !k.Valid() {
		panic("checks: a zero IdentityKey was used: the parent must give every job a key")
	}
	m := hmac.New(sha256.New, k.b)
	fmt.Fprintf(m, "vitalsign/%s/v1\n%s", domain, v)
	return hex.EncodeToString(m.Sum(nil))
}
