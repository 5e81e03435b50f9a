package config

import (
	"cmp"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/loopback"
)

// Dast is a running application to look at, and how it comes to run. The zero
// value is none.
type Dast struct {
	// Live is what the check is given; its URL is "" for an application that is
	// started in a container, where it is known only then.
	Live checks.Live
	// Command starts it: on this machine in the repository's root, or in the
	// image in place of what that names. Image or
	// Dockerfile (with Context) start it as a service of the Dagger engine, that
	// answers on Port.
	Command    []string
	Image      string
	Dockerfile string
	Context    string
	Port       int
	Env        map[string]string
	// Ready says when it has come up, Seed what fills it then: commands.
	Ready Ready
	Seed  [][]string
	// Trust is a PEM file of the repository with authorities to believe.
	Trust  string
	Origin Origin
}

// Ready is when a started application can be looked at: any one of the three
// that is set must be so. Without any it must accept a connection.
type Ready struct {
	// HTTP is a path that answers with a status below 400.
	HTTP string
	// Log is a text in its output.
	Log string
	// Timeout is how long that may take.
	Timeout time.Duration
}

const (
	blockDast    = "dast"
	readyTimeout = time.Minute
	defaultPort  = 8080
)

// Named says that the configuration names an application.
func (d Dast) Named() bool { return d.Live.URL != "" || d.Command != nil || d.Contained() }

// Contained says that it runs as a service of a container engine.
func (d Dast) Contained() bool { return d.Image != "" || d.Dockerfile != "" }

const (
	routeForm  = `^/[^\s?#]*$`
	credForm   = `^[A-Z][A-Z0-9_]{0,63}$`
	headerForm = "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$"
)

var (
	routeRE  = regexp.MustCompile(routeForm)
	credRE   = regexp.MustCompile(credForm)
	headerRE = regexp.MustCompile(headerForm)
)

func dastBlock() block {
	return block{
		name: blockDast, single: true,
		help: "A running application that the check dast looks at: where it answers, or how it is started, and how far the check may go.",
		note: "A repository may name one that runs on this machine. To have it start commands or images, to reach other hosts and to change state it needs leave (dast is its NAME).",
		example: []string{
			"url: http://127.0.0.1:8080", `command: ["./bin/server", "-addr", "127.0.0.1:8080"]`, "ready: {http: /healthz, timeout: 30s}",
			"specifications: [{kind: openapi, file: api/openapi.yaml}]", "fhir: /fhir",
			`identities: [{name: nurse, kind: header, header: Authorization, prefix: "Bearer ", credential: NURSE_TOKEN}]`,
		},
		item: dastShape(),
	}
}

func dastShape() shape {
	route := routeShape()
	exclude := listShapeOf(textShape("a pattern of paths such as /admin/**", func(text string) string {
		if !strings.HasPrefix(text, "/") {
			return "does not begin with /"
		}
		return wrongPattern(strings.TrimPrefix(text, "/"))
	}, map[string]any{"pattern": "^/", "maxLength": maxPattern}), 0, maxPatterns, "a list of patterns of paths that are never asked for")
	need := func(names ...string) map[string]any {
		return map[string]any{"type": "object", "required": names}
	}
	rules := map[string]any{
		"anyOf":             []any{need("url"), need("image"), need("dockerfile"), map[string]any{"type": []string{"object", "null"}, "maxProperties": 0}},
		"not":               need("image", "dockerfile"),
		"dependentRequired": map[string]any{"context": []string{"dockerfile"}},
	}
	return shape{kind: recordShape, whole: wholeDast, rules: rules, fields: []field{
		{name: "url", help: "Where it answers.", shape: urlShape()},
		{name: "command", help: "Command that starts it, in the repository's root or in the image; none goes through a shell.", shape: argsShape(1)},
		{name: "image", help: "Image that is started as a service of the Dagger engine.", shape: imageShape()},
		{name: "dockerfile", help: "Dockerfile that is built and started so.", shape: insideShape()},
		{name: "context", help: "The directory that the Dockerfile is built with (default: the root).", shape: insideShape()},
		{name: "port", help: "The port on which image or Dockerfile answer (default: 8080).", shape: countShape(1, 65535)},
		{name: "env", help: "Variables of the started application's environment.", shape: envShape()},
		{name: "ready", help: "When it has come up.", shape: readyShape()},
		{name: "seed", help: "Commands that fill it once it is up, one after the other.", shape: listShapeOf(argsShape(1), 0, maxParts, "a list of commands, each a list of words")},
		{name: "active", help: "Whether requests that change state are sent, too.", shape: switchShape()},
		{name: "allow", help: "Other hosts that may be contacted, as HOST:PORT.", shape: hostsShape()},
		{name: "specifications", help: "Documents that declare what it offers.", shape: listShapeOf(specificationShape(), 0, maxParts, "a list of specifications")},
		{name: "fhir", help: "The path of a FHIR endpoint.", shape: route},
		{name: "identities", help: "Who is asked as; the first is the usual one, and others are compared with it.", shape: listShapeOf(identityShape(), 0, 8, "a list of at most 8 identities")},
		{name: "templates", help: "Files with checks of your own (docs/templates.md).", shape: patternsShape(false)},
		{name: "exclude", help: "Paths that are never asked for.", shape: exclude},
		{name: "requests", help: "Requests that are sent at most (default: 30000).", shape: countShape(1, 10_000_000)},
		{name: "rate", help: "Requests a second, at most (default: 50).", shape: countShape(1, 10_000)},
		{name: "concurrency", help: "Requests on their way at once (default: 8).", shape: countShape(1, 256)},
		{name: "timeout", help: "Time for all of it (default: 30m).", shape: durationShape()},
		{name: "request_timeout", help: "Time for one request and its answer (default: 20s).", shape: durationShape()},
		{name: "require_tls13", help: "Whether a lack of TLS 1.3 is more than a remark.", shape: switchShape()},
		{name: "callback", help: "Whether the application may be made to call back to this machine, which shows server-side request forgery (default: for one on this machine).", shape: switchShape()},
		{name: "trust", help: "PEM file with the authorities of its certificate.", shape: insideShape()},
	}}
}

