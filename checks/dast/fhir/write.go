package fhir

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"github.com/vitalsign-dev/vitalsign/checks/dast/login"
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
// twice, and deletes both.
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
	var made []string
	proof, err := twice(func() (web.Exchange, error) {
		e, err := f.Ask(ctx, web.Request{
			Method: http.MethodPost, URL: f.At(f.s.Prefix + "/" + kind), As: who.Identity.Name, Body: body,
			Header: http.Header{"Accept": {mediaType}, "Content-Type": {mediaType}},
		}, "a resource, with a token that may only read")
		if err != nil || e.Response.Status != http.StatusCreated {
			return e, err
		}
		id := createdID(e, kind)
		made = append(made, id)
		if id == "" {
			f.note("FHIR: a resource that was created", "it is still there: the answer does not say where")
			return e, nil
		}
		return e, f.remove(ctx, e, f.At(f.s.Prefix+"/"+kind+"/"+url.PathEscape(id)).String(), who.Identity.Name, "a resource that was created", id)
	}, func(r web.Response) bool { return r.Status == http.StatusCreated })
	if err != nil || proof == nil || made[0] == made[1] {
		return err // one id for both says that nothing was made
	}
	f.report("fhir-write-unscoped", http.MethodPost, "/"+kind, "", "a token without a scope to create creates resources; done twice, and deleted again", proof...)
	return nil
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
