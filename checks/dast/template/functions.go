package template

import (
	"crypto/md5"  //nolint:gosec // what a template asks for, not what we trust
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// maxText bounds every text that an expression makes.
const maxText = 4 << 20

// maxPattern bounds a regular expression; RE2 itself is linear in its input.
const maxPattern = 1000

// function takes between min and max values; max below 0 is any number.
type function struct {
	min, max int
	call     func(args []value) (value, error)
}

// functions are the ones that an expression may call, as docs/templates.md
// lists them.
func functions() map[string]function {
	return map[string]function{
		"contains":         {2, 2, texts(func(a []string) (value, error) { return strings.Contains(a[0], a[1]), nil })},
		"contains_all":     {2, -1, texts(func(a []string) (value, error) { return count(a, strings.Contains) == len(a)-1, nil })},
		"contains_any":     {2, -1, texts(func(a []string) (value, error) { return count(a, strings.Contains) > 0, nil })},
		"starts_with":      {2, -1, texts(func(a []string) (value, error) { return count(a, strings.HasPrefix) > 0, nil })},
		"ends_with":        {2, -1, texts(func(a []string) (value, error) { return count(a, strings.HasSuffix) > 0, nil })},
		"len":              {1, 1, texts(func(a []string) (value, error) { return float64(len(a[0])), nil })},
		"to_lower":         {1, 1, mapped(strings.ToLower)},
		"tolower":          {1, 1, mapped(strings.ToLower)},
		"to_upper":         {1, 1, mapped(strings.ToUpper)},
		"toupper":          {1, 1, mapped(strings.ToUpper)},
		"trim":             {1, 2, texts(trim)},
		"concat":           {1, -1, texts(func(a []string) (value, error) { return joined(a) })},
		"replace":          {3, 3, texts(replace)},
		"regex":            {2, 2, texts(matchRegex)},
		"md5":              {1, 1, mapped(func(s string) string { d := md5.Sum([]byte(s)); return hex.EncodeToString(d[:]) })},
		"sha1":             {1, 1, mapped(func(s string) string { d := sha1.Sum([]byte(s)); return hex.EncodeToString(d[:]) })},
		"sha256":           {1, 1, mapped(func(s string) string { d := sha256.Sum256([]byte(s)); return hex.EncodeToString(d[:]) })},
		"base64":           {1, 1, mapped(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) })},
		"base64_decode":    {1, 1, decoded(base64.StdEncoding.DecodeString)},
		"hex_encode":       {1, 1, mapped(func(s string) string { return hex.EncodeToString([]byte(s)) })},
		"hex_decode":       {1, 1, decoded(hex.DecodeString)},
		"url_encode":       {1, 1, mapped(url.QueryEscape)},
		"url_decode":       {1, 1, texts(func(a []string) (value, error) { return url.QueryUnescape(a[0]) })},
		"compare_versions": {2, -1, texts(compareVersions)},
	}
}

func texts(f func([]string) (value, error)) func([]value) (value, error) {
	return func(args []value) (value, error) {
		a := make([]string, len(args))
		for i, v := range args {
			a[i] = str(v)
		}
		return f(a)
	}
}

func mapped(f func(string) string) func([]value) (value, error) {
	return texts(func(a []string) (value, error) { return f(a[0]), nil })
}

func decoded(f func(string) ([]byte, error)) func([]value) (value, error) {
	return texts(func(a []string) (value, error) {
		b, err := f(a[0])
		return string(b), err
	})
}

// count says for how many of the rest something holds of the first.
func count(a []string, holds func(s, part string) bool) int {
	n := 0
	for _, part := range a[1:] {
		if holds(a[0], part) {
			n++
		}
	}
	return n
}

func trim(a []string) (value, error) {
	if len(a) == 1 {
		return strings.TrimSpace(a[0]), nil
	}
	return strings.Trim(a[0], a[1]), nil
}

func joined(a []string) (value, error) {
	n := 0
	for _, s := range a {
		n += len(s)
	}
	if n > maxText {
		return nil, errLong
	}
	return strings.Join(a, ""), nil
}

// replace counts before it writes: a body's worth of matches can each become a
// body.
func replace(a []string) (value, error) {
	if n := strings.Count(a[0], a[1]); len(a[0])+n*len(a[2]) > maxText {
		return nil, errLong
	}
	return strings.ReplaceAll(a[0], a[1], a[2]), nil
}

func matchRegex(a []string) (value, error) {
	re, err := compileRegex(a[0])
	if err != nil {
		return nil, err
	}
	return re.MatchString(a[1]), nil
}

func compileRegex(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, errors.New("regular expression that is too long")
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, errors.New("regular expression that is not RE2")
	}
	return re, nil
}

var errVersion = errors.New("a version cannot be read")

// compareVersions says whether a version meets every constraint: an operator
// and a version, as in ">= 1.2".
func compareVersions(a []string) (value, error) {
	v, err := readVersion(a[0])
	if err != nil {
		return nil, err
	}
	for _, constraint := range a[1:] {
		c := strings.TrimSpace(constraint)
		rest := strings.TrimLeft(c, "<>=!")
		w, err := readVersion(rest)
		if err != nil {
			return nil, err
		}
		op := c[:len(c)-len(rest)]
		switch op {
		case "", "=", "==", "!=", "<", "<=", ">", ">=":
		default:
			return nil, errVersion
		}
		if !holds(op, v.compare(w)) {
			return false, nil
		}
	}
	return true, nil
}

// version is numbers between dots, and what comes before a release (SemVer
// 2.0.0, section 9), which is smaller than the release.
type version struct {
	numbers []int
	pre     string
}

func readVersion(s string) (version, error) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "v")
	s, _, _ = strings.Cut(s, "+")
	release, pre, _ := strings.Cut(s, "-")
	parts := strings.Split(release, ".")
	if len(s) > 100 || len(parts) > 10 {
		return version{}, errVersion
	}
	v := version{pre: pre}
	for _, p := range parts {
		n, err := strconv.ParseUint(p, 10, 31)
		if err != nil {
			return version{}, errVersion
		}
		v.numbers = append(v.numbers, int(n))
	}
	return v, nil
}

func (v version) compare(w version) int {
	for i := range max(len(v.numbers), len(w.numbers)) {
		if d := v.number(i) - w.number(i); d != 0 {
			return order(float64(d), 0)
		}
	}
	switch {
	case v.pre == w.pre:
		return 0
	case v.pre == "":
		return 1
	case w.pre == "":
		return -1
	}
	return strings.Compare(v.pre, w.pre)
}

func (v version) number(i int) int {
	if i < len(v.numbers) {
		return v.numbers[i]
	}
	return 0
}
