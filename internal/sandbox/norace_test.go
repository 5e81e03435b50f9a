//go:build !race

package sandbox

// raceEnabled is false: memory limits can be tested.
const raceEnabled = false
