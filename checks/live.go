package checks

import (
	"cmp"
	"strconv"
	"strings"
)

// CredentialsEnv is the environment variable in which a child gets the
// credentials of a running application: a JSON object of names and values.
// They are never part of a job, because engines cache and log jobs.
const CredentialsEnv = "VITALSIGN_CREDENTIALS"

// Live is a running application that a check looks at, and how far it may go.
// The zero value of a bound means its default of DefaultLive.
type Live struct {
	// URL is where the application answers: scheme, host, port and a path
	// below which everything lies.
	URL string `json:"url"`
	// Allow lists the hosts ("HOST:PORT") that may be contacted besides the
	// URL's own. It is held by the gate outside of the child.
	Allow []string `json:"allow,omitempty"`
	// Active allows methods that change state (RFC 9110, 9.2.1); without it
	// only what is safe, or idempotent by specification, is sent.
	Active bool `json:"active,omitempty"`
	// Requests is the budget, PerSecond the rate, Concurrency how many are on
	// their way at once, WallMS the time for all of it.
	Requests    int     `json:"requests"`
	PerSecond   float64 `json:"per_second"`
	Concurrency int     `json:"concurrency"`
	WallMS      int64   `json:"wall_ms"`
	// RequestMS is the time for one request and its answer, in milliseconds.
	RequestMS int64 `json:"request_ms,omitempty"`
	// Specifications declare what the application offers.
	Specifications []Specification `json:"specifications,omitempty"`
	// Ready is a path that must answer below 400 before anything else is asked,
	// and ReadyMS how long that may take; "" for an application that is up.
	Ready   string `json:"ready,omitempty"`
	ReadyMS int64  `json:"ready_ms,omitempty"`
	// FHIR is the path of a FHIR endpoint below URL, "" for none.
	FHIR string `json:"fhir,omitempty"`
	// Identities are who is asked as, the first one being the usual one; two
	// are compared with each other.
	Identities []Identity `json:"identities,omitempty"`
	// Templates are files of the target with checks of the user's own.
	Templates []string `json:"templates,omitempty"`
	// Exclude are paths (doublestar patterns) that are never asked for.
	Exclude []string `json:"exclude,omitempty"`
	// RequireTLS13 makes the lack of TLS 1.3 more than a remark.
	RequireTLS13 bool `json:"require_tls13,omitempty"`
	// Callback is where the gate may listen for the application to call back
	// ("ADDRESS:PORT"); "" for nowhere.
	Callback string `json:"callback,omitempty"`
	// Trust is a PEM file with the authorities that the application's
	// certificate may come from, besides the system's; a name among the job's
	// data. "" for none.
	Trust string `json:"trust,omitempty"`
}

// Specification is a document that says what an application offers.
type Specification struct {
	// Kind is openapi, graphql, har or postman.
	Kind string `json:"kind"`
	// File is a path of the target, or Path one of the application.
	File string `json:"file,omitempty"`
	Path string `json:"path,omitempty"`
}

// Identity is somebody that requests are sent as. Values are names of
// credentials, never the credentials.
type Identity struct {
	Name string `json:"name"`
	// Kind is header, cookie, form, oauth2 or smart.
	Kind string `json:"kind"`
	// Header is the name of a header (kind header), and Prefix what stands
	// before the credential ("Bearer "); Cookie the name of a cookie.
	Header string `json:"header,omitempty"`
	Prefix string `json:"prefix,omitempty"`
	Cookie string `json:"cookie,omitempty"`
	// Credential names the token, cookie, password, client secret or private
	// key; Username the account or client id, which is a credential too.
	Credential string `json:"credential,omitempty"`
	Username   string `json:"username,omitempty"`
	// Login is the path of the form or of its target (kind form), and the names
	// of its fields; Token the path or URL of the token endpoint (oauth2, smart).
	Login         string `json:"login,omitempty"`
	UsernameField string `json:"username_field,omitempty"`
	PasswordField string `json:"password_field,omitempty"`
	Token         string `json:"token,omitempty"`
	// Scopes are what is asked for (oauth2, smart); KeyID and Algorithm belong
	// to the key of SMART backend services (RS384 or ES384).
	Scopes    []string `json:"scopes,omitempty"`
	KeyID     string   `json:"key_id,omitempty"`
	Algorithm string   `json:"algorithm,omitempty"`
	// Owns are paths of resources that are this identity's own, which nobody
	// else may read.
	Owns []string `json:"owns,omitempty"`
}

// Service is an application that a container engine runs beside the check. Its
// paths are of this machine.
type Service struct {
	// Image is a reference, ImageTarball or ImageRootfs; or else Dockerfile is
	// built with the directory Context.
	Image, Dockerfile, Context string
	// Args are what is started, nil for what the image names itself.
	Args []string
	Port int
	Env  map[string]string
}

// ServiceHost is the name under which a check reaches the service beside it.
const ServiceHost = "application"

// CanaryZone is the end of the name under which a canary answers: one that is on
// no network (RFC 6761, 6.4). The name begins with the job's canary directory.
const CanaryZone = ".invalid"

// Filled puts the defaults where nothing is said of bounds. A rate of zero stays:
// it is none.
func (l Live) Filled() Live {
	d := DefaultLive()
	l.Requests = cmp.Or(l.Requests, d.Requests)
	l.Concurrency = cmp.Or(l.Concurrency, d.Concurrency)
	l.WallMS = cmp.Or(l.WallMS, d.WallMS)
	l.RequestMS = cmp.Or(l.RequestMS, d.RequestMS)
	return l
}

// DefaultLive are bounds that a small application on loopback bears.
func DefaultLive() Live {
	return Live{Requests: 30000, PerSecond: 50, Concurrency: 8, WallMS: 30 * 60 * 1000, RequestMS: 20 * 1000}
}

// LiveScheme is what the paths of a running application begin with: no path of
// a tree does, because those are relative.
const LiveScheme = "/"

// Live says whether a location is a route of a running application, and not a
// file: its path begins with a slash. Symbol then names method and parameter.
func (l Location) Live() bool { return strings.HasPrefix(l.Path, LiveScheme) }

// String names a place in one line: "api/main.go:12", or of a running
// application "GET /patients/{id} query:name".
func (l Location) String() string {
	if l.Live() {
		method, parameter, _ := strings.Cut(l.Symbol, " ")
		return strings.TrimSpace(strings.TrimSpace(method+" "+l.Path) + " " + parameter)
	}
	if l.StartLine > 0 {
		return l.Path + ":" + strconv.Itoa(l.StartLine)
	}
	return l.Path
}

// Exchange is a request and its answer as they may be shown: credentials and
// whatever an answer held are cut out but for what a rule itself looks for.
type Exchange struct {
	// Note says in a few words why it was sent.
	Note string `json:"note,omitempty"`
	// Request is the request line and headers, and a body of ours; Response
	// the status line, headers that say nothing of a person, and the size.
	Request  string `json:"request"`
	Response string `json:"response"`
}

// MaxExchanges bounds how many are kept for one finding.
const MaxExchanges = 6
