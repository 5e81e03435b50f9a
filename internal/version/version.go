// Package version names this build.
package version

import (
	"runtime/debug"
	"sync"
)

// stamped is set by the linker (-X) when the project's Makefile builds. It is
// never written at run time.
var stamped string

// Version is the release this source belongs to.
const Version = "0.1.0-dev"

// Build names the build: the linker's stamp, else what the Go command recorded
// (module version, revision). vitalsign and vitalsign-check must have the same.
var Build = sync.OnceValue(func() string {
	if stamped != "" {
		return stamped
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Version
	}
	build := Version + "+" + info.Main.Version
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			build += "." + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			build += ".dirty"
		}
	}
	return build
})
