package fhir

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"github.com/vitalsign-dev/vitalsign/checks/dast/login"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// samples are the smallest resources of types that a server takes, with a word
// of ours by which they are known again.
func samples(mark string) []map[string]any {
	text := map[string]any{"text": mark}
	return []map[string]any{
		{"resourceType": "Patient", "active": false, "name": []any{map[string]any{"family": mark, "text": "Test record of a security scan"}}},
		{"resourceType": "Observation", "status": "entered-in-error", "code": text},
		{"resourceType": "Basic", "code": text},
	}
}

// write creates a resource with a token that may only read (http.html#create),
// reads it to be sure, and deletes it.
func (f *tester) write(ctx context.Context) error {
	if !f.Active {
		return nil
	}
	for _, who := range f.who {
		granted, known := who.Granted()
		if !known {
			continue
		}
		for _, sample := range samples(f.Marks.Word()) {
			kind := kindOf(sample)
			r, ok := f.s.resource(kind)
			if !ok || !slices.Contains(r.Interactions, "create") || covers(granted, kind, "cud") {
				continue
			}
			if err := f.create(ctx, who, kind, sample); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *tester) create(ctx context.Context, who *login.Result, kind string, sample map[string]any) error {
	body, err := json.Marshal(sample)
	if err != nil {
		return err
	}
	e, err := f.Ask(ctx, web.Request{
		Method: http.MethodPost, URL: f.At(f.s.Prefix + "/" + kind), As: who.Identity.Name, Body: body,
		Header: http.Header{"Accept": {mediaType}, "Content-Type": {mediaType}},
	}, "a resource, with a token that may only read")
	if err != nil || e.Response.Status != http.StatusCreated {
		return err
	}
	id := createdID(e, kind)
	if id == "" {
		f.note("FHIR: a resource that was created", "it is still there: the answer does not say where")
		return nil
	}
	at := f.s.Prefix + "/" + kind + "/" + url.PathEscape(id)
	there, err := get(ctx, f.Target, who.Identity.Name, at, "the resource that was created", id)
	if err != nil {
		return err
	}
	if probe.OK(there.Response) && kindOf(resourceOf(there.Response)) == kind {
		f.report("fhir-write-unscoped", http.MethodPost, "/"+kind, "", "a token without a scope to create creates a resource, which is there afterwards (and was deleted again)", e, there)
	}
	return f.remove(ctx, e, f.At(at).String(), who.Identity.Name, "a resource that was created")
}

// createdID is the id of what was created: in Location (http.html#create), or in
// the resource that came back.
func createdID(e web.Exchange, kind string) string {
	if u, err := e.Request.URL.Parse(e.Response.Header.Get("Location")); err == nil {
		if id := after(u.Path, kind); id != "" {
			return id
		}
	}
	id, _ := resourceOf(e.Response)["id"].(string)
	return id
}
