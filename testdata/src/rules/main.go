// Command rules makes the series of testdata/rules: for every leak rule a
// program that leaks that way and a healthy one that looks alike. One case is
// one run:
//
//	rules RULE/CASE DIR
//
// writes ten snapshots of itself into DIR and ends. Without arguments it lists
// the cases.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"
)

const (
	snapshots = 10
	ticks     = 20 // calls of step between two snapshots
	pause     = 40 * time.Millisecond
)

// What a case writes at every snapshot; several may be added up.
const (
	heap = 1 << iota
	goroutine
	heapText
	leakProfile // at the last snapshot only
	dump        // goroutine states, at the last snapshot only
	dumps       // at the first, fifth and last
)

type fixture struct {
	name  string
	saves int
	rate  int // MemProfileRate; 0 Go's own, -1 none
	setup func()
	step  func(n int) // once every `pause`
}

func save(dir string, i int, suffix, profile string, debug int) {
	f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%02d.%s", i, suffix)))
	if err != nil {
		panic(err)
	}
	if err := pprof.Lookup(profile).WriteTo(f, debug); err != nil {
		panic(err)
	}
	if err := f.Close(); err != nil {
		panic(err)
	}
}

func snapshot(dir string, i, saves int) {
	if saves&(heap|heapText) != 0 {
		runtime.GC()
	}
	if saves&heap != 0 {
		save(dir, i, "heap.pb.gz", "heap", 0)
	}
	if saves&goroutine != 0 {
		save(dir, i, "goroutine.pb.gz", "goroutine", 0)
	}
	if saves&heapText != 0 {
		save(dir, i, "heap.debug1.txt", "heap", 1)
	}
	isLast := i == snapshots-1
	if saves&leakProfile != 0 && isLast {
		save(dir, i, "goroutineleak.pb.gz", "goroutineleak", 0)
	}
	if saves&dump != 0 && isLast ||
		saves&dumps != 0 && (i == 0 || i == 4 || isLast) {
		save(dir, i, "goroutine.debug2.txt", "goroutine", 2)
	}
}

func run(f fixture, dir string) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		panic(err)
	}
	if f.setup != nil {
		f.setup()
	}
	done := make(chan bool)
	go drive(f, dir, done)
	<-done
	if f.saves&dumps != 0 {
		age(dir)
	}
}

// drive is not main, so that a profile shows who did it.
func drive(f fixture, dir string, done chan bool) {
	for i := range snapshots {
		for n := range ticks {
			if f.step != nil {
				f.step(i*ticks + n)
			}
			time.Sleep(pause)
		}
		snapshot(dir, i, f.saves)
	}
	done <- true
}

func main() {
	fixtures := slices.Concat(goroutineFixtures, ioFixtures, heapFixtures)
	if len(os.Args) != 3 {
		for _, f := range fixtures {
			fmt.Println(f.name)
		}
		return
	}
	for _, f := range fixtures {
		if f.name != os.Args[1] {
			continue
		}
		if f.rate > 0 {
			runtime.MemProfileRate = f.rate
		} else if f.rate < 0 {
			runtime.MemProfileRate = 0
		}
		run(f, os.Args[2])
		return
	}
	fmt.Fprintln(os.Stderr, "rules: no such case:", os.Args[1])
	os.Exit(2)
}
