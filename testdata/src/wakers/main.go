// Many goroutines wait, each kind for something that can still come to pass;
// one kind waits for what nobody can reach any more. A heap dump of that goes
// to the file that is named, profiles of them to the folder. Then those are woken whom code wakes, which shows
// that calling them lost would have been wrong.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"
)

const each = 60

var woken atomic.Int64

// receive waits on c.
//
//go:noinline
func receive(c chan int) {
	<-c
	woken.Add(1)
}

// Inlined into what the go statement makes of it.
func lost(c chan int) { <-c }

//go:noinline
func startLost() { go lost(make(chan int)) }

// Ever more are lost, and profiles of goroutines show it.
func lose(folder string) {
	const steps = 6
	for i := 0; i < steps; i++ {
		for k := 0; k < each/steps; k++ {
			startLost()
		}
		time.Sleep(200 * time.Millisecond)
		f, err := os.Create(fmt.Sprintf("%s/%d.goroutine.pb.gz", folder, i))
		if err != nil {
			log.Fatal(err)
		}
		if err := pprof.Lookup("goroutine").WriteTo(f, 0); err != nil {
			log.Fatal(err)
		}
		if err := f.Close(); err != nil {
			log.Fatal(err)
		}
	}
}

//go:noinline
func afterHour() { <-time.After(time.Hour) }

//go:noinline
func ticks() {
	for range time.Tick(time.Hour) {
	}
}

//go:noinline
func cancelled(ctx context.Context) { <-ctx.Done() }

//go:noinline
func closedByTimer() {
	c := make(chan int)
	time.AfterFunc(time.Hour, func() { close(c) })
	select {
	case <-c:
	case <-make(chan int):
	}
}

var finalized []*[64]int

//go:noinline
func closedByFinalizer() {
	c := make(chan int)
	x := new([64]int)
	runtime.SetFinalizer(x, func(*[64]int) { close(c) })
	finalized = append(finalized, x)
	receive(c)
}

//go:noinline
func sleepAndCall(f func()) { time.Sleep(time.Hour); f() }

// The waker has the channel in a variable of its stack only.
//
//go:noinline
func closedFromStack() {
	c := make(chan int)
	go func() {
		var held struct {
			padding [20]int
			c       *chan int
		}
		held.c = &c
		sleepAndCall(func() { close(*held.c) })
	}()
	receive(c)
}

//go:noinline
func closedByDefer() {
	c := make(chan int)
	go func() {
		defer close(c)
		time.Sleep(time.Hour)
	}()
	receive(c)
}

// More defers than the compiler writes at each return: their records and
// closures lie on the stack.
//
//go:noinline
func closedByRecordedDefer() {
	c := make(chan int)
	go func() {
		var mu sync.Mutex
		defer close(c)
		defer mu.Lock()
		defer mu.Unlock()
		defer mu.Lock()
		defer mu.Unlock()
		defer mu.Lock()
		defer mu.Unlock()
		defer mu.Lock()
		defer mu.Unlock()
		mu.Lock()
		time.Sleep(time.Hour)
	}()
	receive(c)
}

//go:noinline
func onCondition() {
	var mu sync.Mutex
	c := sync.NewCond(&mu)
	go func() { mu.Lock(); c.Wait() }()
	time.Sleep(time.Hour)
	c.Broadcast()
}

// Workers of one queue.
//
//go:noinline
func idle(c *sync.Cond) { c.L.Lock(); c.Wait(); c.L.Unlock() }

var queue = sync.NewCond(&sync.Mutex{})

//go:noinline
func onOneCondition() { idle(queue) }

//go:noinline
func onGroup() {
	var wg sync.WaitGroup
	wg.Add(1)
	go func() { time.Sleep(time.Hour); wg.Done() }()
	wg.Wait()
}

//go:noinline
func onLocks() {
	var mu sync.Mutex
	var rw sync.RWMutex
	mu.Lock()
	rw.Lock()
	go func() { mu.Lock() }()
	go func() { rw.RLock() }()
	go func() { rw.Lock() }()
	time.Sleep(time.Hour)
	mu.Unlock()
	rw.Unlock()
}

//go:noinline
func onConnection(address string) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	c := make(chan int)
	go func() { _, _ = connection.Read(make([]byte, 1)); close(c) }()
	receive(c)
}

// Somebody has a way to the channel that later versions of Go brought.
var hidden []func()

func dump(name string) {
	f, err := os.Create(name)
	if err != nil {
		log.Fatal(err)
	}
	debug.WriteHeapDump(f.Fd())
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	held := make(chan net.Conn, each)
	go func() {
		for {
			if c, err := listener.Accept(); err == nil {
				held <- c
			}
		}
	}()
	for i := 0; i < each; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		go cancelled(ctx)
		for _, f := range []func(){afterHour, ticks, closedByTimer,
			closedByFinalizer, closedFromStack, closedByDefer,
			closedByRecordedDefer, onCondition, onOneCondition, onGroup,
			onLocks} {
			go f()
		}
		go onConnection(listener.Addr().String())
		startHidden()
	}
	time.Sleep(time.Second)
	lose(os.Args[2])
	loseHidden()
	runtime.GC()
	runtime.GC()
	dump(os.Args[1])
	for _, wake := range hidden {
		wake()
	}
	time.Sleep(200 * time.Millisecond)
	fmt.Printf("%d ways, %d woken\n", len(hidden), woken.Load())
	runtime.KeepAlive(held)
}
