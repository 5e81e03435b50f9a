package transport

import (
	"bytes"
	"crypto/dsa" //lint:ignore SA1019 a certificate can still have such a key
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
)

// soon is how long before its end a certificate should have been renewed: the
// last third of the shortest common lifetime, 90 days, less a week to act.
const soon = 21 * 24 * time.Hour

// Judge gives the weaknesses of an offer at a time. What the offer leaves
// unknown is never judged, neither way. Trust is judged by the given roots
// alone; with nil, only a certificate that signed itself is untrusted. No name
// means that no name is compared.
func Judge(o Offer, roots *x509.CertPool, name string, now time.Time) []issue.Issue {
	j := &judge{offer: o}
	j.versions()
	j.suites()
	j.features()
	j.certificates(roots, name, now)
	return j.issues
}

type judge struct {
	offer  Offer
	issues []issue.Issue
}

func (j *judge) add(rule, anchor, options, format string, a ...any) {
	j.issues = append(j.issues, issue.Issue{
		Rule: rule, Anchor: anchor, Confidence: "high",
		Message: fmt.Sprintf(format, a...), Replay: j.replay(options),
	})
}

// replay is what shows it with OpenSSL. SECLEVEL=0 lets it speak what its own
// defaults forbid; a build without the old versions says so.
func (j *judge) replay(options string) string {
	server := ""
	if sni(j.offer.ServerName) {
		server = " -servername " + j.offer.ServerName
	}
	return `openssl s_client -connect "$HOST"` + server + options + " </dev/null"
}

// What OpenSSL calls the suites (ciphers(1)). A word that a build no longer
// knows is passed over by it.
const (
	allCiphers     = "ALL:COMPLEMENTOFALL"
	brokenCiphers  = "aNULL:eNULL:EXP:LOW:RC4:RC2"
	weakCiphers    = "3DES:IDEA"
	aeadCiphers    = "AESGCM:AESCCM:CHACHA20"
	forwardCiphers = "kEECDH:kEDH:!aNULL"
)

// flags offers one version with some suites. For what is missing it offers
// just that, and the server refuses.
func flags(v Version, ciphers string) string {
	f := map[Version]string{SSL30: "-ssl3", TLS10: "-tls1", TLS11: "-tls1_1", TLS12: "-tls1_2", TLS13: "-tls1_3"}[v]
	if v == TLS13 {
		return " " + f
	}
	return " " + f + " -cipher '" + ciphers + ":@SECLEVEL=0'"
}

func (j *judge) versions() {
	only12 := Unknown
	for _, s := range j.offer.Versions {
		switch {
		case s.Version == TLS13 && s.Accepted == No:
			only12 = No
		case s.Version == TLS12 && s.Accepted == Yes && only12 == No:
			only12 = Yes
		case s.Version < TLS12 && s.Accepted == Yes:
			j.add(ruleObsolete, s.Version.String(), flags(s.Version, allCiphers), "The server accepts %s and chose %s.", s.Version, s.Suites[0])
		}
	}
	if only12 == Yes {
		j.add(ruleOnly12, TLS13.String(), flags(TLS13, ""), "The server accepts TLS 1.2 and refuses TLS 1.3.")
	}
}

func (j *judge) suites() {
	j.suitesThat(ruleBroken, brokenCiphers, "The server accepts suites without secrecy or authenticity: %s.", Suite.broken)
	j.suitesThat(ruleWeak, weakCiphers, "The server accepts suites whose blocks have 64 bits: %s.", Suite.weak)
	for _, s := range j.offer.Versions {
		// What is missing from a list says something only when the list is whole.
		if s.Accepted != Yes || !s.Complete || s.Version == TLS13 {
			continue
		}
		if s.Version == TLS12 && !slices.ContainsFunc(s.Suites, Suite.aead) && slices.ContainsFunc(s.Suites, Suite.cbcSHA1) {
			j.add(ruleCBC, s.Version.String(), flags(s.Version, aeadCiphers), "Under TLS 1.2 the server accepts %s and no suite with authenticated encryption.", join(s.Suites))
		}
		if !slices.ContainsFunc(s.Suites, Suite.forward) {
			j.add(ruleForward, s.Version.String(), flags(s.Version, forwardCiphers), "Under %s the server accepts only suites without forward secrecy: %s.", s.Version, join(s.Suites))
		}
	}
}

// suitesThat reports all suites of a kind as one, with the versions.
func (j *judge) suitesThat(rule, ciphers, format string, is func(Suite) bool) {
	var parts []string
	var first Version
	for _, s := range j.offer.Versions {
		bad := slices.DeleteFunc(slices.Clone(s.Suites), func(x Suite) bool { return !is(x) })
		if len(bad) == 0 {
			continue
		}
		if first == 0 {
			first = s.Version
		}
		parts = append(parts, s.Version.String()+" "+join(bad))
	}
	if len(parts) > 0 {
		j.add(rule, "suites", flags(first, ciphers), format, strings.Join(parts, "; "))
	}
}

func join(list []Suite) string {
	list = slices.Sorted(slices.Values(list))
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = s.String()
	}
	return strings.Join(names, ", ")
}

