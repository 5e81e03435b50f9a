package checks

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func testKey(t testing.TB, fill byte) IdentityKey {
	t.Helper()
	k, err := NewIdentityKey(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The form of v1 is fixed for ever: baselines and waivers hold it.
func TestFingerprintIsV1(t *testing.T) {
	const want = "5543b336ce6af23b780bcd898ff955f6cd043d11bfe6db49af80be77f258dad9"
	if got := Fingerprint("hardcoded-credential", "x"); got != want {
		t.Errorf("got %s: every waiver and baseline in the field would be lost", got)
	}
	if Fingerprint("a", "bc") == Fingerprint("ab", "c") {
		t.Error("class and anchor run into each other")
	}
}

func TestAnchor(t *testing.T) {
	key := testKey(t, 1)
	base := Anchor(key, "password = \"s3cret-value\"\n\tuse(password)", []string{"s3cret-value"})
	same := map[string]string{
		"reindented":    "    password = \"s3cret-value\"\n        use(password)",
		"spaced":        "password=\"s3cret-value\"\r\n\r\nuse( password )",
		"wide space":    "password\u00a0= \"s3cret-value\" use(password)",
		"trailing line": "password = \"s3cret-value\"\nuse(password)\n\n",
	}
	for name, text := range same {
		if got := Anchor(key, text, []string{"s3cret-value"}); got != base {
			t.Errorf("%s: another anchor", name)
		}
	}
	if got := Anchor(key, "password = \"0ther-value!\"\n\tuse(password)", []string{"0ther-value!"}); got == base {
		t.Error("another value, the same anchor")
	}
	if got := Anchor(testKey(t, 2), "password = \"s3cret-value\"\n\tuse(password)", []string{"s3cret-value"}); got == base {
		t.Error("another key, the same anchor")
	}
	if strings.Contains(base, "s3cret") {
		t.Error("the value is in the anchor")
	}
}

func TestAnchorCutsTheLongerValueFirst(t *testing.T) {
	key := testKey(t, 1)
	got := Anchor(key, "a=tokentoken2", []string{"token", "tokentoken2"})
	if strings.Contains(got, "token") {
		t.Errorf("a part of a value is left in %q", got)
	}
}

func TestZeroIdentityKeyIsNotUsable(t *testing.T) {
	var k IdentityKey
	if k.Valid() || k.ID() != "" {
		t.Error("the zero key claims to be one")
	}
	defer func() {
		if recover() == nil {
			t.Error("the zero key made a value")
		}
	}()
	k.Value("x")
}

func TestIdentityKeyStaysOutOfText(t *testing.T) {
	k := testKey(t, 7)
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s", k, k, k, k)} {
		if strings.Contains(s, k.Text()) || strings.Contains(s, "7 7 7") || strings.Contains(s, "0x7") {
			t.Errorf("the key shows in %q", s)
		}
	}
	if _, err := ParseIdentityKey("not-a-key-" + k.Text()); err == nil || strings.Contains(err.Error(), k.Text()) {
		t.Errorf("ParseIdentityKey: %v", err)
	}
	back, err := ParseIdentityKey(k.Text() + "\n")
	if err != nil || back.ID() != k.ID() {
		t.Errorf("the text form does not come back: %v", err)
	}
}

// FuzzAnchor holds the equation that identity rests on: white space never
// matters, and a value never shows.
func FuzzAnchor(f *testing.F) {
	f.Add("password = hunter2hunter2", "hunter2hunter2", uint8(3))
	f.Add("a b\tc", "", uint8(0))
	f.Add("käse = \u2003geheim", "geheim", uint8(9))
	f.Fuzz(func(t *testing.T, text, value string, at uint8) {
		key := testKey(t, 3)
		before := Anchor(key, text, []string{value})
		// Anywhere but within the value, which is cut out as it stands.
		i := int(at) % (len(text) + 1)
		indented := strings.ReplaceAll(text, "\n", "\n\t ")
		if !strings.Contains(value, "\n") && Anchor(key, indented, []string{value}) != before {
			t.Errorf("indenting %q changed the anchor", text)
		}
		if !strings.Contains(value, "\n") && Anchor(key, text+"\n", []string{value}) != before {
			t.Errorf("a line feed after %q changed the anchor", text[:i])
		}
		if len(withoutSpace(value)) > 8 && strings.Contains(text, value) && strings.Count(before, withoutSpace(value)) > strings.Count(withoutSpace(strings.ReplaceAll(text, value, "\x00")), withoutSpace(value)) {
			t.Errorf("the value shows in the anchor of %q", text)
		}
	})
}