func routeShape() shape {
	const allowed = "a path that begins with /"
	return textShape(allowed, func(text string) string {
		if !routeRE.MatchString(text) {
			return "is not allowed; allowed: " + allowed
		}
		return wrongLine(text, maxPath)
	}, map[string]any{"pattern": routeForm, "maxLength": maxPath})
}

func urlShape() shape {
	const allowed = "a URL with http or https, without credentials, query and fragment"
	return textShape(allowed, func(text string) string {
		u, err := url.Parse(text)
		ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
		if !ok {
			return "is not allowed; allowed: " + allowed
		}
		return wrongLine(text, maxPath)
	}, map[string]any{"pattern": `^https?://[^@?#\s]+$`, "maxLength": maxPath})
}

func hostsShape() shape {
	const allowed = "HOST:PORT"
	host := textShape(allowed, func(text string) string {
		name, port, err := net.SplitHostPort(text)
		n, perr := strconv.ParseUint(port, 10, 16)
		return unless(err == nil && perr == nil && name != "" && n > 0, allowed)
	}, map[string]any{"pattern": `^.+:[0-9]{1,5}$`, "maxLength": maxPath})
	s := listShapeOf(host, 0, maxParts, "a list of at most "+strconv.Itoa(maxParts)+" hosts as HOST:PORT")
	s.unordered = true
	return s
}

func readyShape() shape {
	return shape{kind: recordShape, allowed: "http, log and timeout", fields: []field{
		{name: "http", help: "A path that answers with a status below 400.", shape: routeShape()},
		{name: "log", help: "A text in its output.", shape: textShape("a text in one line", func(text string) string { return wrongLine(text, maxArg) }, map[string]any{"maxLength": maxArg})},
		{name: "timeout", help: "How long that may take (default: 1m).", shape: durationShape()},
	}}
}

func specificationShape() shape {
	rules := map[string]any{"oneOf": []any{map[string]any{"required": []string{"file"}}, map[string]any{"required": []string{"path"}}}}
	return shape{kind: recordShape, allowed: "kind with file or path", rules: rules, whole: func(tree map[string]any) string {
		if (tree["file"] == nil) == (tree["path"] == nil) {
			return "has to have exactly one of file and path"
		}
		return ""
	}, fields: []field{
		{name: "kind", help: "What it is.", shape: choiceShape("openapi", "graphql", "har", "postman"), required: true},
		{name: "file", help: "A file of the repository.", shape: insideShape()},
		{name: "path", help: "A path of the application that answers with it.", shape: routeShape()},
	}}
}

