package probe

import (
	"net/http"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

func said(status int, body string) web.Response {
	return web.Response{Status: status, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte(body)}
}

// A record is found again in what somebody else gets, and another's is not.
func TestContent(t *testing.T) {
	home := said(200, "<h1>Clinic</h1> logged in as Anna <a>out</a>")
	mine := said(200, "<h1>Clinic</h1> logged in as Anna <p>record 17 of MRN-9 weight 70 token aaa</p>")
	again := said(200, "<h1>Clinic</h1> logged in as Anna <p>record 17 of MRN-9 weight 70 token bbb</p>")
	c := NewContent(mine, again, home)
	for body, want := range map[string]bool{
		"<h1>Clinic</h1> logged in as Bert <p>record 17 of MRN-9 weight 70 token ccc</p>": true,
		"<h1>Clinic</h1> logged in as Bert <p>record 18 of MRN-8 weight 70 token ccc</p>": false,
		"<h1>Clinic</h1> please log in": false,
	} {
		if got := c.In(said(200, body)); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
	if c.In(said(403, string(mine.Body))) {
		t.Error("a refusal is taken for the content")
	}
	if NewContent(said(200, "ok"), said(200, "ok"), home).Known() {
		t.Error("a word is taken for content")
	}
	// What the front page shows, too, may not be missing where it has digits.
	lists := said(200, "MRN-9 17 Anna Clinic h1")
	c = NewContent(mine, again, lists)
	if c.In(said(200, "<h1>Clinic</h1> logged in as Bert <p>record of weight 70 token ccc</p>")) {
		t.Error("another record is taken for this one")
	}
}

func TestTemplate(t *testing.T) {
	ops := []surface.Operation{{Method: "GET", Path: "/patients/{pid}"}, {Method: "GET", Path: "/patients/new"}}
	for path, want := range map[string]string{
		"/patients/17": "GET /patients/{pid}", "/patients/new": "GET /patients/new", "/labs/123": "GET /labs/{id}", "/labs/123?x=y": "GET /labs/{id}",
	} {
		if got := Template(ops, "GET", path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}
