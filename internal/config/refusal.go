package config

import (
	"fmt"
	"slices"
)

// Refusal is an entry that may not be used as it is, because nobody who may
// has given leave. The caller must not run, fetch or read what it names.
type Refusal struct {
	// Key is the entry, "external.house-lint"; Block and Name are its halves.
	Key, Block, Name string
	// What it does that needs leave: "names a command".
	What string
	// Rule says what holds without leave, and Allow is the flag that gives it.
	Rule, Allow string
	Origin      Origin
}

// String is the refusal in one line, with the way out.
func (r Refusal) String() string {
	return fmt.Sprintf("%s: %s %s %s; %s. Allow it with %s", r.Origin, r.Block, r.Name, r.What, r.Rule, r.Allow)
}

// Refused lists what lacks leave, blocks in the order External, Images,
// Artifacts, each by name: what a repository's file asks for beyond the presets
// and its own files without AllowExec naming it, and from whomever an image
// without a digest, unless AllowUnpinned.
func (s Settings) Refused() []Refusal {
	var list []Refusal
	for _, e := range s.External {
		list = s.refuse(list, blockExternal, e.Name, e.Origin, e.needs(), "only name presets", e.Image)
	}
	for _, name := range names(s.Images) {
		list = s.refuse(list, blockImages, name, s.ImageOrigins[name], "names an image", "not say where images come from", s.Images[name])
	}
	for _, a := range s.Artifacts {
		what, may := a.needs()
		list = s.refuse(list, blockArtifacts, a.Name, a.Origin, what, may, a.images()...)
	}
	return list
}

// refuse adds what one entry lacks. What nobody knows the origin of is held to
// be the repository's.
func (s Settings) refuse(list []Refusal, block, name string, o Origin, what, may string, images ...string) []Refusal {
	r := Refusal{Key: block + "." + name, Block: block, Name: name, Origin: o}
	if what != "" && (o.Kind == Repository || o.Kind == Default) && !slices.Contains(s.AllowExec, name) {
		r.What, r.Rule, r.Allow = what, "a repository may "+may, "--allow-exec "+name
		list = append(list, r)
	}
	if i := slices.IndexFunc(images, func(image string) bool { return image != "" && !pinned(image) }); i >= 0 && !s.AllowUnpinned {
		r.What = "names the image " + images[i] + " without a digest"
		r.Rule, r.Allow = "it may be another one tomorrow, so add @sha256: and the digest", "--allow-unpinned"
		list = append(list, r)
	}
	return list
}
