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
	// tagHashed begins the tag of a name that does not fit. The first part of
	// the name follows, written in the same way and cut, so that a list of what
	// is below one part need not look at the others; then a dot and the SHA-256
	// of the name. The manifest's annotation says the name.
	tagHashed = "h1."

	maxTag  = 128
	maxHead = maxTag - len(tagHashed) - len(".") - 2*sha256.Size
)

// tagOf is the tag under which a name is kept; no two names have the same.
func tagOf(name string) string {
	tag := tagPlain + escape(name)
	if len(tag) <= maxTag {
		return tag
	}
	sum := sha256.Sum256([]byte(name))
	return headOf(name) + hex.EncodeToString(sum[:])
}

func escape(name string) string { return strings.NewReplacer("_", "__", "/", "_-").Replace(name) }

// headOf is what the hashed tags of all names with that first part begin with.
func headOf(name string) string {
	first, _, _ := strings.Cut(name, "/")
	first = escape(first)
	return tagHashed + first[:min(len(first), maxHead)] + "."
}

// mayBegin says whether a tag is a hashed one whose name may begin with prefix.
func mayBegin(tag, prefix string) bool {
	head := len(tag) - 2*sha256.Size
	if head <= len(tagHashed) || !strings.HasPrefix(tag, tagHashed) || tag[head-1] != '.' {
		return false
	}
	if _, err := hex.DecodeString(tag[head:]); err != nil {
		return false
	}
	return !strings.Contains(prefix, "/") || tag[:head] == headOf(prefix)
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
