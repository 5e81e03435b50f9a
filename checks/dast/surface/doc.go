// Package surface knows what an application offers: operations with their
// parameters, as specifications declare them (OpenAPI, GraphQL, FHIR), as
// recorded sessions show them (HAR, Postman), and as pages link to them. All
// input is hostile and bounded; nothing here opens a connection or a file.
package surface

import "slices"

// In is where a parameter goes. The first four are OpenAPI's words (OpenAPI
// 3.1.0, 4.8.12.1).
type In string

// The places.
const (
	InPath   In = "path"
	InQuery  In = "query"
	InHeader In = "header"
	InCookie In = "cookie"
	// InForm is a field of application/x-www-form-urlencoded or
	// multipart/form-data.
	InForm In = "form"
	// InJSON is a member of a JSON body; its name is a JSON Pointer (RFC 6901).
	InJSON In = "json"
	// InXML is the text of an element of an XML body; its name is the
	// element's.
	InXML In = "xml"
	// InGraphQL is a variable of a GraphQL operation.
	InGraphQL In = "graphql"
)

// Parameter is one input of an operation.
type Parameter struct {
	In   In
	Name string
	// Type is JSON Schema's word (string, integer, number, boolean, array,
	// object), "" when nobody said; Format likewise (uuid, date, uri ...).
	Type, Format string
	Required     bool
	// Example is a value that the operation takes, as it is written in the
	// request; "" when none is known.
	Example string
	Enum    []string
	// Control is the type of the HTML control that it comes from (HTML, 4.10.5:
	// hidden, password, file, checkbox, select, textarea ...), "" when it comes
	// from none.
	Control string
}

// Operation is one method on one path.
type Operation struct {
	// Method is upper case.
	Method string
	// Path begins with "/" and has its parameters in braces, as OpenAPI and
	// Go's ServeMux write them: "/patients/{id}".
	Path string
	// Name tells operations apart that share method and path, as those of
	// GraphQL do: "query patient". It is "" where the path says it all.
	Name       string
	Parameters []Parameter
	// ContentType is that of the body, "" without one. Body is an example of
	// the whole body, where one is known.
	ContentType string
	Body        []byte
	// Safe says that the specification declares it without side effects, or
	// the method is (RFC 9110, 9.2.1: GET, HEAD, OPTIONS). Idempotent says that
	// it may be repeated (9.2.2), by the method or by the specification.
	Safe, Idempotent bool
	// Login says whether the specification asks for credentials: nil when it
	// says nothing. Scopes are the OAuth 2.0 scopes that it names.
	Login  *bool
	Scopes []string
	// Sources says where it is known from: "openapi", "graphql", "har",
	// "postman", "fhir", "link", "form", "script", "sitemap", "robots".
	Sources []string
}

// Route names an operation: "GET /patients/{id}", and with its own name when it
// has one: "POST /graphql query patient".
func (o Operation) Route() string {
	route := o.Method + " " + o.Path
	if o.Name != "" {
		route += " " + o.Name
	}
	return route
}

// Parameter gives the parameter at that place with that name.
func (o Operation) Parameter(in In, name string) (Parameter, bool) {
	i := slices.IndexFunc(o.Parameters, func(p Parameter) bool { return p.In == in && p.Name == name })
	if i < 0 {
		return Parameter{}, false
	}
	return o.Parameters[i], true
}

// Limits bound what is read. Zero values mean the defaults of DefaultLimits.
type Limits struct {
	// Bytes is the most of one document; Operations and Parameters (of one
	// operation) are counted, and Depth is of nested schemas and JSON.
	Bytes, Operations, Parameters, Depth int
}

// DefaultLimits are generous for a hospital's largest interface.
func DefaultLimits() Limits {
	return Limits{Bytes: 32 << 20, Operations: 20000, Parameters: 200, Depth: 12}
}
