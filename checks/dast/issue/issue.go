// Package issue is what a probe of a running application reports, before it is
// redacted and given an identity.
package issue

import (
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// Issue is one weakness at one route.
type Issue struct {
	// Rule is the id of a rule of the check.
	Rule string
	// Route is method and path template, "GET /patients/{id}"; for what holds
	// for the whole origin it is "" .
	Route string
	// Parameter is place and name, "query:name"; "" when it is about none.
	Parameter string
	// Message says what was seen. It must hold nothing that an answer held but
	// words that a rule knows (a header's name, a signature's own text).
	Message string
	// Confidence is high, medium or low.
	Confidence string
	// Anchor is what else identity is computed over, besides route and
	// parameter: a header's name. It must be the same in every run.
	Anchor string
	// Exchanges are the proof, the telling one last.
	Exchanges []web.Exchange
	// Replay is a command that shows it again, for what no exchange can show.
	// It has the variable HOST ("name:port") where the target is named.
	Replay string
}