func (j *judge) features() {
	compressed := j.versionsWith(func(s Support) bool { return s.Compression == Yes })
	if len(compressed) > 0 {
		j.add(ruleCompression, "compression", flags(compressed[0], allCiphers)+" -comp", "The server chose DEFLATE compression under %s.", versionList(compressed))
	}
	insecure := j.versionsWith(func(s Support) bool { return s.Renegotiation == No })
	if len(insecure) > 0 {
		j.add(ruleRenegotiation, "renegotiation", flags(insecure[0], allCiphers), "The server does not indicate secure renegotiation (RFC 5746) under %s.", versionList(insecure))
	}
}

func (j *judge) versionsWith(is func(Support) bool) []Version {
	var list []Version
	for _, s := range j.offer.Versions {
		if is(s) {
			list = append(list, s.Version)
		}
	}
	return list
}

func versionList(list []Version) string {
	names := make([]string, len(list))
	for i, v := range list {
		names[i] = v.String()
	}
	return strings.Join(names, ", ")
}

const showChain = " -showcerts"

func (j *judge) certificates(roots *x509.CertPool, name string, now time.Time) {
	if len(j.offer.Chain) == 0 {
		return
	}
	chain, err := parse(j.offer.Chain)
	if err != nil {
		j.add(ruleUntrusted, "certificate", showChain, "A certificate of the chain cannot be read, so no client can trust it.")
		return
	}
	leaf := chain[0]
	j.validity(leaf, now)
	if name != "" && leaf.VerifyHostname(strings.TrimSuffix(name, ".")) != nil {
		j.add(ruleName, "certificate", showChain, "The certificate is valid for %d names and addresses, and not for the one that was asked.", len(leaf.DNSNames)+len(leaf.IPAddresses))
	}
	j.trust(chain, roots, now)
	j.strength(chain)
}

func parse(der [][]byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for _, d := range der {
		c, err := x509.ParseCertificate(d)
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
	}
	return chain, nil
}

func (j *judge) validity(leaf *x509.Certificate, now time.Time) {
	from, until := leaf.NotBefore.UTC().Format(time.DateOnly), leaf.NotAfter.UTC().Format(time.DateOnly)
	switch {
	case now.After(leaf.NotAfter):
		j.add(ruleExpired, "certificate", showChain, "The certificate expired on %s.", until)
	case now.Before(leaf.NotBefore):
		j.add(ruleNotYet, "certificate", showChain, "The certificate is not valid before %s.", from)
	case leaf.NotAfter.Sub(now) < soon:
		j.add(ruleExpires, "certificate", showChain, "The certificate expires on %s, in %d days.", until, int(leaf.NotAfter.Sub(now).Hours()/24))
	}
}

// trust verifies at a time at which the certificate is valid: that it has
// expired is another issue.
func (j *judge) trust(chain []*x509.Certificate, roots *x509.CertPool, now time.Time) {
	leaf := chain[0]
	own := selfSigned(leaf)
	if roots == nil {
		if own {
			j.add(ruleUntrusted, "certificate", showChain, "The certificate is signed by its own key.")
		}
		return
	}
	if now.After(leaf.NotAfter) {
		now = leaf.NotAfter
	} else if now.Before(leaf.NotBefore) {
		now = leaf.NotBefore
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: now})
	if err == nil {
		return
	}
	why := "does not lead to a trusted authority"
	var invalid x509.CertificateInvalidError
	if own {
		why = "is signed by its own key"
	} else if errors.As(err, &invalid) {
		why = "breaks the rules of its chain"
	}
	j.add(ruleUntrusted, "certificate", showChain, "The certificate %s; the server sent %d certificates.", why, len(chain))
}

func (j *judge) strength(chain []*x509.Certificate) {
	var bad []string
	for i, c := range chain {
		where := "the server's own"
		if i > 0 {
			where = fmt.Sprintf("number %d of the chain", i+1)
		}
		if w := weakKey(c.PublicKey); w != "" {
			bad = append(bad, where+": "+w)
		}
		// Nobody verifies the signature of a root: it is trusted as it is.
		if w := weakSignature(c.SignatureAlgorithm); w != "" && !selfIssued(c) {
			bad = append(bad, where+": "+w)
		}
	}
	if len(bad) > 0 {
		j.add(ruleWeakCert, "certificate", showChain, "Weak certificate: %s.", strings.Join(bad, "; "))
	}
}

func weakKey(key any) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < 2048 {
			return fmt.Sprintf("RSA key of %d bits", n)
		}
	case *ecdsa.PublicKey:
		if n := k.Curve.Params().BitSize; n < 224 {
			return fmt.Sprintf("ECDSA key of %d bits", n)
		}
	case *dsa.PublicKey:
		return "DSA key"
	}
	return ""
}

func weakSignature(a x509.SignatureAlgorithm) string {
	switch a {
	case x509.MD2WithRSA, x509.MD5WithRSA:
		return "signature with MD5 or MD2"
	case x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return "signature with SHA-1"
	}
	return ""
}

func selfIssued(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

// selfSigned includes signatures with hashes that are no longer verified.
func selfSigned(c *x509.Certificate) bool {
	if !selfIssued(c) {
		return false
	}
	err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature)
	var insecure x509.InsecureAlgorithmError
	return err == nil || errors.As(err, &insecure)
}
