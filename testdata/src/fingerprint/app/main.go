// One leak of the shape that is asked for, grown in ten rounds, each with its
// profiles: whatever a build does to the names on its stack, it stays the same
// leak. usage: app DIR SHAPE
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"

	"acme.dev/dep"
)

type service struct {
	mu    sync.Mutex
	never chan int
	kept  [][]byte
}

// A closure of a method.
func (s *service) await() {
	go func() {
		<-s.never
	}()
}

// A method value.
func (s *service) run() {
	s.never <- 1
}

// Small enough to be inlined into its caller, with its closure.
func start(s *service) { go func() { s.wait() }() }

func (s *service) wait() {
	select {
	case <-s.never:
	}
}

type queue[T any] struct{ items chan T }

// A generic method, in a goroutine whose arguments need a wrapper.
func (q *queue[T]) drain(n int) {
	for range q.items {
		n++
	}
}

// A closure in a closure, called by a dependency.
func nested(s *service) {
	dep.Serve(func() {
		func() {
			s.mu.Lock()
		}()
	})
}

func keep(s *service) {
	s.kept = append(s.kept, make([]byte, 64<<10))
}

// A closure that keeps memory, of a generic function.
func fill[T any](add func(T), make func() T) {
	for i := 0; i < 8; i++ {
		add(make())
	}
}

var pages []*[4096]byte

var shapes = map[string]func(s *service, q *queue[int], i int){
	"closure": func(s *service, q *queue[int], i int) { s.await() },
	"value":   func(s *service, q *queue[int], i int) { go s.run() },
	"inlined": func(s *service, q *queue[int], i int) { start(s) },
	"generic": func(s *service, q *queue[int], i int) { go q.drain(i) },
	"nested":  func(s *service, q *queue[int], i int) { nested(s) },
	"append":  func(s *service, q *queue[int], i int) { keep(s) },
	"filled": func(s *service, q *queue[int], i int) {
		fill(func(p *[4096]byte) { pages = append(pages, p) }, func() *[4096]byte { return new([4096]byte) })
	},
}

func write(dir, kind string, n int) {
	f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%02d.%s.pb.gz", n, kind)))
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if err := pprof.Lookup(kind).WriteTo(f, 0); err != nil {
		panic(err)
	}
}

func main() {
	runtime.MemProfileRate = 4096
	s := &service{never: make(chan int)}
	q := &queue[int]{items: make(chan int)}
	s.mu.Lock()
	for n := 0; n < 10; n++ {
		for i := 0; i < 20; i++ {
			shapes[os.Args[2]](s, q, i)
		}
		for i := 0; i < 50; i++ {
			runtime.Gosched()
		}
		runtime.GC()
		runtime.GC()
		write(os.Args[1], "heap", n)
		write(os.Args[1], "goroutine", n)
	}
	runtime.KeepAlive(s)
}
