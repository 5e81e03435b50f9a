package waiver_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/attest/waiver"
)

func good() waiver.Waiver {
	return waiver.Waiver{Kind: waiver.KindWaiver, Fingerprint: strings.Repeat("a", 64), Rule: "G402", Severity: "high",
		Places: []waiver.Place{{Path: "a.go", Count: 1}}, Created: "2026-11-01", Until: "2026-12-01", Reason: "x"}
}

func TestRoundTrip(t *testing.T) {
	st, err := good().Statement()
	if err != nil {
		t.Fatal(err)
	}
	b, err := st.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	w, id, err := waiver.Read(b)
	if err != nil || len(id) != 64 || w.Reason != "x" || w.Days() != 30 {
		t.Errorf("%+v, id %s, %d days, %v", w, id, w.Days(), err)
	}
}

func TestMalformed(t *testing.T) {
	for name, change := range map[string]func(*waiver.Waiver){
		"another kind":         func(w *waiver.Waiver) { w.Kind = "x" },
		"no rule":              func(w *waiver.Waiver) { w.Rule = "" },
		"no severity":          func(w *waiver.Waiver) { w.Severity = "" },
		"bound to nothing":     func(w *waiver.Waiver) { w.Fingerprint = "" },
		"both":                 func(w *waiver.Waiver) { w.Path = "**" },
		"a short fingerprint":  func(w *waiver.Waiver) { w.Fingerprint = "a" },
		"in no place":          func(w *waiver.Waiver) { w.Places = nil },
		"none in a place":      func(w *waiver.Waiver) { w.Places[0].Count = 0 },
		"no reason":            func(w *waiver.Waiver) { w.Reason = "\n" },
		"a book":               func(w *waiver.Waiver) { w.Reason = strings.Repeat("x", 5000) },
		"no date":              func(w *waiver.Waiver) { w.Until = "soon" },
		"over before it began": func(w *waiver.Waiver) { w.Until = "2026-10-01" },
	} {
		w := good()
		change(&w)
		if w.Check() == nil {
			t.Errorf("%s: sound", name)
		}
		if _, err := w.Statement(); err == nil {
			t.Errorf("%s: became a statement", name)
		}
	}
	if !(waiver.Waiver{}).Ends().IsZero() {
		t.Error("a waiver without a day lasts")
	}
}

func FuzzRead(f *testing.F) {
	st, err := good().Statement()
	if err != nil {
		f.Fatal(err)
	}
	b, err := st.Bytes()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1"}`))
	// What is read is sound, and writing it gives a statement that reads the same.
	f.Fuzz(func(t *testing.T, raw []byte) {
		w, id, err := waiver.Read(raw)
		if err != nil {
			return
		}
		if id == "" || w.Check() != nil || w.Ends().IsZero() {
			t.Fatalf("read a waiver that is none: %+v", w)
		}
		st, err := w.Statement()
		if err != nil {
			t.Fatal(err)
		}
		again, err := st.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		back, _, err := waiver.Read(again)
		one, _ := json.Marshal(w)
		two, _ := json.Marshal(back)
		if err != nil || string(one) != string(two) {
			t.Fatalf("%s\n%s\n%v", one, two, err)
		}
	})
}
