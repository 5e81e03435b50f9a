package surface

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Every credential of these recordings has this text in it.
const canary = "c4n4ryc4n4ryc4n4ry"

const archive = `{"log":{"version":"1.2","entries":[
  {"request":{"method":"GET","url":"https://clinic.example.org/api/patients/1001?lang=de&access_token=` + canary + `","headers":[
    {"name":"Authorization","value":"Bearer ` + canary + `"},{"name":"Cookie","value":"sid=` + canary + `"},{"name":"X-Api-Key","value":"` + canary + `"},
    {"name":"X-Ward","value":"7"},{"name":"X-Odd","value":"Bearer ` + canary + `"},{"name":"User-Agent","value":"x"},{"name":":authority","value":"x"}],
    "cookies":[{"name":"sid","value":"` + canary + `"}]},
   "response":{"headers":[{"name":"Set-Cookie","value":"sid=` + canary + `"}],"content":{"text":"` + canary + `"}}},
  {"request":{"method":"GET","url":"https://CLINIC.example.org:443/api/patients/1002?page=2"}},
  {"request":{"method":"POST","url":"https://clinic.example.org/login","postData":{"mimeType":"application/x-www-form-urlencoded; charset=UTF-8","text":"user=doe&password=` + canary + `"}}},
  {"request":{"method":"POST","url":"https://clinic.example.org/api/visits","postData":{"mimeType":"application/json","text":"{\"ward\":7,\"pin\":1234567,\"auth\":{\"a\":\"` + canary + `\"},\"x\":\"Bearer ` + canary + `\",\"who\":[{\"family\":\"Doe\"}]}"}}},
  {"request":{"method":"POST","url":"https://clinic.example.org/soap","postData":{"mimeType":"text/xml","text":"<E><Password>` + canary + `</Password><family>Doe</family></E>"}}},
  {"request":{"method":"POST","url":"https://clinic.example.org/soap2","postData":{"mimeType":"text/xml","text":"<E token=\"` + canary + `\"><family>Doe</family></E>"}}},
  {"request":{"method":"POST","url":"https://clinic.example.org/text","postData":{"mimeType":"text/plain","text":"` + canary + `"}}},
  {"request":{"method":"POST","url":"https://clinic.example.org/broken","postData":{"mimeType":"application/json","text":"{` + canary + `"}}},
  {"request":{"method":"POST","url":"https://clinic.example.org/up","postData":{"mimeType":"multipart/form-data; boundary=B","text":"--B\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n` + canary + `\r\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nhello\r\n--B--\r\n"}}},
  {"request":{"method":"POST","url":"https://clinic.example.org/graphql","postData":{"mimeType":"application/json","text":"{\"query\":\"query P($id: ID!) { patient(id: $id) { name } }\",\"variables\":{\"id\":\"5\"}}"}}},
  {"request":{"method":"GET","url":"https://clinic.example.org/reset-password/` + canary + `1a2b3c4d"}},
  {"request":{"method":"GET","url":"https://clinic.example.org/home;jsessionid=` + canary + `"}},
  {"request":{"method":"GET","url":"https://cdn.example.org/x.js"}},
  {"request":{"method":"GET","url":"http://clinic.example.org/plain"}},
  {"request":{"method":"GET","url":"::"}}
]}}`

