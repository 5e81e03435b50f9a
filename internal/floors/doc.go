// Package floors holds no code: its test walks the import graph and keeps the
// architecture (ARCHITECTURE.md) true.
package floors
