package child

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/egress"
)

// live gives a check of a running application what only such a one gets: the
// way to it, the credentials and the clock. It is called before the walls are
// up, and only opens what was inherited.
func (p Program) live(job checks.Job) (Input, error) {
	if job.Live == nil {
		return Input{}, nil
	}
	if p.Pipe == nil || p.Now == nil {
		return Input{}, errors.New("this program reaches no running application")
	}
	in := Input{Live: job.Live, Credentials: map[string]string{}, Now: p.Now}
	if p.Credentials != "" {
		if err := json.Unmarshal([]byte(p.Credentials), &in.Credentials); err != nil {
			return Input{}, fmt.Errorf("%s is not readable", checks.CredentialsEnv) // never with its text
		}
	}
	pipe, err := p.Pipe()
	if err != nil {
		return Input{}, fmt.Errorf("the way to the application is not there: %w", err)
	}
	client, err := egress.NewClient(pipe)
	if err != nil {
		return Input{}, err
	}
	in.Network = client
	return in, nil
}
