// Package attesttest is a certificate and timestamp authority for tests: real
// certificates and RFC 3161 timestamps, made in memory.
package attesttest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/vitalsign-dev/vitalsign/attest"
)

// Authority issues certificates for whoever asks, and timestamps.
type Authority struct {
	t      testing.TB
	ca     *root.FulcioCertificateAuthority
	caKey  *ecdsa.PrivateKey
	tsa    *root.SigstoreTimestampingAuthority
	tsaKey *ecdsa.PrivateKey
}

// New makes an authority whose own certificates are valid around now.
func New(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t}
	rootCert, rootKey, err := ca.GenerateRootCa()
	a.must(err)
	inter, interKey, err := ca.GenerateFulcioIntermediate(rootCert, rootKey)
	a.must(err)
	a.caKey = interKey
	long := time.Now().AddDate(10, 0, 0)
	a.ca = &root.FulcioCertificateAuthority{Root: rootCert, Intermediates: []*x509.Certificate{inter}, ValidityPeriodEnd: long}
	tsaInter, tsaInterKey, err := ca.GenerateTSAIntermediate(rootCert, rootKey)
	a.must(err)
	a.tsaKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	leaf, err := ca.GenerateTSALeafCert(time.Now().Add(-5*time.Minute), a.tsaKey, tsaInter, tsaInterKey)
	a.must(err)
	a.tsa = &root.SigstoreTimestampingAuthority{Root: rootCert, Intermediates: []*x509.Certificate{tsaInter}, Leaf: leaf,
		URI: "https://tsa.example", ValidityPeriodEnd: long}
	return a
}

func (a *Authority) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// RootJSON is the authority's trusted root, with or without its timestamps.
func (a *Authority) RootJSON(timestamps bool) []byte {
	a.t.Helper()
	var tsas []root.TimestampingAuthority
	if timestamps {
		tsas = append(tsas, a.tsa)
	}
	r, err := root.NewTrustedRoot(root.TrustedRootMediaType01, []root.CertificateAuthority{a.ca}, nil, tsas, nil)
	a.must(err)
	b, err := r.MarshalJSON()
	a.must(err)
	return b
}

// Root is RootJSON, read.
func (a *Authority) Root(timestamps bool) *attest.Root {
	a.t.Helper()
	r, err := attest.ParseRoot(a.RootJSON(timestamps), "test")
	a.must(err)
	return r
}

// Timestamp is an RFC 3161 response over a signature, at a time.
func (a *Authority) Timestamp(sig []byte, at time.Time) []byte {
	a.t.Helper()
	req, err := timestamp.CreateRequest(bytes.NewReader(sig), &timestamp.RequestOptions{Hash: crypto.SHA256})
	a.must(err)
	b, err := a.answer(req, at)
	a.must(err)
	return b
}

func (a *Authority) answer(request []byte, at time.Time) ([]byte, error) {
	req, err := timestamp.ParseRequest(request)
	if err != nil {
		return nil, err
	}
	t := timestamp.Timestamp{HashAlgorithm: req.HashAlgorithm, HashedMessage: req.HashedMessage, Time: at, Nonce: req.Nonce,
		Policy: []int{1, 3, 6, 1, 4, 1, 57264, 2}, AddTSACertificate: req.Certificates}
	return t.CreateResponseWithOpts(a.tsa.Leaf, a.tsaKey, crypto.SHA256)
}

// ServeHTTP answers RFC 3161 requests (RFC 3161 section 3.4).
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var b []byte
	if err == nil {
		b, err = a.answer(body, time.Now())
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	if _, err := w.Write(b); err != nil {
		a.t.Log(err)
	}
}

// RoundTrip lets a client ask without a connection.
func (a *Authority) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Result(), nil
}

// Sign signs a statement with a certificate for subject by issuer, valid for
// ten minutes from a time; stamped adds a timestamp of now.
func (a *Authority) Sign(st attest.Statement, subject, issuer string, from time.Time, stamped bool) []byte {
	a.t.Helper()
	payload, err := st.Bytes()
	a.must(err)
	pair, err := sign.NewEphemeralKeypair(nil)
	a.must(err)
	b, err := sign.Bundle(&sign.DSSEData{Data: payload, PayloadType: attest.PayloadType}, pair,
		sign.BundleOptions{CertificateProvider: issue{a, subject, issuer, from}})
	a.must(err)
	if stamped {
		sig := b.GetDsseEnvelope().Signatures[0].Sig
		b.VerificationMaterial.TimestampVerificationData = &protobundle.TimestampVerificationData{
			Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: a.Timestamp(sig, time.Now())}},
		}
	}
	raw, err := protojson.Marshal(b)
	a.must(err)
	return raw
}

// issue is the certificate authority as sigstore-go asks it.
type issue struct {
	a               *Authority
	subject, issuer string
	from            time.Time
}

func (i issue) GetCertificate(_ context.Context, k sign.Keypair, _ *sign.CertificateProviderOptions) ([]byte, error) {
	cert, err := ca.GenerateLeafCert(i.subject, i.issuer, i.from, publicOnly{k.GetPublicKey()}, i.a.ca.Intermediates[0], i.a.caKey)
	if err != nil {
		return nil, err
	}
	return cert.Raw, nil
}

// publicOnly is a signer of which only the public key is asked.
type publicOnly struct{ key crypto.PublicKey }

func (p publicOnly) Public() crypto.PublicKey { return p.key }
func (publicOnly) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, io.ErrUnexpectedEOF
}
