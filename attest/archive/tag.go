package archive

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// A tag has 1 to 128 of [A-Za-z0-9_.-] and does not begin with . or - (OCI
// distribution specification, section "Pulling manifests"). A name has slashes
// besides, and may be longer.
const (
	// tagPlain begins a tag that says the name: "_" is written "__" and "/" is
	// written "_-", so that the name can be read back.
	tagPlain = "v1."
	// tagHashed begins the tag of a name that does not fit, with the SHA-256 of
	// the name; the manifest's annotation says the name.
	tagHashed = "h1."

	maxTag = 128
)

// tagOf is the tag under which a name is kept; no two names have the same.
func tagOf(name string) string {
	tag := tagPlain + strings.NewReplacer("_", "__", "/", "_-").Replace(name)
	if len(tag) <= maxTag {
		return tag
	}
	sum := sha256.Sum256([]byte(name))
	return tagHashed + hex.EncodeToString(sum[:])
}

// nameOf reads a tag. A tag that says no name is somebody else's, or hashed.
func nameOf(tag string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(tag, tagPlain)
	if !ok {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(rest); i++ {
		c := rest[i]
		if c == '_' {
			if i++; i == len(rest) || rest[i] != '_' && rest[i] != '-' {
				return "", false
			}
			if rest[i] == '-' {
				c = '/'
			}
		}
		b.WriteByte(c)
	}
	name = b.String()
	return name, CheckName(name) == nil && tagOf(name) == tag
}
