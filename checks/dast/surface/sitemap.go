package surface

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
)

const (
	// maxLocations is the most that one sitemap may hold (sitemaps.org, protocol
	// 0.9, "Sitemap index files").
	maxLocations = 50_000
	// maxRobots is what a parser must read at least (RFC 9309, 2.5), in bytes.
	maxRobots = 500 << 10
)

// Sitemap gives the locations of a sitemap or of a sitemap index, as they are
// written (sitemaps.org, protocol 0.9), as far as the text is well-formed XML.
// A document type is passed over: no entity is defined, expanded or fetched.
func Sitemap(body []byte) []string {
	dec := xml.NewDecoder(bytes.NewReader(body))
	dec.CharsetReader = sameCharset
	var out []string
	var loc *strings.Builder
	for len(out) < maxLocations {
		t, err := dec.RawToken()
		if err != nil {
			break
		}
		switch t := t.(type) {
		case xml.StartElement:
			loc = nil
			if t.Name.Local == "loc" {
				loc = &strings.Builder{}
			}
		case xml.CharData:
			if loc != nil && loc.Len() <= maxPath {
				loc.Write(t)
			}
		case xml.EndElement:
			if loc != nil {
				if u := strings.TrimSpace(loc.String()); u != "" && len(u) <= maxPath {
					out = append(out, u)
				}
			}
			loc = nil
		}
	}
	return out
}

// sameCharset takes the bytes as they are: addresses are ASCII (RFC 3986, 2).
func sameCharset(_ string, in io.Reader) (io.Reader, error) { return in, nil }

// Robots gives the paths that a robots.txt allows or disallows to anyone, each
// up to its first wildcard, and the sitemaps that it names (RFC 9309, 2.2).
func Robots(body []byte) (paths, sitemaps []string) {
	body = bytes.TrimPrefix(body[:min(len(body), maxRobots)], []byte("\ufeff"))
	seen := map[string]bool{}
	for line := range strings.FieldsFuncSeq(string(body), func(r rune) bool { return r == '\n' || r == '\r' }) {
		line, _, _ = strings.Cut(line, "#")
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch key = strings.ToLower(strings.TrimSpace(key)); key {
		case "allow", "disallow":
			value, _, _ = strings.Cut(strings.TrimSuffix(value, "$"), "*")
			if strings.HasPrefix(value, "/") && len(value) <= maxPath && !seen[value] {
				seen[value] = true
				paths = append(paths, value)
			}
		case "sitemap":
			if value != "" && len(value) <= maxPath {
				sitemaps = append(sitemaps, value)
			}
		}
	}
	return paths, sitemaps
}
