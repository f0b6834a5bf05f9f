// Small structs in a local slice, each of which holds a large one.
package main

import (
	"runtime"

	"acme.dev/fixtures/seed/internal/program"
)

type LargeData struct{ bytes [1 << 20]byte }

type Container struct{ data *LargeData }

func newContainer() Container { return Container{new(LargeData)} } // leaks

func main() {
	var containers []Container
	program.Run(7, 420, func(int) {
		containers = append(containers, newContainer())
	})
	runtime.KeepAlive(containers)
}
