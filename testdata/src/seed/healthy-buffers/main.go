// A pool of buffers used as it should be: reset when taken, and not put back
// when they have grown large.
package main

import (
	"bytes"
	"fmt"
	"sync"

	"acme.dev/fixtures/seed/internal/program"
)

const largest = 64 << 10

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func page(n int) int {
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	for i := 0; i < 100+n%7*300; i++ {
		fmt.Fprintf(b, "line %d of page %d\n", i, n)
	}
	size := b.Len()
	if b.Cap() <= largest {
		buffers.Put(b)
	}
	return size
}

func main() {
	program.Run(200, 100_000, func(i int) { go page(i) })
}