func identityShape() shape {
	const cred = "the name of a credential, whose value the environment has as VITALSIGN_DAST_NAME"
	credential := textShape(cred, func(text string) string { return unless(credRE.MatchString(text), cred) }, map[string]any{"pattern": credForm})
	word := textShape("the name of a header, cookie or field", func(text string) string {
		return unless(headerRE.MatchString(text), "the name of a header, cookie or field")
	}, map[string]any{"pattern": headerForm})
	line := textShape("text in one line", func(text string) string { return wrongLine(text, maxPath) }, map[string]any{"maxLength": maxPath})
	lines := listShapeOf(line, 0, maxParts, "a list of texts")
	var rules []any
	for _, kind := range []string{"header", "cookie", "form", "oauth2", "smart"} {
		rules = append(rules, map[string]any{
			"if":   map[string]any{"properties": map[string]any{"kind": map[string]any{"const": kind}}},
			"then": map[string]any{"required": identityNeeds()[kind]},
		})
	}
	return shape{kind: recordShape, allowed: "name, kind and what the kind takes", whole: wholeIdentity, rules: map[string]any{"allOf": rules}, fields: []field{
		{name: "name", help: "Who it is.", shape: nameShape(), required: true},
		{name: "kind", help: "How it is let in.", shape: choiceShape("header", "cookie", "form", "oauth2", "smart"), required: true},
		{name: "header", help: "The header (kind header).", shape: word},
		{name: "prefix", help: "What stands before the credential in it.", shape: line},
		{name: "cookie", help: "The cookie (kind cookie).", shape: word},
		{name: "credential", help: "Token, cookie, password, client secret or private key (PEM).", shape: credential, required: true},
		{name: "username", help: "Account or client id (kinds form, oauth2, smart).", shape: credential},
		{name: "login", help: "The path that takes the form (kind form).", shape: routeShape()},
		{name: "username_field", help: "The form's field for the account (default: username).", shape: word},
		{name: "password_field", help: "The form's field for the password (default: password).", shape: word},
		{name: "token", help: "The path or URL of the token endpoint (kinds oauth2, smart).", shape: line},
		{name: "scopes", help: "Scopes that are asked for.", shape: lines},
		{name: "key_id", help: "The id of the key (kind smart).", shape: line},
		{name: "algorithm", help: "How it signs (kind smart).", shape: choiceShape("RS384", "ES384")},
		{name: "owns", help: "Paths of resources that nobody else may read.", shape: listShapeOf(routeShape(), 0, maxParts, "a list of paths")},
	}}
}

// identityNeeds is what each kind cannot do without.
func identityNeeds() map[string][]string {
	return map[string][]string{"header": {"header"}, "cookie": {"cookie"}, "form": {"username", "login"}, "oauth2": {"username", "token"}, "smart": {"username", "token"}}
}

func wholeIdentity(tree map[string]any) string {
	for _, f := range identityNeeds()[textOf(tree["kind"])] {
		if tree[f] == nil {
			return "kind " + textOf(tree["kind"]) + " needs " + f
		}
	}
	return ""
}

// wholeDast holds to one way to have an application.
func wholeDast(tree map[string]any) string {
	var ways []string
	for _, w := range []string{"image", "dockerfile"} {
		if tree[w] != nil {
			ways = append(ways, w)
		}
	}
	switch {
	case len(tree) == 0: // nothing is said
	case len(ways) > 1:
		return "has " + strings.Join(ways, " and ") + "; allowed: at most one of them"
	case tree["url"] == nil && len(ways) == 0:
		return "url is missing: where the application answers"
	case tree["context"] != nil && tree["dockerfile"] == nil:
		return "context is for a dockerfile"
	}
	return ""
}

