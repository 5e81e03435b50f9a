package attest

import (
	"encoding/json"
	"strings"
	"time"
)

// SimpleSigningSuffix ends the name of the payload of an image's signature; its
// bundle is beside it.
const SimpleSigningSuffix = ".simplesigning.json"

// SimpleSigning is what cosign signs of an image: a small document that names
// its manifest (containers/image, containers-signature(5), "JSON data format").
func SimpleSigning(reference, digest string) ([]byte, error) {
	type object = map[string]any
	return json.Marshal(object{
		"critical": object{
			"identity": object{"docker-reference": reference},
			"image":    object{"docker-manifest-digest": "sha256:" + digest},
			"type":     "cosign container image signature",
		},
		"optional": nil,
	})
}

// VerifyImage verifies a bundle that signs a simple signing payload, and holds
// the payload to the manifest's SHA-256 in hex. What else the payload says is
// not believed.
func VerifyImage(raw, payload []byte, digest string, t Trust, now time.Time) (Verified, error) {
	v, r := verifyBundle(raw, t, &Artifact{SHA256: Digest(payload)}, now)
	if r != nil {
		return Verified{}, r
	}
	var p struct {
		Critical struct {
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
			Type string `json:"type"`
		} `json:"critical"`
	}
	if err := json.Unmarshal(payload, &p); err != nil || !strings.HasSuffix(p.Critical.Type, "container image signature") {
		return Verified{}, reject(Malformed, "signed, but no signature of an image")
	}
	if digest == "" || p.Critical.Image.Digest != "sha256:"+strings.ToLower(digest) {
		return Verified{}, reject(Digest256, "it is a signature of the image %s", p.Critical.Image.Digest)
	}
	v.artifact = strings.ToLower(digest)
	return v, nil
}
