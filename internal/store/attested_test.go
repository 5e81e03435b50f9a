package store

import (
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// The newest answer stays, whatever the order in which they come.
func TestAttested(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "runs.db"))
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	newer := Attested{Target: "/a", Commit: "22", State: "verified", At: at}
	older := Attested{Target: "/a", Commit: "11", State: "broken", Reason: "x", At: at.Add(-time.Hour)}
	other := Attested{Target: "/b", Reason: "no policy", At: at}
	for _, all := range [][]Attested{{older, other}, {newer}, {older}} {
		if err := s.PutAttested(t.Context(), all); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Attested(t.Context())
	if want := map[string]Attested{"/a": newer, "/b": other}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}
