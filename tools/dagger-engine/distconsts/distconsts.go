// Package distconsts stands in for github.com/dagger/dagger/engine/distconsts,
// which is generated in Dagger's own build and is not a module that resolves.
// It holds the names of places, chosen so that the engine finds everything
// under /opt in the mount namespace that tools/dagger-engine/engine.sh makes.
package distconsts

// Places in the engine's mount namespace.
const (
	RuncPath                         = "/opt/dagger/bin/runc"
	DaggerInitPath                   = "/opt/dagger/bin/dagger-init"
	EngineDefaultStateDir            = "/var/lib/dagger"
	EngineContainerBuiltinContentDir = "/opt/dagger/builtin"
	EngineContainerName              = "dagger-engine.vitalsign"
)

// Names of variables by which Dagger's image tells of the SDKs that are built
// into it. This engine has none: vitalsign uses no Dagger modules.
const (
	PythonSDKManifestDigestEnvName     = "DAGGER_PYTHON_SDK_MANIFEST_DIGEST"
	TypescriptSDKManifestDigestEnvName = "DAGGER_TYPESCRIPT_SDK_MANIFEST_DIGEST"
	GoSDKManifestDigestEnvName         = "DAGGER_GO_SDK_MANIFEST_DIGEST"
)

// Defaults of features that vitalsign does not use.
const (
	AlpineVersion        = "3.20.2"
	AlpineImage          = "alpine:" + AlpineVersion
	GolangImage          = "golang:1.23.6-alpine"
	BusyboxImage         = "busybox:1.37.0"
	OCIVersionAnnotation = "org.opencontainers.image.version"
)
