package auth

import "testing"

func TestResetCodeHasSixDigits(t *testing.T) {
	for range 100 {
		if c := ResetCode(); c < 100000 || c > 999999 {
			t.Errorf("code %d", c)
		}
	}
}
