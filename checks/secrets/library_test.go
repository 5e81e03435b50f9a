package secrets

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"regexp/syntax"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/report"
)

// whole is all that a finding says, tags and line included.
func whole(fs []report.Finding) []string {
	var out []string
	for _, f := range fs {
		out = append(out, fmt.Sprintf("%s|%q|%q|%q|%v|%s", key(f), f.Match, f.Line, f.Tags, f.Description, f.Commit))
	}
	slices.Sort(out)
	return out
}

// pair is gitleaks's library as the command sets it up, and ours.
func pair(t testing.TB) (*detect.Detector, *Check) {
	t.Helper()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	d.MaxDecodeDepth, d.IgnoreGitleaksAllow = decodeDepth, true
	return d, c
}

func same(t testing.TB, d *detect.Detector, c *Check, f detect.Fragment) int {
	t.Helper()
	want, got := whole(d.DetectContext(t.Context(), f)), whole(c.detector.detect(t.Context(), f))
	if !slices.Equal(got, want) {
		t.Errorf("%s: first missing %s, first extra %s", f.FilePath, first(without(want, got)), first(without(got, want)))
	}
	return len(want)
}

// generated makes a text that an expression matches, mostly.
func generated(rng *rand.Rand, re *syntax.Regexp, b *strings.Builder) {
	times := func(lo, hi int) {
		if hi < 0 {
			hi = lo + 12
		}
		for range lo + rng.IntN(hi-lo+1) {
			generated(rng, re.Sub[0], b)
		}
	}
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 && rng.IntN(2) == 0 {
				r = []rune(strings.ToLower(string(r)))[0]
			}
			b.WriteRune(r)
		}
	case syntax.OpCharClass:
		i := 2 * rng.IntN(len(re.Rune)/2)
		b.WriteRune(re.Rune[i] + rune(rng.IntN(int(min(re.Rune[i+1]-re.Rune[i], 200))+1)))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte(byte(' ' + rng.IntN(90)))
	case syntax.OpAlternate:
		generated(rng, re.Sub[rng.IntN(len(re.Sub))], b)
	case syntax.OpStar:
		times(0, -1)
	case syntax.OpPlus:
		times(1, -1)
	case syntax.OpQuest:
		times(0, 1)
	case syntax.OpRepeat:
		times(re.Min, re.Max)
	default:
		for _, sub := range re.Sub {
			generated(rng, sub, b)
		}
	}
}

// spoil cuts, encodes or breaks a text.
func spoil(rng *rand.Rand, s string) string {
	switch rng.IntN(14) {
	case 0:
		return base64.StdEncoding.EncodeToString([]byte(s))
	case 1:
		return base64.RawURLEncoding.EncodeToString([]byte("key: " + s))
	case 2:
		return hex.EncodeToString([]byte(s))
	case 3:
		return url.QueryEscape(s)
	case 4:
		var b strings.Builder
		for _, r := range s {
			fmt.Fprintf(&b, []string{`\u%04x`, `\\u%04X`, "U+%04X "}[len(s)%3], r&0xffff)
		}
		return b.String()
	case 5:
		return base64.StdEncoding.EncodeToString([]byte("x " + hex.EncodeToString([]byte(s)) + " " + url.QueryEscape(s)))
	case 6:
		i := rng.IntN(len(s) + 1)
		return s[:i] + []string{"\xff", "\u212A", "\u017F", "\u0130", "\r\n", "\n", "", "%41", "\xe2\x84"}[rng.IntN(9)] + s[i:]
	case 7:
		return strings.NewReplacer("k", "\u212A", "s", "\u017F", "I", "\u0130").Replace(s)
	case 8:
		return s[rng.IntN(len(s)+1):]
	}
	return s
}

// Strings made from every rule's expression give what gitleaks gives.
func TestSameOnGeneratedText(t *testing.T) {
	d, c := pair(t)
	rounds, found := 10, 0
	if os.Getenv("VITALSIGN_LONG_TESTS") != "" {
		rounds = 55
	}
	rng := rand.New(rand.NewPCG(7, 11))
	gaps := []string{"\n", " ", "\n\n", "\r\n", "", "; ", "\" ", "\nkind: secret\ndata:\n  a: "}
	for range rounds {
		for i := range c.detector.rules {
			re, err := syntax.Parse(c.detector.rules[i].Regex.String(), syntax.Perl)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			b.WriteString(gaps[rng.IntN(len(gaps))])
			generated(rng, re, &b)
			s := spoil(rng, b.String())
			other := c.detector.rules[rng.IntN(len(c.detector.rules))]
			if re, err = syntax.Parse(other.Regex.String(), syntax.Perl); err != nil {
				t.Fatal(err)
			}
			b.Reset()
			generated(rng, re, &b)
			s += gaps[rng.IntN(len(gaps))] + spoil(rng, b.String()) + gaps[rng.IntN(len(gaps))] + strings.Join(c.detector.rules[i].Keywords, " ")
			found += same(t, d, c, detect.Fragment{Raw: s, FilePath: []string{"a.txt", "b.php", "c.tf", "d.yaml", "nuget.config", "e.p12", ""}[rng.IntN(7)], StartLine: 1})
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d findings", found)
	if found < 50*rounds {
		t.Errorf("only %d findings: this shows nothing", found)
	}
}

// Real files give what gitleaks gives, chunk by chunk.
func TestSameOnRealTrees(t *testing.T) {
	d, c := pair(t)
	buf := make([]byte, chunk)
	for _, dir := range []string{filepath.Join(runtime.GOROOT(), "src", "crypto", "tls"), filepath.Join("..", "child"), "."} {
		err := filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			f, err := os.Open(p)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = c.fragments(t.Context(), filepath.ToSlash(p), f, buf, func(fr detect.Fragment) error {
				same(t, d, c, fr)
				return nil
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzSameAsGitleaks(f *testing.F) {
	d, c := pair(f)
	f.Add("api_key = \"" + password() + "\"\n")
	f.Add(base64.StdEncoding.EncodeToString([]byte("key = " + awsKey())))
	f.Fuzz(func(t *testing.T, s string) { same(t, d, c, detect.Fragment{Raw: s, StartLine: 1, FilePath: "a.yaml"}) })
}

// What the detector leaves out, gitleaks's own rules do not have.
func TestRulesAreOfKnownKinds(t *testing.T) {
	_, c := pair(t)
	for _, r := range c.config.Rules {
		if r.SkipReport || len(r.RequiredRules) > 0 {
			t.Errorf("%s is of a kind that is not known", r.RuleID)
		}
		if r.Regex == nil && len(r.Keywords) > 0 {
			t.Errorf("%s is about names, and has keywords", r.RuleID)
		}
	}
}
