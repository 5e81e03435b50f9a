package session

import (
	"net/http"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks/dast/login"
)

// A forged token keeps what the token says, and is never the token itself.
func TestForgeries(t *testing.T) {
	const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLXRoaXM"
	seen := map[string]bool{token: true}
	for _, f := range forgeries() {
		for n := byte(1); n <= 2; n++ {
			got := f.make(token, n)
			if seen[got] {
				t.Errorf("%s, %d: %s is no other token", f.what, n, got)
			}
			seen[got] = true
			if c, ok := login.ClaimsOf(got); !ok || c["sub"] != "1" {
				t.Errorf("%s, %d: the claims are %v", f.what, n, c)
			}
		}
	}
}

func TestSlower(t *testing.T) {
	steady := make([]time.Duration, tries)
	growing := make([]time.Duration, tries)
	for i := range steady {
		steady[i], growing[i] = 300*time.Millisecond, time.Duration(i)*200*time.Millisecond
	}
	if slower(steady) || !slower(growing) {
		t.Error("a delay that grows is a limit, and a steady one is none")
	}
}

func TestLate(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		cookie http.Cookie
		is     bool
	}{
		{http.Cookie{}, false}, {http.Cookie{MaxAge: 3600}, false}, {http.Cookie{MaxAge: 90000}, true},
		{http.Cookie{Expires: now.Add(time.Hour)}, false}, {http.Cookie{Expires: now.Add(48 * time.Hour)}, true},
		{http.Cookie{MaxAge: 60, Expires: now.Add(48 * time.Hour)}, false}, {http.Cookie{MaxAge: -1, Expires: now.Add(48 * time.Hour)}, false},
	} {
		if late(&c.cookie, now) != c.is {
			t.Errorf("%+v: late %v", c.cookie, !c.is)
		}
	}
}
