//go:build !unix

package supervise

import "errors"

func become(string, []string, []string) error {
	return errors.New("a process cannot become another program on this system")
}
