package attest

import _ "embed"

// PublicGood names the root of Sigstore's public-good instance.
const PublicGood = "public-good"

// PublicGoodDate is the day since which public-good.json is what Sigstore's
// TUF repository (tuf-repo-cdn.sigstore.dev, target trusted_root.json) gives.
const PublicGoodDate = "2025-09-22"

// publicGood is the trusted root as the packages sigstore 4.5.1 (PyPI) and
// @sigstore/tuf 5.0.1 (npm) carry it, byte for byte.
//
//go:embed public-good.json
var publicGood []byte

// PublicGoodRoot is the root that is built in. It is never refreshed by itself.
func PublicGoodRoot() (*Root, error) {
	return ParseRoot(publicGood, "the public-good root of "+PublicGoodDate)
}
