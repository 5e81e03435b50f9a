package forge

import (
	"fmt"
	"regexp"
	"strings"
)

// Names as GitHub gives them. They come over the wire and become paths and
// arguments, so what is not of this form is refused, wherever it is from.
var (
	accountForm    = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9_-])?$`)
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
)

// CheckAccount refuses what cannot be the name of a user or an organisation.
func CheckAccount(name string) error {
	if !accountForm.MatchString(name) {
		return fmt.Errorf("%.120q cannot be the name of an account: letters, digits and hyphens only", name)
	}
	return nil
}

// SplitName takes OWNER/REPO apart and refuses what cannot be one.
func SplitName(full string) (owner, name string, err error) {
	owner, name, ok := strings.Cut(full, "/")
	if !ok {
		return "", "", fmt.Errorf("%.120q is not OWNER/REPO", full)
	}
	if err := CheckAccount(owner); err != nil {
		return "", "", err
	}
	if !repositoryForm.MatchString(name) || name == "." || name == ".." || strings.HasSuffix(strings.ToLower(name), ".git") {
		return "", "", fmt.Errorf("%.120q cannot be the name of a repository: letters, digits, '.', '-' and '_' only, and no .git at its end", name)
	}
	return owner, name, nil
}
