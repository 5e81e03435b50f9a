package report

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	validate "github.com/santhosh-tekuri/jsonschema/v6"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// chance fills values of any type of a document from one string and a seed.
type chance struct {
	r       *rand.Rand
	hostile []string
}

// fill sets what v points to, at most as deep as documents are.
func (c chance) fill(v reflect.Value, depth int) {
	switch v.Interface().(type) {
	case checks.Severity:
		v.SetInt(int64(c.r.IntN(9) - 1)) // there are six
		return
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(c.r.Int64N(1<<33), 0).UTC()))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(c.hostile[c.r.IntN(len(c.hostile))])
	case reflect.Bool:
		v.SetBool(c.r.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(c.r.IntN(40) - 10))
	case reflect.Pointer:
		if c.r.IntN(3) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			c.fill(v.Elem(), depth-1)
		}
	case reflect.Slice:
		if depth > 0 {
			v.Set(reflect.MakeSlice(v.Type(), c.r.IntN(4), 4))
			for i := range v.Len() {
				c.fill(v.Index(i), depth-1)
			}
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		c.fill(key, depth-1)
		c.fill(value, depth-1)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				c.fill(v.Field(i), depth-1)
			}
		}
	}
}

// document is one with at most three runs.
func (c chance) document() checks.Document {
	var d checks.Document
	c.fill(reflect.ValueOf(&d).Elem(), 12)
	for i := range d.Runs {
		r := &d.Runs[i]
		for j := range r.Steps {
			if c.r.IntN(2) == 0 { // or nothing would ever be complete
				r.Steps[j].Status = checks.OK
			}
		}
	}
	return d
}

// noControls fails where a control is left raw that a terminal or a log obeys.
// JSON for programs keeps other characters: what they hold is theirs to escape.
func noControls(t *testing.T, what, out string) {
	t.Helper()
	if i := strings.IndexFunc(out, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' }); i >= 0 {
		t.Errorf("%s: a raw control %q", what, out[i])
	}
}

// Every format of every document is what its readers can read, and nothing of
// the target is more than text in it.
func FuzzFormats(f *testing.F) {
	b, err := os.ReadFile(filepath.Join("testdata", "sarif-schema-2.1.0.json"))
	if err != nil {
		f.Fatal(err)
	}
	v, err := validate.UnmarshalJSON(strings.NewReader(string(b)))
	if err != nil {
		f.Fatal(err)
	}
	c := validate.NewCompiler()
	if err := c.AddResource(sarifSchemaURI, v); err != nil {
		f.Fatal(err)
	}
	sarif := c.MustCompile(sarifSchemaURI)
	for i, s := range []string{hostile, "", "-", "`", " =1", "\u3000@x", "%0A::error::", "a\\|b", "x`y``z", "\ufeff", "＝1",
		"javascript:alert(1)", "https://example.org/\"><script>", "/patients/{id}", "]]>", "&#x6a;", "--", "\x85\x9b", "CVE-2026-0001"} {
		for j := range uint64(10) {
			f.Add(s, uint64(i)*10+j)
		}
	}
	f.Fuzz(func(t *testing.T, s string, seed uint64) {
		hostiles := []string{s, s, s, hostile, "", "secrets", "deps", "sast", "main.go", "/patients", "https://example.org/a"}
		d := chance{rand.New(rand.NewPCG(seed, 0)), hostiles}.document()
		sound(t, d)
		nothingHidden(t, "table", written(t, "table", d))
		for _, name := range []string{"json", "sarif"} {
			noControls(t, name, written(t, name, d))
		}
		var again checks.Document
		if err := json.Unmarshal([]byte(written(t, "json", d)), &again); err != nil {
			t.Error(err)
		}
		valid(t, sarif, []byte(written(t, "sarif", d)))
		if len(d.Runs) == 1 {
			soundBills(t, d)
		}
	})
}

// soundBills reads bills of materials with the libraries of their formats.
func soundBills(t *testing.T, d checks.Document) {
	t.Helper()
	out := written(t, "cyclonedx", d)
	noControls(t, "cyclonedx", out)
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(strings.NewReader(out), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Errorf("cyclonedx: %v", err)
	}
	out = written(t, "spdx", d)
	noControls(t, "spdx", out)
	var doc v2_3.Document
	if err := spdxjson.ReadInto(strings.NewReader(out), &doc); err != nil {
		t.Errorf("spdx: %v", err)
	}
}