func TestHAR(t *testing.T) {
	rec, err := HAR([]byte(archive), mustURL(t, "https://clinic.example.org"), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ops := rec.Operations
	properAll(t, ops, Limits{})
	want := "GET /api/patients/{id}\nPOST /api/visits\nPOST /broken\nPOST /graphql query patient\nGET /home\nPOST /login\nGET /reset-password/{id}\nPOST /soap\nPOST /soap2\nPOST /text\nPOST /up"
	if got := routes(ops); got != want {
		t.Fatalf("got\n%s", got)
	}
	if rec.Foreign != 2 || rec.Dropped != 1 {
		t.Errorf("%d foreign, %d dropped", rec.Foreign, rec.Dropped)
	}
	for _, o := range ops {
		r, err := o.Build(mustURL(t, "https://clinic.example.org"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if all := fmt.Sprintf("%+v %s %s %s %v", o, o.Body, r.URL, r.Body, r.Header); strings.Contains(all, canary) || strings.Contains(all, "1234567") {
			t.Errorf("a credential was kept: %s", all)
		}
	}
	get := find(t, ops, "GET /api/patients/{id}")
	if example(t, get, InPath, "id") != "1001" || example(t, get, InQuery, "lang") != "de" || example(t, get, InQuery, "page") != "2" ||
		example(t, get, InQuery, "access_token") != "" || example(t, get, InHeader, "X-Ward") != "7" || example(t, get, InCookie, "sid") != "" {
		t.Errorf("%+v", get.Parameters)
	}
	for _, name := range []string{"Authorization", "X-Api-Key", "User-Agent"} {
		if _, ok := get.Parameter(InHeader, name); ok {
			t.Errorf("%s was kept", name)
		}
	}
	visits := find(t, ops, "POST /api/visits")
	if example(t, visits, InJSON, "/who/0/family") != "Doe" || example(t, visits, InJSON, "/ward") != "7" || example(t, visits, InJSON, "/pin") != "1" {
		t.Errorf("%s %+v", visits.Body, visits.Parameters)
	}
	if soap := find(t, ops, "POST /soap"); string(soap.Body) != "<E><Password>example</Password><family>Doe</family></E>" || example(t, soap, InXML, "family") != "Doe" {
		t.Errorf("%s %+v", soap.Body, soap.Parameters)
	}
	if p, _ := find(t, ops, "POST /up").Parameter(InForm, "f"); p.Control != "file" || p.Example != "hello" {
		t.Errorf("%+v", p)
	}
	if example(t, find(t, ops, "POST /graphql query patient"), InGraphQL, "id") != "5" {
		t.Error("variables are parameters")
	}
}

const collection = `{"info":{"schema":"https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
 "variable":[{"key":"base","value":"https://clinic.example.org/api"},{"key":"ward","value":"7"},{"key":"apiToken","value":"` + canary + `"}],
 "auth":{"type":"bearer","bearer":[{"key":"token","value":"` + canary + `"}]},
 "item":[
  {"name":"folder","item":[{"name":"deeper","item":[
    {"request":{"method":"GET","url":{"raw":"{{base}}/wards/{{ward}}/patients/:id?x={{unknown}}&y={{ward}}","query":[{"key":"x","value":"{{unknown}}"},{"key":"y","value":"{{ward}}"}],"variable":[{"key":"id","value":"12"}]},
      "header":[{"key":"Authorization","value":"Bearer {{apiToken}}"},{"key":"X-Ward","value":"{{ward}}"},{"key":"X-Open","value":"{{apiToken}}"}]}},
    {"request":{"auth":{"type":"noauth"},"method":"POST","url":"{{host}}/login","body":{"mode":"urlencoded","urlencoded":[{"key":"user","value":"doe"},{"key":"password","value":"` + canary + `"}]}}}
  ]}]},
  {"request":"https://clinic.example.org/health?deep=1"},
  {"request":{"method":"PUT","url":{"path":["visits",":visit"]},"body":{"mode":"raw","raw":"{\"ward\": {{ward}}, \"n\": {{n}}, \"token\": \"` + canary + `\"}","options":{"raw":{"language":"json"}}}}},
  {"request":{"method":"POST","url":"{{base}}/graphql","body":{"mode":"graphql","graphql":{"query":"mutation { save }","variables":"{\"a\": 1}"}}}},
  {"request":{"method":"POST","url":"localhost:8080/up","body":{"mode":"formdata","formdata":[{"key":"f","type":"file","src":"x"},{"key":"n","value":"1"}]}}},
  {"request":{"method":"GET","url":"{{base}}/{{kind}}/list"}}
 ]}`

func TestPostman(t *testing.T) {
	ops, err := Postman([]byte(collection), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	properAll(t, ops, Limits{})
	want := "POST /api/graphql mutation save\nGET /api/wards/7/patients/{id}\nGET /api/{kind}/list\nGET /health\nPOST /login\nPOST /up\nPUT /visits/{visit}"
	if got := routes(ops); got != want {
		t.Fatalf("got\n%s", got)
	}
	for _, o := range ops {
		if all := fmt.Sprintf("%+v %s", o, o.Body); strings.Contains(all, canary) {
			t.Errorf("a credential was kept: %s", all)
		}
	}
	get := find(t, ops, "GET /api/wards/7/patients/{id}")
	if example(t, get, InPath, "id") != "12" || example(t, get, InQuery, "x") != "" || example(t, get, InQuery, "y") != "7" || example(t, get, InHeader, "X-Ward") != "7" ||
		example(t, get, InHeader, "X-Open") != "" || get.Login == nil || !*get.Login {
		t.Errorf("%+v", get)
	}
	if login := find(t, ops, "POST /login"); login.Login == nil || *login.Login || example(t, login, InForm, "password") != "" || example(t, login, InForm, "user") != "doe" {
		t.Errorf("%+v", login)
	}
	if put := find(t, ops, "PUT /visits/{visit}"); string(put.Body) != `{"n":1,"token":"example","ward":7}` {
		t.Errorf("%s", put.Body)
	}
	if p, _ := find(t, ops, "POST /up").Parameter(InForm, "f"); p.Control != "file" {
		t.Errorf("%+v", p)
	}
	if example(t, find(t, ops, "GET /health"), InQuery, "deep") != "1" {
		t.Error("the query of a URL is read")
	}
}

func TestRecordingsRefuse(t *testing.T) {
	for _, doc := range []string{"", "[]", "{}", `{"log":{}}`, `{"log":{"entries":{}}}`, `{"item":{}}`} {
		if _, err := HAR([]byte(doc), nil, Limits{}); err == nil {
			t.Errorf("HAR: %q", doc)
		}
		if _, err := Postman([]byte(doc), Limits{}); err == nil {
			t.Errorf("Postman: %q", doc)
		}
	}
	if _, err := HAR([]byte(strings.Repeat(`{"a":`, 300)), nil, Limits{}); !errors.Is(err, errNested) {
		t.Error(err)
	}
	rec, err := HAR([]byte(archive), nil, Limits{})
	if err != nil || len(rec.Operations) != 0 || rec.Foreign == 0 {
		t.Errorf("without an origin all are foreign: %+v %v", rec, err)
	}
}

func TestRecordedBombs(t *testing.T) {
	var entries, items strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&entries, `{"request":{"method":"GET","url":"https://clinic.example.org/item?id=%d"}},{"request":{"method":"GET","url":"https://clinic.example.org/u/n%dx"}},`, i, i)
		fmt.Fprintf(&items, `{"request":"{{a}}/x%dx"},`, i)
	}
	within(t, func() {
		rec, err := HAR([]byte(`{"log":{"entries":[`+strings.TrimSuffix(entries.String(), ",")+`]}}`), mustURL(t, "https://clinic.example.org"), Limits{Operations: 1000})
		if err != nil || len(rec.Operations) > 1000 {
			t.Errorf("%d operations, %v", len(rec.Operations), err)
		}
	})
	within(t, func() {
		ops, err := Postman([]byte(`{"item":[`+strings.TrimSuffix(items.String(), ",")+`]}`), Limits{})
		if err != nil || len(ops) != DefaultLimits().Operations {
			t.Errorf("%d operations, %v", len(ops), err)
		}
	})
	within(t, func() {
		doc := `{"variable":[{"key":"a","value":"` + strings.Repeat("{{a}}", 200) + `"}],"item":[{"request":{"url":"/` + strings.Repeat("{{a}}", 1_000_000) + `"}}]}`
		if _, err := Postman([]byte(doc), Limits{}); err != nil {
			t.Error(err)
		}
	})
}

func FuzzHAR(f *testing.F) {
	f.Add([]byte(archive))
	l := Limits{Bytes: 1 << 20, Operations: 50, Parameters: 20, Depth: 6}
	f.Fuzz(func(t *testing.T, doc []byte) {
		rec, err := HAR(doc, mustURL(t, "https://clinic.example.org"), l)
		if err == nil {
			properAll(t, rec.Operations, l)
			noCredentials(t, rec.Operations)
		}
	})
}

func FuzzPostman(f *testing.F) {
	f.Add([]byte(collection))
	l := Limits{Bytes: 1 << 20, Operations: 50, Parameters: 20, Depth: 6}
	f.Fuzz(func(t *testing.T, doc []byte) {
		ops, err := Postman(doc, l)
		if err == nil {
			properAll(t, ops, l)
			noCredentials(t, ops)
		}
	})
}

// noCredentials is what holds for everything recorded: no field of a credential,
// no value that looks like one.
func noCredentials(t *testing.T, ops []Operation) {
	t.Helper()
	for _, o := range ops {
		for _, p := range o.Parameters {
			if p.In == InHeader && secretName(p.Name) || p.In == InCookie && p.Example != "" || secretShape.MatchString(p.Example) {
				t.Fatalf("%s: %+v", o.Route(), p)
			}
			if (p.In == InQuery || p.In == InForm) && secretName(p.Name) && p.Example != "" {
				t.Fatalf("%s: %+v", o.Route(), p)
			}
		}
		if secretShape.Match(o.Body) {
			t.Fatalf("%s: %s", o.Route(), o.Body)
		}
	}
}
