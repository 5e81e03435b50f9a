package osvdb

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseRecord(t *testing.T) {
	r, err := ParseRecord([]byte(`{"schema_version":"1.7.0","id":"GHSA-1","modified":"2026-01-01T00:00:00Z","published":"2026-02-01T00:00:00Z",
 "aliases":["CVE-2026-1"],"details":"## First line\nsecond","withdrawn":"2026-03-01T00:00:00Z",
 "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"},{"type":"Ubuntu","score":"low"}],
 "database_specific":{"severity":"Moderate","cwe_ids":["CWE-79","nonsense"]},
 "references":[{"type":"WEB","url":"https://a.example"},{"type":"ADVISORY","url":"https://b.example"},{"type":"WEB","url":"javascript:1"}],
 "affected":[
  {"package":{"ecosystem":"npm","name":"a"},"ranges":[{"type":"GIT","repo":"https://r.example","events":[{"introduced":"0"}]},{"type":"SEMVER","events":[{"introduced":"1.0.0","fixed":"1.1.0"}]}]},
  {"package":{"ecosystem":"npm","name":"a"},"versions":["2.0.0"]},
  {"package":{"ecosystem":"Packagist:https://p.example/8","name":"B/C"},"ranges":[{"type":"ECOSYSTEM","events":[{"fixed":"3"}]}],"severity":[{"type":"CVSS_V4","score":"CVSS:4.0/x"}]},
  {"ranges":[{"type":"GIT","repo":"https://r.example","events":[{"introduced":"0"}]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Advisory{
		ID: "GHSA-1", Aliases: []string{"CVE-2026-1"}, Summary: "First line", Withdrawn: true, Level: "MODERATE", CWE: []string{"CWE-79"},
		Severity:   []Severity{{"CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}},
		References: []string{"https://b.example", "https://a.example"},
		Affected: []Affected{
			{Ranges: []Range{{Type: RangeGit}, {Type: RangeSemver, Events: []Event{{Introduced: "1.0.0"}, {Fixed: "1.1.0"}}}}},
			{Versions: []string{"2.0.0"}},
		},
	}
	if got := r.Packages[PackageKey{"npm", "a"}]; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	php := r.Packages[PackageKey{"Packagist", "b/c"}]
	if len(php.Affected) != 1 || !reflect.DeepEqual(php.Affected[0].Ranges[0].Events, []Event{{Introduced: "0"}, {Fixed: "3"}}) || php.Severity[0].Type != "CVSS_V4" {
		t.Errorf("Packagist: %+v", php)
	}
	if len(r.Packages) != 2 || r.Newest.Month() != 2 {
		t.Errorf("%d packages, newest %s", len(r.Packages), r.Newest)
	}
}

func TestMalformedRecords(t *testing.T) {
	good := record("GO-1", "Go/a")
	if _, err := ParseRecord([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"no id":            strings.Replace(good, `"GO-1"`, `""`, 1),
		"id with a slash":  strings.Replace(good, `GO-1`, `GO/1`, 1),
		"no affected":      `{"id":"GO-1","modified":"2026-01-01T00:00:00Z"}`,
		"affected no list": `{"id":"GO-1","modified":"2026-01-01T00:00:00Z","affected":{}}`,
		"unknown range":    strings.Replace(good, "SEMVER", "DATE", 1),
		"empty event":      strings.Replace(good, `{"introduced":"0"}`, `{}`, 1),
		"no name":          record("GO-1", "Go/"),
		"tab in a name":    record("GO-1", "Go/a\tb"),
		"newline in alias": strings.Replace(good, `"id"`, `"aliases":["a\nb"],"id"`, 1),
		"no ecosystem":     record("GO-1", "/a"),
		"path ecosystem":   strings.Replace(good, `"Go"`, `"../Go"`, 1),
		"long version":     strings.Replace(good, `"introduced":"0"`, `"introduced":"`+strings.Repeat("1", maxVersion+1)+`"`, 1),
	} {
		if r, err := ParseRecord([]byte(bad)); err == nil {
			t.Errorf("%s was taken: %+v", name, r)
		}
	}
	if _, err := ParseRecord(make([]byte, maxRecord+1)); err == nil {
		t.Error("a record over the limit was taken")
	}
}

// FuzzParseRecord: what is taken is bounded and printable, and survives being
// written and read again.
func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(record("GO-1", "Go/a", "npm/b")))
	f.Add([]byte(`{"id":"P-1","modified":"x","affected":[{"package":{"ecosystem":"PyPI","name":"A_b"},"versions":["1"],"ranges":[{"type":"ECOSYSTEM","events":[{"fixed":"2"}]}]}]}`))
	files, err := filepath.Glob("testdata/osv/*/all.zip")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, p := range files {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b) // not a record at all
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRecord(b)
		if err != nil {
			if len(r.Packages) != 0 || r.ID != "" {
				t.Errorf("an error and a record: %+v", r)
			}
			return
		}
		for key, a := range r.Packages {
			if NormalName(key.Ecosystem, key.Name) != key.Name || !printable(key.Name, 4*maxName) || len([]rune(a.Summary)) > maxSummary+1 || len(a.Affected) == 0 {
				t.Errorf("%+v: %+v", key, a)
			}
			doc, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			var again Advisory
			if err := json.Unmarshal(doc, &again); err != nil {
				t.Fatal(err)
			}
			doc2, err := json.Marshal(again)
			if err != nil || string(doc) != string(doc2) || strings.ContainsAny(string(doc), "\n\t") {
				t.Errorf("%s became %s, %v", doc, doc2, err)
			}
		}
	})
}
