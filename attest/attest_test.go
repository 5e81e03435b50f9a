package attest_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/attesttest"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newSigner(t testing.TB) (attest.Signer, attest.Trust) {
	t.Helper()
	sv, _, err := signature.NewDefaultECDSASignerVerifier()
	if err != nil {
		t.Fatal(err)
	}
	s := attest.Signer{Key: sv}
	key, err := s.Public()
	if err != nil {
		t.Fatal(err)
	}
	return s, attest.Trust{Identities: []attest.Identity{{Name: "ci", Key: key}}}
}

func statement(t testing.TB) attest.Statement {
	t.Helper()
	st, err := attest.NewStatement(attest.PredicateOurs, map[string]any{"kind": "test", "text": "<&>"},
		attest.Subject{Name: "a.txt", Digest: map[string]string{attest.SHA256: attest.Digest([]byte("a"))}})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func signed(t testing.TB, s attest.Signer) []byte {
	t.Helper()
	raw, err := s.Statement(context.Background(), statement(t))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func kindOf(err error) attest.Kind {
	var r *attest.Rejection
	if errors.As(err, &r) {
		return r.Kind
	}
	return ""
}

func TestSignAndVerify(t *testing.T) {
	s, trust := newSigner(t)
	raw := signed(t, s)
	v, err := attest.Verify(raw, trust, noon)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Valid() || !v.About(attest.SHA256, attest.Digest([]byte("a"))) || v.About(attest.SHA256, attest.Digest([]byte("b"))) {
		t.Errorf("verified %v", v)
	}
	var p struct {
		Text string `json:"text"`
	}
	if err := v.Decode(attest.PredicateOurs, &p); err != nil || p.Text != "<&>" {
		t.Errorf("predicate %+v, %v", p, err)
	}
	if v.Decode(attest.PredicateVSA, &p) == nil {
		t.Error("a predicate was read as another type")
	}
	if len(v.Signers()) != 1 || v.Signers()[0].Name != "ci" || len(v.Proofs()) != 0 {
		t.Errorf("signers %v, proofs %v", v.Signers(), v.Proofs())
	}
	if again := signed(t, s); v.ID() != verify(t, again, trust).ID() {
		t.Error("the same statement signed twice has two ids")
	}
}

func verify(t testing.TB, raw []byte, trust attest.Trust) attest.Verified {
	t.Helper()
	v, err := attest.Verify(raw, trust, noon)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestZeroValuesSayNothing(t *testing.T) {
	s, trust := newSigner(t)
	raw := signed(t, s)
	for name, bad := range map[string]attest.Trust{
		"nobody":           {},
		"an empty name":    {Identities: []attest.Identity{{}}},
		"issuer only":      {Identities: []attest.Identity{{Issuer: "https://issuer.example"}}},
		"key and subject":  {Identities: []attest.Identity{{Key: trust.Identities[0].Key, Issuer: "i", Subject: "s"}}},
		"only one is good": {Identities: []attest.Identity{trust.Identities[0], {Subject: "s"}}},
	} {
		v, err := attest.Verify(raw, bad, noon)
		if kindOf(err) != attest.Unknown || v.Valid() {
			t.Errorf("%s: %v", name, err)
		}
	}
	var v attest.Verified
	if v.Valid() || v.ID() != "" || v.About("", "") || v.About(attest.SHA256, "") || v.Decode("", &struct{}{}) == nil {
		t.Error("the zero Verified says something")
	}
	for _, bad := range []attest.Statement{
		{}, {Type: attest.StatementType, PredicateType: "x", Predicate: json.RawMessage("{}")},
		{Type: attest.StatementType, PredicateType: "x", Predicate: json.RawMessage("{}"), Subject: []attest.Subject{{Name: "no digest"}}},
		{Type: attest.StatementType, PredicateType: "x", Predicate: json.RawMessage("{}"), Subject: []attest.Subject{{Digest: map[string]string{"sha256": ""}}}},
	} {
		if _, err := s.Statement(context.Background(), bad); err == nil {
			t.Errorf("signed %+v", bad)
		}
	}
}

// No byte of a bundle can be changed unseen, whichever bit of it.
func TestEveryFlippedByteIsSeen(t *testing.T) {
	s, trust := newSigner(t)
	raw := signed(t, s)
	kinds := map[attest.Kind]int{}
	for i := range raw {
		for bit := range 8 {
			bad := bytes.Clone(raw)
			bad[i] ^= 1 << bit
			v, err := attest.Verify(bad, trust, noon)
			if err == nil || v.Valid() {
				t.Fatalf("byte %d, bit %d of %d bytes: verified: %.40q", i, bit, len(raw), bad[max(0, i-20):])
			}
			kinds[kindOf(err)]++
		}
	}
	if kinds[""] > 0 || kinds[attest.Signature] == 0 || kinds[attest.Malformed] == 0 || kinds[attest.Unknown] == 0 {
		t.Errorf("kinds of refusal: %v", kinds)
	}
	for cut := range raw {
		if _, err := attest.Verify(raw[:cut], trust, noon); err == nil {
			t.Fatalf("verified when cut at %d of %d bytes", cut, len(raw))
		}
	}
}

// doubled says two things, and which of them depends on the reader.
const doubled = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"00"}}],"predicateType":"a","predicateType":"b","predicate":{}}`

func TestRefusals(t *testing.T) {
	s, trust := newSigner(t)
	_, other := newSigner(t)
	raw := signed(t, s)
	var twice map[string]any
	if err := json.Unmarshal(raw, &twice); err != nil {
		t.Fatal(err)
	}
	e := twice["dsseEnvelope"].(map[string]any)
	e["signatures"] = append(e["signatures"].([]any), e["signatures"].([]any)[0])
	double, err := json.Marshal(twice)
	if err != nil {
		t.Fatal(err)
	}
	over, err := s.Artifact(context.Background(), attest.Digest([]byte("a")))
	if err != nil {
		t.Fatal(err)
	}
	text := &sign.DSSEData{Data: []byte("{}"), PayloadType: "text/plain"}
	for name, c := range map[string]struct {
		raw   []byte
		trust attest.Trust
		kind  attest.Kind
	}{
		"another key":             {raw, other, attest.Unknown},
		"two signatures":          {double, trust, attest.Malformed},
		"a signature over a file": {over, trust, attest.Malformed},
		"another payload type":    {bundleOf(t, s, text), trust, attest.Malformed},
		"no statement":            {bundleOf(t, s, &sign.DSSEData{Data: []byte("{}"), PayloadType: attest.PayloadType}), trust, attest.Malformed},
		"a name twice":            {bundleOf(t, s, &sign.DSSEData{Data: []byte(doubled), PayloadType: attest.PayloadType}), trust, attest.Malformed},
		"nothing":                 {nil, trust, attest.Malformed},
		"too large":               {make([]byte, attest.MaxBundle+1), trust, attest.Malformed},
	} {
		if _, err := attest.Verify(c.raw, c.trust, noon); kindOf(err) != c.kind {
			t.Errorf("%s: %v, want kind %s", name, err, c.kind)
		}
	}
	if _, err := attest.VerifyArtifact(over, attest.Artifact{SHA256: attest.Digest([]byte("b"))}, trust, noon); kindOf(err) != attest.Digest256 {
		t.Errorf("a signature over another artifact: %v", err)
	}
	if v, err := attest.VerifyArtifact(over, attest.Artifact{SHA256: attest.Digest([]byte("a"))}, trust, noon); err != nil || v.Artifact() != attest.Digest([]byte("a")) {
		t.Errorf("a signature over the artifact: %v", err)
	}
}

// bundleOf signs what our own Signer would not.
func bundleOf(t *testing.T, s attest.Signer, content sign.Content) []byte {
	t.Helper()
	k := signsAnything{s.Key}
	b, err := sign.Bundle(content, k.pair(t), sign.BundleOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pb, err := bundle.NewBundle(b)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := pb.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

type signsAnything struct{ sv signature.SignerVerifier }

func (k signsAnything) pair(t *testing.T) sign.Keypair {
	t.Helper()
	pair, err := sign.NewEphemeralKeypair(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := k.sv.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	hint, err := attest.KeyHint(key)
	if err != nil {
		t.Fatal(err)
	}
	return keyAs{pair, k.sv, hint, key}
}

type keyAs struct {
	sign.Keypair
	sv   signature.SignerVerifier
	hint string
	key  crypto.PublicKey
}

func (k keyAs) GetHint() []byte                { return []byte(k.hint) }
func (k keyAs) GetPublicKey() crypto.PublicKey { return k.key }
func (k keyAs) SignData(_ context.Context, data []byte) ([]byte, []byte, error) {
	sum := sha256.Sum256(data)
	sig, err := k.sv.SignMessage(bytes.NewReader(data))
	return sig, sum[:], err
}

func TestCertificates(t *testing.T) {
	a := attesttest.New(t)
	const subject, issuer = "release@hospital.example", "https://issuer.example"
	who := func(issuer, subject string) attest.Trust {
		return attest.Trust{Identities: []attest.Identity{{Name: "release", Issuer: issuer, Subject: subject}}, Root: a.Root(true)}
	}
	patterns := func(issuer, subject string) attest.Trust {
		i, err := attest.Pattern(issuer)
		if err != nil {
			t.Fatal(err)
		}
		s, err := attest.Pattern(subject)
		if err != nil {
			t.Fatal(err)
		}
		return attest.Trust{Identities: []attest.Identity{{IssuerPattern: i, SubjectPattern: s}}, Root: a.Root(true)}
	}
	with := func(trust attest.Trust, r *attest.Root) attest.Trust { trust.Root = r; return trust }
	now := time.Now()
	stamped := a.Sign(statement(t), subject, issuer, now.Add(-time.Minute), true)
	bare := a.Sign(statement(t), subject, issuer, now.Add(-time.Minute), false)
	for name, c := range map[string]struct {
		raw    []byte
		trust  attest.Trust
		kind   attest.Kind
		proofs int
	}{
		"the one":                        {stamped, who(issuer, subject), "", 1},
		"a pattern":                      {stamped, patterns(`https://.*`, `.*@hospital\.example`), "", 1},
		"a pattern that is a part":       {stamped, patterns(`https://.*`, `hospital`), attest.Unknown, 0},
		"another subject":                {stamped, who(issuer, "dev@hospital.example"), attest.Unknown, 0},
		"another issuer":                 {stamped, who("https://other.example", subject), attest.Unknown, 0},
		"no root":                        {stamped, with(who(issuer, subject), nil), attest.Certificate, 0},
		"another authority's":            {stamped, with(who(issuer, subject), attesttest.New(t).Root(true)), attest.Time, 0},
		"a timestamp nobody can check":   {stamped, with(who(issuer, subject), a.Root(false)), attest.Time, 0},
		"no timestamp, valid now":        {bare, with(who(issuer, subject), a.Root(false)), "", 0},
		"no timestamp where there is":    {bare, who(issuer, subject), attest.Time, 0},
		"expired when it signed":         {a.Sign(statement(t), subject, issuer, now.Add(-time.Hour), true), who(issuer, subject), attest.Certificate, 0},
		"expired, and no time is proven": {a.Sign(statement(t), subject, issuer, now.Add(-time.Hour), false), with(who(issuer, subject), a.Root(false)), attest.Certificate, 0},
	} {
		v, err := attest.Verify(c.raw, c.trust, now)
		if kindOf(err) != c.kind || len(v.Proofs()) != c.proofs {
			t.Errorf("%s: %v, want kind %q; proofs %v", name, err, c.kind, v.Proofs())
		}
		if s, _ := v.Certificate(); c.kind == "" && s != subject {
			t.Errorf("%s: the certificate is %q's", name, s)
		}
	}
	if _, err := attest.Pattern(")("); err == nil {
		t.Error("a pattern broke out of its anchors")
	}
}