func dastOf(p part) Dast {
	tree, _ := p.tree.(map[string]any)
	d := Dast{
		Command: textsOf(tree["command"]), Image: textOf(tree["image"]), Dockerfile: textOf(tree["dockerfile"]), Context: textOf(tree["context"]),
		Env: tableOf(tree["env"]), Trust: textOf(tree["trust"]), Port: int(numberOf(tree["port"])), Origin: p.origin,
		Live: checks.Live{
			URL: textOf(tree["url"]), Active: tree["active"] == true, Allow: textsOf(tree["allow"]), FHIR: textOf(tree["fhir"]),
			Templates: textsOf(tree["templates"]), Exclude: textsOf(tree["exclude"]), Requests: int(numberOf(tree["requests"])),
			PerSecond: float64(numberOf(tree["rate"])), Concurrency: int(numberOf(tree["concurrency"])), RequireTLS13: tree["require_tls13"] == true,
		},
	}
	d.Ready = readyOf(tree["ready"])
	seed, _ := tree["seed"].([]any)
	for _, words := range seed {
		d.Seed = append(d.Seed, textsOf(words))
	}
	if v, ok := parseDuration(textOf(tree["timeout"])); ok {
		d.Live.WallMS = time.Duration(v.n).Milliseconds()
	}
	if v, ok := parseDuration(textOf(tree["request_timeout"])); ok {
		d.Live.RequestMS = time.Duration(v.n).Milliseconds()
	}
	if d.Dockerfile != "" && d.Context == "" {
		d.Context = "."
	}
	if d.Port == 0 {
		d.Port = defaultPort
	}
	d.Live = filled(d.Live)
	if back := switchOf(tree["callback"]); back == nil && Loopback(d.Live.URL) || back != nil && *back {
		d.Live.Callback = "127.0.0.1:0"
	}
	specs, _ := tree["specifications"].([]any)
	for _, s := range specs {
		m, _ := s.(map[string]any)
		d.Live.Specifications = append(d.Live.Specifications, checks.Specification{Kind: textOf(m["kind"]), File: textOf(m["file"]), Path: textOf(m["path"])})
	}
	people, _ := tree["identities"].([]any)
	for _, i := range people {
		m, _ := i.(map[string]any)
		d.Live.Identities = append(d.Live.Identities, identityOf(m))
	}
	return d
}

func identityOf(m map[string]any) checks.Identity {
	return checks.Identity{
		Name: textOf(m["name"]), Kind: textOf(m["kind"]), Header: textOf(m["header"]), Prefix: textOf(m["prefix"]), Cookie: textOf(m["cookie"]),
		Credential: textOf(m["credential"]), Username: textOf(m["username"]), Login: textOf(m["login"]), UsernameField: textOf(m["username_field"]),
		PasswordField: textOf(m["password_field"]), Token: textOf(m["token"]), Scopes: textsOf(m["scopes"]), KeyID: textOf(m["key_id"]),
		Algorithm: textOf(m["algorithm"]), Owns: textsOf(m["owns"]),
	}
}

func readyOf(v any) Ready {
	tree, _ := v.(map[string]any)
	r := Ready{HTTP: textOf(tree["http"]), Log: textOf(tree["log"]), Timeout: readyTimeout}
	if d, ok := parseDuration(textOf(tree["timeout"])); ok {
		r.Timeout = time.Duration(d.n)
	}
	return r
}

// filled puts the defaults of the check where nothing is said, its rate too.
func filled(l checks.Live) checks.Live {
	l = l.Filled()
	l.PerSecond = cmp.Or(l.PerSecond, checks.DefaultLive().PerSecond)
	return l
}

// Live is an application at a URL, with the defaults of everything else.
func Live(address string) checks.Live {
	l := filled(checks.Live{URL: address})
	if Loopback(address) {
		l.Callback = "127.0.0.1:0"
	}
	return l
}

func numberOf(v any) int64 {
	n, _ := v.(int64)
	return n
}

// Loopback says whether a URL, or HOST:PORT, is of this machine.
func Loopback(text string) bool {
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		text = u.Host
	}
	return loopback.Host(text)
}

// needs says what of it is more than looking at what runs on this machine.
func (d Dast) needs() string {
	switch {
	case d.Contained():
		return "starts an image"
	case d.Command != nil:
		return "starts a command"
	case d.Seed != nil:
		return "runs commands"
	case !Loopback(d.Live.URL):
		return "names an application that is not on this machine"
	case d.Live.Active:
		return "has requests sent that change state"
	}
	for _, h := range d.Live.Allow {
		if !Loopback(h) {
			return "names a host that is not this machine"
		}
	}
	return ""
}

// Refused says what of it lacks leave: like the entries of Settings.Refused,
// but for the one application.
func (s Settings) RefusedDast() (Refusal, bool) {
	var images []string
	if s.Dast.Image != "" {
		images = []string{s.Dast.Image}
	}
	if !s.Dast.Named() {
		return Refusal{}, false
	}
	list := s.refuse(nil, blockDast, blockDast, s.Dast.Origin, s.Dast.needs(), "only name an application that runs on this machine, to be looked at", images...)
	if len(list) == 0 {
		return Refusal{}, false
	}
	list[0].Key = blockDast
	return list[0], true
}
