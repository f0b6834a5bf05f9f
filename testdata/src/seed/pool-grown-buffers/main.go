// A pool that takes back what has grown: nobody resets the pages.
package main

import (
	"bytes"
	"fmt"
	"sync"

	"acme.dev/fixtures/seed/internal/program"
)

type Scratch struct{ pages []*bytes.Buffer }

var (
	scratches = sync.Pool{New: func() any { return new(Scratch) }}
	requests  = make(chan int)
)

func (s *Scratch) render(page int) {
	b := bytes.NewBuffer(make([]byte, 0, 32<<10)) // leaks
	fmt.Fprintf(b, "page %d", page)
	s.pages = append(s.pages, b)
}

// It holds one all the time but for the moment between putting it back and
// taking it again: the collector does not find it unused.
func renderer() {
	for {
		s := scratches.Get().(*Scratch)
		s.render(<-requests)
		scratches.Put(s)
	}
}

func main() {
	go renderer()
	program.Run(80, 4800, func(i int) { requests <- i })
}
