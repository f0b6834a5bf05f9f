// A pool of pages of which one in ten is not put back but chained to the last
// one that was kept.
package main

import (
	"sync"

	"acme.dev/fixtures/seed/internal/program"
)

type Page struct {
	before *Page
	bytes  [256 << 10]byte
}

func newPage() any { return new(Page) } // leaks

var pages = sync.Pool{New: newPage}

var kept *Page

func use(i int) {
	p := pages.Get().(*Page)
	p.bytes[i%len(p.bytes)] = 1
	if i%10 == 0 {
		p.before, kept = kept, p
		return
	}
	pages.Put(p)
}

func main() { program.Run(250, 15_000, use) }
