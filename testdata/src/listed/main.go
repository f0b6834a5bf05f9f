// Goroutines wait on one condition, and an array refers to what each of them
// waits with: the list of the condition is then reachable from everywhere in
// it. No program does so; a dump that somebody made may. It goes to the file
// that is named.
package main

import (
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
	"unsafe"
)

const waiters = 4000

// waiting is how a runtime.sudog begins, in every version of Go so far.
type waiting struct {
	g          unsafe.Pointer
	next, prev *waiting
	elem       [2]uintptr // a condition has none before Go 1.26
}

// condition is a sync.Cond.
type condition struct {
	locker       sync.Locker
	wait, notify uint32
	lock         uintptr
	head, tail   *waiting
}

var list []*waiting

//go:noinline
func wait(c *sync.Cond) { c.L.Lock(); c.Wait(); c.L.Unlock() }

func main() {
	c := sync.NewCond(&sync.Mutex{})
	for i := 0; i < waiters; i++ {
		go wait(c)
	}
	time.Sleep(300 * time.Millisecond)
	for w := (*condition)(unsafe.Pointer(c)).head; w != nil; w = w.next {
		w.elem = [2]uintptr{}
		list = append(list, w)
	}
	if len(list) != waiters {
		log.Fatalf("%d of %d are in the list", len(list), waiters)
	}
	runtime.GC()
	f, err := os.Create(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	debug.WriteHeapDump(f.Fd())
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
	runtime.KeepAlive(c)
}
