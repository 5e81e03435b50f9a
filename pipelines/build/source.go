package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

// Source is the tree that a build was made from.
type Source struct {
	Commit, Tree, Remote string
	// Clean says that every file is the commit's, before and after the build.
	Clean     bool
	Inventory *inventory.Inventory
}

// Resource names the source: the commit where the files are its files, and else
// the digest of the list of files, which claims no commit.
func (s Source) Resource() Resource {
	r := Resource{Name: "source", URI: GitURI(s.Remote)}
	if s.Clean && s.Commit != "" {
		r.Digest = map[string]string{"gitCommit": s.Commit, "gitTree": s.Tree}
		return r
	}
	r.URI, r.Digest = "", SHA256(InventoryDigest(s.Inventory))
	why := "it is not under version control"
	if s.Commit != "" {
		why = "it has files that are not those of a commit"
	}
	r.Annotations = map[string]string{"digestOf": "SHA256SUMS of the files, sorted by path", "noCommit": why}
	return r
}

// InventoryDigest is the SHA-256 of what sha256sum prints for all files, in
// order of path.
func InventoryDigest(inv *inventory.Inventory) string {
	h := sha256.New()
	for _, f := range inv.Files {
		h.Write([]byte(sumLine(f.SHA256, f.Name()))) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil))
}

// GitURI is a remote's address as SPDX writes it (SPDX 2.3, 7.7), "" for one
// that is none.
func GitURI(remote string) string {
	if host, p, ok := strings.Cut(remote, ":"); ok && !strings.Contains(remote, "://") && !strings.Contains(host, "/") {
		remote = "ssh://" + host + "/" + strings.TrimPrefix(p, "/") // git's short form
	}
	u, err := url.Parse(remote)
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "ssh", "git"}, u.Scheme) {
		return "" // a path of some machine
	}
	return "git+" + u.String()
}

// ImageResource names an image: by its reference, in the form of skopeo's
// transports, or by where it lies in the repository.
func ImageResource(image, sum string) Resource {
	r := Resource{Name: image}
	if sum != "" {
		r.Digest = SHA256(sum)
	}
	if _, place := checks.ImagePlace(image); !place {
		r.Name, r.URI = "", "docker://"+image
	}
	return r
}

// maxDockerfile bounds what is read of a Dockerfile, in bytes.
const maxDockerfile = 1 << 20

var (
	fromLine  = regexp.MustCompile(`(?i)^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$`)
	fromFlag  = regexp.MustCompile(`(?i)^\s*(?:COPY|ADD|RUN)\s.*?(?:--from=|[,=]from=)([^\s,]+)`)
	pinnedRef = regexp.MustCompile(`@sha256:([0-9a-f]{64})$`)
)

// BaseImages are the images that a Dockerfile names (Dockerfile reference,
// FROM, COPY --from), in order, without its own stages. One that is named
// without digest, or by an argument, has none here either: nobody can tell
// afterwards which one it was.
func BaseImages(dockerfile []byte) []Resource {
	own := map[string]bool{"scratch": true}
	var images []Resource
	stages := 0
	for line := range strings.SplitSeq(string(dockerfile[:min(len(dockerfile), maxDockerfile)]), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if m := fromLine.FindStringSubmatch(line); m != nil {
			images = addImage(images, own, m[1])
			own[fmt.Sprint(stages)], own[strings.ToLower(m[2])] = true, true
			stages++
			continue
		}
		if m := fromFlag.FindStringSubmatch(line); m != nil {
			images = addImage(images, own, m[1])
		}
	}
	return images
}

func addImage(images []Resource, own map[string]bool, ref string) []Resource {
	if own[strings.ToLower(ref)] {
		return images
	}
	sum := ""
	if m := pinnedRef.FindStringSubmatch(ref); m != nil {
		sum = m[1]
	}
	r := ImageResource(ref, sum)
	if slices.ContainsFunc(images, func(have Resource) bool { return have.URI == r.URI }) {
		return images
	}
	return append(images, r)
}
