// Memory that is held in ways that look like another: the whole struct around
// a buffer that is in use, buffers with nothing in them, and a part that keeps
// all of an array; a table that is loaded once, and one that grows. Usage: held
// WAY FILE
package main

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"time"
)

// A small buffer lies in the struct, and all of the struct is in use.
type session struct {
	id    int
	out   []byte
	small [64]byte
	state [492]uint64
}

type idle struct {
	id  int
	out []byte
}

var (
	sessions []*session
	timers   []*time.Timer
	tickers  []*time.Ticker
	idles    = map[int]*idle{}
	buffers  = sync.Pool{New: func() interface{} { return new(bytes.Buffer) }}
	heads    [][]byte
	table    []row
)

type row struct{ id, price int }

var ways = map[string]func(){
	"inline": func() {
		for i := 0; i < 500; i++ {
			s := &session{id: i}
			s.out = append(s.small[:0], "hello"...)
			sessions = append(sessions, s)
			timers = append(timers, time.AfterFunc(time.Hour, func() {}))
			tickers = append(tickers, time.NewTicker(time.Hour))
		}
	},
	"idle": func() {
		for i := 0; i < 30; i++ {
			idles[i] = &idle{i, make([]byte, 0, 64<<10)}
		}
	},
	"pool": func() {
		var all []*bytes.Buffer
		for i := 0; i < 30; i++ {
			b := buffers.Get().(*bytes.Buffer)
			b.Write(make([]byte, 60000))
			all = append(all, b)
		}
		for _, b := range all {
			b.Truncate(10) // a length does not say that it is in use
			buffers.Put(b)
		}
	},
	"little": func() {},
	// No sample says how these were allocated.
	"table": func() {
		runtime.MemProfileRate = 0
		for i := 0; i < 2; i++ { // the next one still is sampled
			table = make([]row, 128<<10)
		}
	},
	"grown": func() {
		runtime.MemProfileRate = 0
		for i := 0; i < 128<<10; i++ {
			table = append(table, row{id: i})
		}
	},
	"part": func() {
		for i := 0; i < 30; i++ {
			heads = append(heads, make([]byte, 64<<10)[:16])
		}
	},
}

func main() {
	ways[os.Args[1]]()
	runtime.GC()
	f, err := os.Create(os.Args[2])
	if err != nil {
		panic(err)
	}
	debug.WriteHeapDump(f.Fd())
	_ = pprof.Profiles() // or the linker turns the heap profile off
	println(len(sessions), len(timers), len(tickers), len(idles), len(heads))
}
