//go:build race

package sandbox

// raceEnabled is true when the race detector is linked in. It maps terabytes of
// writable memory of its own, so that no memory limit can be set around it.
const raceEnabled = true
