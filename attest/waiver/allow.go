package waiver

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/attest"
	"github.com/vitalsign-dev/vitalsign/attest/policy"
)

// Signed is a waiver whose signature has been verified, with the approvals
// that name it.
type Signed struct {
	Waiver   Waiver
	By       attest.Verified
	Approval []attest.Verified
}

// ErrNotAllowed says that a policy does not let a waiver count.
var ErrNotAllowed = errors.New("the policy does not allow it")

// Allowed says who stands behind a waiver under a policy, or why it does not
// count: the author's role must reach its severity and its days, and as many
// other people as the policy wants must approve. Two keys of one person are one
// person.
func (s Signed) Allowed(p *policy.Policy, at time.Time) (by string, err error) {
	author, days, err := p.Waiver(s.By, s.Waiver.Severity)
	if err != nil {
		return "", err
	}
	if d := s.Waiver.Days(); d > days {
		return "", fmt.Errorf("%w: it is for %d days, and %s may waive for %d", ErrNotAllowed, d, author, days)
	}
	if s.Waiver.Ends().After(at.AddDate(0, 0, days+1)) {
		return "", fmt.Errorf("%w: it ends more than %d days after it is judged", ErrNotAllowed, days)
	}
	names := []string{author.String()}
	voices := map[string]bool{author.Person: true}
	var refused []string
	for _, v := range s.Approval {
		a, err := ApprovalOf(v)
		if err != nil || a.Of != s.By.ID() {
			continue // about something else
		}
		who, err := p.Approver(v, s.Waiver.Severity)
		switch {
		case err != nil:
			refused = append(refused, err.Error())
		case who.Person == author.Person:
			refused = append(refused, who.Name+" is the author")
		case !voices[who.Person]:
			voices[who.Person] = true
			names = append(names, "approved by "+who.String())
		}
	}
	if got := len(voices) - 1; got < p.Approvals() {
		why := fmt.Sprintf("%d of %d approvals by somebody else than the author", got, p.Approvals())
		return "", fmt.Errorf("%w: %s", ErrNotAllowed, strings.Join(append([]string{why}, refused...), "; "))
	}
	return strings.Join(names, ", "), nil
}
