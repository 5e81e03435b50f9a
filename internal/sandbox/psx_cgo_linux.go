//go:build cgo && (amd64 || arm64)

package sandbox

// libpsx is true where calls on all threads go through libpsx: it lists the
// threads in /proc each time, and signals them with tkill(2), which the filter
// refuses, so that it cannot be used any more once the filter is there.
const libpsx = true
