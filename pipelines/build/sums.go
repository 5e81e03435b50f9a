package build

import (
	"errors"
	"regexp"
	"strings"

	"github.com/vitalsign-dev/vitalsign/internal/gather"
)

// SumsFile is the list of digests in an output directory, as sha256sum of GNU
// coreutils writes and checks it.
const SumsFile = "SHA256SUMS"

// ProvenanceFile is the name of an artifact's provenance.
func ProvenanceFile(artifact string) string { return artifact + ".provenance.json" }

// Sums writes the list, in the order of the files.
func Sums(files []gather.File) []byte {
	var b strings.Builder
	for _, f := range files {
		b.WriteString(sumLine(f.SHA256, f.Path))
	}
	return []byte(b.String())
}

// sumLine escapes as coreutils does ("cksum output modes").
func sumLine(sum, name string) string {
	escaped := strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(name)
	if escaped != name {
		sum = `\` + sum
	}
	return sum + "  " + escaped + "\n"
}

var sumForm = regexp.MustCompile(`^([0-9a-f]{64})  (.+)$`)

// ParseSums reads a list that Sums wrote: digests by name. Names that need
// escaping are not written by vitalsign build, and not read.
func ParseSums(b []byte) (map[string]string, error) {
	sums := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(b), "\n"), "\n") {
		m := sumForm.FindStringSubmatch(line)
		if m == nil {
			return nil, errors.New("it is not a list that vitalsign wrote")
		}
		sums[m[2]] = m[1]
	}
	return sums, nil
}
