// Package dep calls back, as frameworks do.
package dep

// Serve runs f in a goroutine of its own.
func Serve(f func()) { go func() { f() }() }
