// Closures that use one byte of the large object they capture.
package main

import (
	"fmt"

	"acme.dev/fixtures/seed/internal/program"
)

type LargeObject struct{ data [1 << 20]byte }

func printer(i int) func() {
	o := &LargeObject{} // leaks
	o.data[0] = byte(i)
	return func() { fmt.Println(o.data[0]) }
}

func main() {
	var funcs []func()
	program.Run(7, 420, func(i int) { funcs = append(funcs, printer(i)) })
	for _, f := range funcs {
		f()
	}
}
