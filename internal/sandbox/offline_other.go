//go:build !(linux && (amd64 || arm64))

package sandbox

import (
	"errors"
	"runtime"
)

func offlineHere() error {
	return errors.New("the network cannot be taken away on " + runtime.GOOS + "/" + runtime.GOARCH)
}
