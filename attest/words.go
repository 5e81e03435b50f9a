package attest

import (
	"errors"
	"strings"
)

// orNone makes an error of what may be none.
func orNone(err error) error {
	if err == nil {
		return errors.New("")
	}
	return err
}

// plainError is an error of a library on one line, within bounds.
func plainError(err error) string {
	if err == nil {
		return "it does not verify"
	}
	s := strings.Join(strings.Fields(err.Error()), " ")
	const most = 300
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
