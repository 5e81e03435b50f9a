package forgetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// description is the part of GitHub's that this fake answers.
type description struct{ doc *openapi3.T }

// paths are the operations that are taken from the description.
func paths() []string {
	return []string{"/orgs/{org}/repos", "/users/{username}/repos", "/user/repos", "/user", "/repos/{owner}/{repo}"}
}

// load reads the description, and drops the operations that are not of these
// paths: all of it takes seconds.
func load(path string) (*description, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	from, ok := all["paths"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("it has no paths")
	}
	some := map[string]any{}
	for _, p := range paths() {
		if some[p] = from[p]; some[p] == nil {
			return nil, fmt.Errorf("it has no path %s", p)
		}
	}
	all["paths"] = some
	for _, rest := range []string{"x-webhooks", "webhooks", "tags"} {
		delete(all, rest)
	}
	keepNeeded(all)
	if raw, err = json.Marshal(all); err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(raw)
	if err != nil {
		return nil, err
	}
	return &description{doc}, nil
}

// keepNeeded drops the components that nothing refers to.
func keepNeeded(all map[string]any) {
	components, _ := all["components"].(map[string]any)
	need := map[string]any{}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				want(components, need, ref, walk)
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	walk(all["paths"])
	want(components, need, "#/components/schemas/basic-error", walk)
	all["components"] = need
}

func want(components, need map[string]any, ref string, walk func(any)) {
	parts := strings.Split(strings.TrimPrefix(ref, "#/components/"), "/")
	if len(parts) != 2 {
		return
	}
	kind, _ := components[parts[0]].(map[string]any)
	into, _ := need[parts[0]].(map[string]any)
	if into == nil {
		into = map[string]any{}
		need[parts[0]] = into
	}
	if _, known := into[parts[1]]; known || kind[parts[1]] == nil {
		return
	}
	into[parts[1]] = kind[parts[1]]
	walk(kind[parts[1]])
}

// check holds a request and its answer to the description.
func (d *description) check(r *http.Request, status int, header http.Header, body []byte) error {
	route, params := d.route(r)
	if route == nil {
		return fmt.Errorf("no such operation")
	}
	for name := range r.URL.Query() {
		if !declared(route, name) {
			return fmt.Errorf("it has no parameter %q", name)
		}
	}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
		return err
	}
	if route.Operation.Responses.Status(status) == nil {
		// An answer that every operation may give is not in each of them.
		if status < http.StatusBadRequest {
			return fmt.Errorf("it has no answer %d", status)
		}
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			return err
		}
		return d.doc.Components.Schemas["basic-error"].Value.VisitJSON(v)
	}
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: status, Header: header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	})
}

// route finds the operation: literal parts go over those in braces.
func (d *description) route(r *http.Request) (*routers.Route, map[string]string) {
	asked := strings.Split(r.URL.Path, "/")
next:
	for _, p := range paths() {
		parts := strings.Split(p, "/")
		if len(parts) != len(asked) {
			continue
		}
		params := map[string]string{}
		for i, part := range parts {
			switch name, isParam := strings.CutPrefix(part, "{"); {
			case isParam && asked[i] != "":
				params[strings.TrimSuffix(name, "}")] = asked[i]
			case part != asked[i]:
				continue next
			}
		}
		item := d.doc.Paths.Value(p)
		if op := item.GetOperation(r.Method); op != nil {
			return &routers.Route{Spec: d.doc, Path: p, PathItem: item, Method: r.Method, Operation: op}, params
		}
	}
	return nil, nil
}

func declared(route *routers.Route, name string) bool {
	for _, p := range route.Operation.Parameters {
		if p.Value != nil && p.Value.In == openapi3.ParameterInQuery && p.Value.Name == name {
			return true
		}
	}
	return false
}
