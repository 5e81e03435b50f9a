package attest

import "fmt"

// Kind is which part of a verification failed.
type Kind string

// The kinds, in the order in which they are looked at.
const (
	Malformed   Kind = "malformed"   // these bytes are no bundle that can be verified
	Unknown     Kind = "identity"    // signed by somebody who is not trusted
	Signature   Kind = "signature"   // the bytes are not those that were signed
	Certificate Kind = "certificate" // the certificate was not valid when it signed
	Time        Kind = "timestamp"   // a time that should be proven is not
	Log         Kind = "log"         // a transparency log entry that should be there is not, or is not true
	Digest256   Kind = "digest"      // it is a signature over something else
)

// Rejection says why a bundle is not believed. It is the only error of Verify.
type Rejection struct {
	Kind   Kind
	Detail string
}

func (r *Rejection) Error() string { return string(r.Kind) + ": " + r.Detail }

func reject(k Kind, format string, args ...any) *Rejection {
	return &Rejection{k, fmt.Sprintf(format, args...)}
}
