package transport

import (
	"crypto/sha256"
	"encoding/binary"
	"net"
	"strings"
)

// The numbers of the IANA registry "TLS ExtensionType Values".
const (
	extServerName          = 0
	extGroups              = 10
	extPointFormats        = 11
	extSignatureAlgorithms = 13
	extPadding             = 21
	extMasterSecret        = 23
	extVersions            = 43
	extKeyShare            = 51
	extRenegotiation       = 0xff01
)

// signal is the signaling suite of RFC 5746, section 3.3: it asks for the
// renegotiation indication even where extensions do not exist.
const signal Suite = 0x00ff

// hello writes a ClientHello in one record. Its random bytes are a digest of
// the rest: no key is ever derived from them, and the same question is the
// same bytes.
func hello(v Version, name string, suites []Suite) []byte {
	var list []byte
	for _, s := range suites {
		list = binary.BigEndian.AppendUint16(list, uint16(s))
	}
	if v != TLS13 {
		list = binary.BigEndian.AppendUint16(list, uint16(signal))
	}
	seed := sha256.Sum256(append([]byte(v.String()+name), list...))
	session := sha256.Sum256(seed[:])

	body := binary.BigEndian.AppendUint16(nil, uint16(min(v, TLS12)))
	body = append(body, seed[:]...)
	if v == TLS13 {
		// RFC 8446, appendix D.4: middleboxes let pass what looks like resumption.
		body = append(body, prefix8(session[:])...)
	} else {
		body = append(body, 0)
	}
	body = append(body, prefix16(list)...)
	body = append(body, compressions(v)...)
	if v != SSL30 {
		body = append(body, prefix16(extensions(v, name, session[:], len(body)))...)
	}

	message := append([]byte{1, 0}, prefix16(body)...)
	// RFC 8446, section 5.1: the first record says TLS 1.0 at most.
	record := binary.BigEndian.AppendUint16([]byte{22}, uint16(min(v, TLS10)))
	return append(record, prefix16(message)...)
}

// compressions offers DEFLATE besides none, except where it is forbidden (RFC
// 8446, section 4.1.2).
func compressions(v Version) []byte {
	if v == TLS13 {
		return []byte{1, 0}
	}
	return []byte{2, 1, 0}
}

func extensions(v Version, name string, share []byte, before int) []byte {
	var x []byte
	add := func(id uint16, data []byte) {
		x = binary.BigEndian.AppendUint16(x, id)
		x = append(x, prefix16(data)...)
	}
	if sni(name) {
		add(extServerName, prefix16(append([]byte{0}, prefix16([]byte(name))...)))
	}
	// x25519, the NIST curves, and the groups of RFC 7919.
	add(extGroups, prefix16([]byte{0, 29, 0, 23, 0, 24, 0, 25, 0, 30, 0, 22, 0, 19, 1, 0, 1, 1, 1, 2}))
	add(extPointFormats, prefix8([]byte{0, 1, 2}))
	if v >= TLS12 {
		add(extSignatureAlgorithms, prefix16(signatures()))
	}
	if v == TLS13 {
		add(extVersions, prefix8([]byte{3, 4}))
		// Any 32 bytes are a public key of x25519 (RFC 7748, section 5).
		add(extKeyShare, prefix16(append([]byte{0, 29}, prefix16(share)...)))
	} else {
		add(extMasterSecret, nil)
	}
	// RFC 7685: some servers hang on a hello of 256 to 511 bytes.
	if n := before + len(x) + 6; n > 255 && n < 512 {
		add(extPadding, make([]byte, max(0, 512-n-4)))
	}
	return x
}

// signatures offers everything back to SHA-1 (RFC 8446, section 4.2.3, and RFC
// 5246, section 7.4.1.4.1): a server must not refuse because of its certificate.
func signatures() []byte {
	return []byte{
		4, 3, 5, 3, 6, 3, 8, 7, 8, 8, 8, 9, 8, 10, 8, 11, 8, 4, 8, 5, 8, 6,
		4, 1, 5, 1, 6, 1, 3, 3, 3, 1, 2, 3, 2, 1, 4, 2, 3, 2, 2, 2,
	}
}

// sni says whether a name may be in server_name: RFC 6066, section 3, has no
// addresses there.
func sni(name string) bool {
	return name != "" && len(name) < 256 && net.ParseIP(name) == nil && plainName(name)
}

func plainName(name string) bool {
	return strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	}) < 0
}

func prefix8(b []byte) []byte { return append([]byte{byte(len(b))}, b...) }

func prefix16(b []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...)
}
