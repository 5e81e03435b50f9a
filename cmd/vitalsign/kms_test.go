package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// kmsServer answers in the shape of AWS KMS's API (DescribeKey, GetPublicKey,
// Sign with MessageType DIGEST), with a real key. No server of it can be had
// here: moto hashes what is a digest already.
func kmsServer(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	const id = "1234abcd-12ab-34cd-56ef-1234567890ab"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			KeyID       string `json:"KeyId"`
			Message     []byte `json:"Message"`
			MessageType string `json:"MessageType"`
		}
		out := map[string]any{"KeyId": id, "SigningAlgorithm": "ECDSA_SHA_256"}
		err := json.NewDecoder(r.Body).Decode(&in)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		switch action := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "TrentService."); {
		case err != nil || in.KeyID != id && in.KeyID != "alias/release":
			w.WriteHeader(http.StatusBadRequest)
			out = map[string]any{"__type": "NotFoundException", "message": "no such key"}
		case action == "DescribeKey":
			out["KeyMetadata"] = map[string]any{"KeyId": id, "KeySpec": "ECC_NIST_P256", "CustomerMasterKeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": []string{"ECDSA_SHA_256"}}
		case action == "GetPublicKey":
			out["PublicKey"], out["KeySpec"], out["KeyUsage"] = public, "ECC_NIST_P256", "SIGN_VERIFY"
			out["SigningAlgorithms"] = []string{"ECDSA_SHA_256"}
		case action == "Sign" && in.MessageType == "DIGEST" && len(in.Message) == 32:
			if out["Signature"], err = ecdsa.SignASN1(rand.Reader, key, in.Message); err != nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
		default:
			w.WriteHeader(http.StatusBadRequest)
			out = map[string]any{"__type": "UnsupportedOperationException", "message": action}
		}
		if err := json.NewEncoder(w).Encode(out); err != nil {
			t.Log(err)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// A key that never leaves its service signs files and statements, and goes into
// a policy.
func TestKeyManagementService(t *testing.T) {
	d := newDesk(t)
	d.env = append(d.env, "AWS_ENDPOINT_URL_KMS="+kmsServer(t), "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	d.write("app.bin", "the program\n")
	d.write("bom.json", `{"bomFormat":"CycloneDX","specVersion":"1.6"}`)
	const key = "awskms:///alias/release"
	d.must("vitalsign", "sign", "app.bin", "--key", key)
	d.must("vitalsign", "attest", "app.bin", "--type", "cyclonedx", "--predicate", "bom.json", "--key", key)
	d.must("vitalsign", "verify", "app.bin", "--key", key)
	if text := d.must("vitalsign", "policy", "init", "--builder", key); !strings.Contains(text, "BEGIN PUBLIC KEY") {
		t.Errorf("%s", text)
	}
	if out, code := d.run("vitalsign", "sign", "app.bin", "--key", "awskms:///alias/nobody"); code != 2 || !strings.Contains(out, "awskms:///alias/nobody") {
		t.Errorf("a key that is not there: exit %d\n%s", code, out)
	}
	cosign := cosignProgram(t)
	d.write("release.pub", d.must(cosign, "public-key", "--key", key))
	d.must(cosign, "verify-blob", "--key", "release.pub", "--insecure-ignore-tlog=true", "--trusted-root", trustedRoot(t), "--new-bundle-format", "--bundle", "app.bin.sigstore.json", "app.bin")
	d.must("vitalsign", "verify", "app.bin", "--key", "release.pub")
}