// A key signs, an authority says when; neither can be changed.
func TestTimestamps(t *testing.T) {
	a := attesttest.New(t)
	server := httptest.NewServer(a)
	defer server.Close()
	s, trust := newSigner(t)
	s.Timestamps, s.Root = attest.TimestampAuthority(server.URL, nil), a.Root(true)
	raw := signed(t, s)
	if _, err := attest.Verify(raw, trust, noon); kindOf(err) != attest.Time {
		t.Errorf("a timestamp that nobody can check: %v", err)
	}
	trust.Root = a.Root(true)
	v := verify(t, raw, trust)
	if p := v.Proofs(); len(p) != 1 || time.Since(p[0].Time).Abs() > time.Minute {
		t.Fatalf("proofs %v", p)
	}
	// Some bytes of a timestamp are not signed (RFC 5652 section 5.1 repeats
	// what is): they may change, what is proven may not.
	unseen := 0
	for i := range raw {
		bad := bytes.Clone(raw)
		bad[i] ^= 1
		other, err := attest.Verify(bad, trust, noon)
		if err == nil {
			unseen++
			if other.ID() != v.ID() || !slices.Equal(other.Proofs(), v.Proofs()) {
				t.Errorf("byte %d of %d changed what is proven", i, len(raw))
			}
		}
	}
	if unseen > len(raw)/20 {
		t.Errorf("%d of %d bytes can be changed", unseen, len(raw))
	}
}

func FuzzVerify(f *testing.F) {
	s, trust := newSigner(f)
	raw := signed(f, s)
	artifact, err := s.Artifact(context.Background(), attest.Digest([]byte("a")))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(artifact)
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`))
	want := verify(f, raw, trust)
	// Whatever verifies is the statement that was signed, byte for byte.
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := attest.Verify(b, trust, noon)
		if err == nil && v.ID() != want.ID() {
			t.Fatalf("verified something that was never signed: %s", v.Payload())
		}
		if err != nil && (v.Valid() || kindOf(err) == "") {
			t.Fatalf("refused with %v, and still there", err)
		}
	})
}
