package attest

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	"google.golang.org/protobuf/encoding/protojson"
)

// envelope is a DSSE envelope in JSON (DSSE v1.0.2, "JSON envelope").
type envelope struct {
	PayloadType string `json:"payloadType"`
	Payload     string `json:"payload"`
	Signatures  []struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
	} `json:"signatures"`
}

// Envelope is the DSSE envelope in a bundle that holds a statement, as cosign
// stores it beside an image without a bundle.
func Envelope(raw []byte) ([]byte, error) {
	var b protobundle.Bundle
	if err := protojson.Unmarshal(raw, &b); err != nil {
		return nil, err
	}
	d := b.GetDsseEnvelope()
	if d == nil || len(d.Signatures) != 1 {
		return nil, errors.New("the bundle holds no envelope with one signature")
	}
	e := envelope{PayloadType: d.PayloadType, Payload: base64.StdEncoding.EncodeToString(d.Payload)}
	e.Signatures = append(e.Signatures, struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
	}{"", base64.StdEncoding.EncodeToString(d.Signatures[0].Sig)})
	return json.Marshal(e)
}

// MessageSignature is the signature in a bundle that signs bytes.
func MessageSignature(raw []byte) ([]byte, error) {
	var b protobundle.Bundle
	if err := protojson.Unmarshal(raw, &b); err != nil {
		return nil, err
	}
	if b.GetMessageSignature() == nil {
		return nil, errors.New("the bundle holds no signature over bytes")
	}
	return b.GetMessageSignature().Signature, nil
}

// BundleOfEnvelope makes a bundle of an envelope that has none: with the
// signer's certificate in PEM, or without for a key. Nothing is verified.
func BundleOfEnvelope(raw, certificate []byte) ([]byte, error) {
	var e envelope
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("no DSSE envelope: %w", err)
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return nil, fmt.Errorf("no DSSE envelope: %w", err)
	}
	d := &protodsse.Envelope{PayloadType: e.PayloadType, Payload: payload}
	for _, s := range e.Signatures {
		sig, err := base64.StdEncoding.DecodeString(s.Sig)
		if err != nil {
			return nil, fmt.Errorf("no DSSE envelope: %w", err)
		}
		d.Signatures = append(d.Signatures, &protodsse.Signature{Sig: sig})
	}
	m, err := material(certificate)
	if err != nil {
		return nil, err
	}
	return marshal(&protobundle.Bundle{MediaType: BundleMediaType, VerificationMaterial: m, Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: d}})
}

// BundleOfSignature does the same with a signature over bytes of this SHA-256.
func BundleOfSignature(sig, digest, certificate []byte) ([]byte, error) {
	m, err := material(certificate)
	if err != nil {
		return nil, err
	}
	return marshal(&protobundle.Bundle{MediaType: BundleMediaType, VerificationMaterial: m, Content: &protobundle.Bundle_MessageSignature{
		MessageSignature: &protocommon.MessageSignature{Signature: sig,
			MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: digest}},
	}})
}

func material(certificate []byte) (*protobundle.VerificationMaterial, error) {
	if len(certificate) == 0 {
		return &protobundle.VerificationMaterial{Content: &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{}}}, nil
	}
	block, _ := pem.Decode(certificate)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in PEM")
	}
	return &protobundle.VerificationMaterial{Content: &protobundle.VerificationMaterial_Certificate{
		Certificate: &protocommon.X509Certificate{RawBytes: block.Bytes}}}, nil
}
