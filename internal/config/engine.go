package config

import "strings"

// The engines.
const (
	EngineAuto   = "auto"
	EngineLocal  = "local"
	EngineDagger = "dagger"
)

const allowedEngine = "auto, local, dagger, or dagger=ADDRESS[,ADDRESS...] " +
	"(unix://PATH, tcp://HOST:PORT, ssh://[USER@]HOST, docker-container://NAME, kube-pod://NAME or another of Dagger's)"

// Engine is where checks and builds run: auto, local or dagger, the last with
// the addresses of its engines; without any it is the one that Dagger finds.
type Engine struct {
	Kind      string
	Addresses []string
}

// String is the form that a setting has.
func (e Engine) String() string {
	if len(e.Addresses) == 0 {
		return e.Kind
	}
	return e.Kind + "=" + strings.Join(e.Addresses, ",")
}

// parseEngine reads engineForm.
func parseEngine(text string) (Engine, bool) {
	if !engineRE.MatchString(text) || len(text) > maxEngine {
		return Engine{}, false
	}
	kind, addresses, ok := strings.Cut(text, "=")
	if !ok {
		return Engine{Kind: kind}, true
	}
	return Engine{Kind: kind, Addresses: strings.Split(addresses, ",")}, true
}
