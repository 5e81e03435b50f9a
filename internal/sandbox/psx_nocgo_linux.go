//go:build !cgo && (amd64 || arm64)

package sandbox

// libpsx is false where the Go runtime knows all threads.
const libpsx = false
