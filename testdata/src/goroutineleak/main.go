// Command leaks has one goroutine leak of every shape that Go's goroutineleak
// profile can prove, beside goroutines that wait for good reasons, and writes
// the profiles of itself to the directory named by its argument.
//
// Build: GOEXPERIMENT=goroutineleakprofile go build
// Run:   ./leaks DIR
//
// With a second argument it ends in a crash instead: panic, fatal (two writers
// of a map) or quit (SIGQUIT).
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"
)

// Store is generic so that dumps show a shortened type list.
type Store[T any] struct {
	mu   sync.Mutex
	rows []T
}

// WaitLocked never gets the lock it waits for.
func (s *Store[T]) WaitLocked() {
	s.mu.Lock()
	s.rows = nil
}

func sendNobodyReceives(n int) {
	for range n {
		ch := make(chan int)
		go func() { ch <- 1 }()
	}
}

func receiveNobodySends(n int) {
	for range n {
		ch := make(chan string)
		go receive(ch)
	}
}

func receive(ch chan string) { fmt.Fprintln(io.Discard, <-ch) }

func rangeNobodyCloses(n int) {
	for range n {
		ch := make(chan int, 1)
		ch <- 1
		go func() {
			for v := range ch {
				_ = v
			}
		}()
	}
}

func selectNobodyWakes(n int) {
	for range n {
		a, b := make(chan int), make(chan struct{})
		go func() {
			select {
			case <-a:
			case <-b:
			}
		}()
	}
}

func nilChannels() {
	var none chan int
	go func() { <-none }()
	go func() { none <- 1 }()
	go func() { select {} }()
}

func lockNobodyUnlocks(n int) {
	for range n {
		s := &Store[int]{}
		s.mu.Lock()
		go s.WaitLocked()
	}
}

func rwLockNobodyUnlocks() {
	var mu sync.RWMutex
	mu.Lock()
	go func() { mu.RLock() }()
	go func() { mu.Lock() }()
}

func groupNobodyEnds() {
	var wg sync.WaitGroup
	wg.Add(1)
	go wg.Wait()
}

func condNobodySignals() {
	c := sync.NewCond(&sync.Mutex{})
	go func() {
		c.L.Lock()
		c.Wait()
	}()
}

func labelled(n int) {
	for i := range n {
		set := pprof.Labels("route", "/orders", "note", fmt.Sprintf("a \"%d\"]: ü\n", i%2))
		pprof.Do(context.Background(), set, func(context.Context) {
			go receive(make(chan string))
		})
	}
}

// Reachable from here, so never proven to leak.
var (
	global  = make(chan int)
	started sync.WaitGroup
)

func healthy() {
	go func() { <-global }()
	go func() { time.Sleep(time.Hour) }()
	go func() {
		runtime.LockOSThread()
		<-global
	}()
	ticker := time.NewTicker(time.Hour)
	go func() {
		for range ticker.C {
		}
	}()
	started.Add(1)
	go started.Wait()
}

func recurse(depth int, ch chan int) {
	if depth == 0 {
		<-ch
		return
	}
	recurse(depth-1, ch)
}

func save(dir, addr, path, name string) {
	resp, err := http.Get("http://" + addr + "/debug/pprof/" + path)
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		panic(err)
	}
	if _, err := io.Copy(f, resp.Body); err != nil {
		panic(err)
	}
	if err := f.Close(); err != nil {
		panic(err)
	}
}

var profiles = []struct{ path, name string }{
	{"goroutineleak", "goroutineleak.pb.gz"},
	{"goroutineleak?debug=1", "goroutineleak.debug1.txt"},
	{"goroutineleak?debug=2", "goroutineleak.debug2.txt"},
	{"goroutine", "goroutine.pb.gz"},
	{"goroutine?debug=1", "goroutine.debug1.txt"},
	{"goroutine?debug=2", "goroutine.debug2.txt"},
	{"threadcreate?debug=1", "threadcreate.debug1.txt"},
	{"heap?gc=1", "heap.pb.gz"},
	{"heap?debug=1", "heap.debug1.txt"},
}

func serve() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, nil)
	return l.Addr().String()
}

func crash(how string) {
	nilChannels()
	go recurse(150, make(chan int))
	healthy()
	time.Sleep(100 * time.Millisecond)
	if how == "fatal" {
		m := map[int]int{}
		go func() {
			for {
				m[1] = 1
			}
		}()
		for {
			m[2] = 2
		}
	}
	if how == "quit" {
		syscall.Kill(os.Getpid(), syscall.SIGQUIT)
		time.Sleep(time.Hour)
	}
	panic(fmt.Sprintf("order %d: no such user", 42))
}

var keep [][]byte

func main() {
	if len(os.Args) > 2 {
		crash(os.Args[2])
	}
	dir := os.Args[1]
	addr := serve()
	for range 40 {
		keep = append(keep, make([]byte, 100_000))
	}
	sendNobodyReceives(5)
	receiveNobodySends(4)
	rangeNobodyCloses(3)
	selectNobodyWakes(3)
	nilChannels()
	lockNobodyUnlocks(2)
	rwLockNobodyUnlocks()
	groupNobodyEnds()
	condNobodySignals()
	labelled(4)
	healthy()
	time.Sleep(100 * time.Millisecond)
	// The first leak profile may miss what later ones find.
	save(dir, addr, "goroutineleak", "goroutineleak.pb.gz")
	for _, p := range profiles {
		save(dir, addr, p.path, p.name)
	}
}
