//go:build !unix

package inventory

const nonBlock = 0
