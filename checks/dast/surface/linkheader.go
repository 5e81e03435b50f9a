package surface

import "strings"

// Link is one of a Link header field (RFC 8288, 3).
type Link struct {
	// Target is the reference as it is written; it is relative to the answer.
	Target string
	// Rel are the relation types, in lower case (3.3).
	Rel []string
	// Parameters are the others, by their names in lower case; the first of a
	// name counts.
	Parameters map[string]string
}

// maxLinks bounds the links of one answer.
const maxLinks = 1000

// LinkHeader reads the values of an answer's Link fields (RFC 8288, appendix
// B.2). It passes over what it cannot read.
func LinkHeader(values []string) []Link {
	var out []Link
	for _, s := range values {
		for len(out) < maxLinks {
			_, after, ok := strings.Cut(s, "<")
			if !ok {
				break
			}
			target, after, ok := strings.Cut(after, ">")
			if !ok {
				break
			}
			link := Link{Target: strings.TrimSpace(target), Parameters: map[string]string{}}
			s = link.parameters(after)
			out = append(out, link)
		}
	}
	return out
}

// parameters reads those of one link (appendix B.3) and gives what comes after
// the comma that ends it.
func (l *Link) parameters(s string) string {
	for {
		s = strings.TrimLeft(s, " \t;")
		if s == "" {
			return ""
		}
		if s[0] == ',' {
			return s[1:]
		}
		end := strings.IndexAny(s, "=;,")
		if end < 0 {
			end = len(s)
		}
		name, value := strings.ToLower(strings.TrimSpace(s[:end])), ""
		if s = s[end:]; strings.HasPrefix(s, "=") {
			value, s = linkValue(strings.TrimLeft(s[1:], " \t"))
		}
		l.parameter(name, value)
	}
}

func (l *Link) parameter(name, value string) {
	if name == "rel" {
		if l.Rel == nil {
			l.Rel = strings.Fields(strings.ToLower(value))
		}
		return
	}
	if _, there := l.Parameters[name]; !there && name != "" && len(l.Parameters) < 20 {
		l.Parameters[name] = value
	}
}

// linkValue reads a token or a quoted-string (RFC 9110, 5.6.4).
func linkValue(s string) (value, after string) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexAny(s, ";,")
		if end < 0 {
			end = len(s)
		}
		return strings.TrimSpace(s[:end]), s[end:]
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}
