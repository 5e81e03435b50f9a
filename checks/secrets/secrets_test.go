package secrets

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vitalsign-dev/vitalsign/checks/checktest"
)

// Made-up credentials, joined so that this file holds none.
func awsKey() string { return "AKIA" + "Q4ZK7XW3" + "LMND2RTY" }
func password() string {
	return "xK9" + "fQ2mL8" + "vR4tY7" + "wP1nB6"
}

func TestAccept(t *testing.T) {
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	block := "-----BEGIN " + "RSA PRIVATE KEY-----\n" + strings.Repeat("MIIEpAIBAAKCAQEA"+password()+"AbCdEf0123456789\n", 12) + "-----END " + "RSA PRIVATE KEY-----\n"
	checktest.Accept(t, checktest.Suite{
		Check: c, Redactor: c,
		Clean:   map[string]string{"a.go": "package a\n", "b/empty": "", "logo.png": "\x89PNG\r\n\x1a\n", "x.zip": "PK\x03\x04"},
		One:     map[string]string{"conf/app.ini": "[s3]\nkey = \"" + awsKey() + "\"\n", "a.txt": "nothing\n"},
		OneRule: "aws-access-token", OnePath: "conf/app.ini",
		Many: map[string]string{
			"one.ini": "key = \"" + awsKey() + "\"\n", "two.env": "API_TOKEN=\"" + password() + "\"\n", "k.pem": block,
			"same.txt": fmt.Sprintf("a = %q; api_key = %q\n", awsKey(), password()),
		},
		Values: []string{awsKey(), password(), "MIIEpAIBAAKCAQEA"},
	})
}

func TestVersionIsTheModules(t *testing.T) {
	if got := moduleVersion(t, "github.com/zricethezav/gitleaks/v8"); got != "v"+version {
		t.Errorf("go.mod has gitleaks %s, the check says %s", got, version)
	}
}
