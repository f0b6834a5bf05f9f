// Goroutines that the compiler starts through functions of its own: a call that
// is left, one that it inlines there, and one of a library. The dump goes to
// the file that is named.
package main

import (
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

type request struct{ body []byte }

//go:noinline
func called(c chan int, r *request) { <-c; runtime.KeepAlive(r) }

func inlined(c chan int, r *request) { <-c; runtime.KeepAlive(r) }

func main() {
	c := make(chan int)
	for i := 0; i < 60; i++ {
		go called(c, &request{make([]byte, 1<<16)})
		go inlined(c, &request{make([]byte, 1<<16)})
		go time.Sleep(time.Hour)
	}
	time.Sleep(200 * time.Millisecond)
	runtime.GC()
	f, err := os.Create(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	debug.WriteHeapDump(f.Fd())
	f.Close()
	close(c)
}
