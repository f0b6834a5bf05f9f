// kinds writes the heap dumps below testdata/rules/dump-*: for each rule one
// in which it leaks, and one in which the same code keeps its bounds.
//
//	kinds RULE leak|clean FILE
package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

type user struct {
	id   int
	name string
	data []byte
}

type event struct {
	id   int
	body [40]uint64
	next *event
}

type entry struct {
	prev *entry
	text [30]uint64
}

type stream struct {
	dec  *decoder
	data [60]uint64
}

type decoder struct {
	owner *stream
	data  [60]uint64
}

type hubType struct {
	mu        sync.Mutex
	listeners []func(int) int
}

type room struct {
	ids []string
}

var (
	users    = map[int]*user{}
	history  []*event
	last     *entry
	events   chan *event
	hub      = &hubType{}
	atExit   []func() byte
	tickers  []*time.Ticker
	serving  context.Context
	cancels  []context.CancelFunc
	buffers  = sync.Pool{New: func() any { return new([]byte) }}
	rooms    = &room{}
	names    [5000]string
	requests = make(chan int)
)

//go:noinline
func newUser(i int) *user { return &user{id: i, name: "u" + strconv.Itoa(i), data: fill(600, i)} }

//go:noinline
func fill(n, seed int) []byte {
	b := make([]byte, n)
	for i := range b {
		seed = seed*1103515245 + 12345
		b[i] = byte(seed >> 16 & 3)
	}
	return b
}

func addUsers(n int) {
	for i := 0; i < n; i++ {
		users[i] = newUser(i)
	}
}

func addHistory(n int) {
	for i := 0; i < n; i++ {
		history = append(history, &event{id: i})
	}
}

func addEntries(n int) {
	for i := 0; i < n; i++ {
		last = &entry{prev: last}
	}
}

func sendEvents(n int) {
	events = make(chan *event, 4096)
	for i := 0; i < n; i++ {
		events <- &event{id: i}
	}
}

func (h *hubType) listen(f func(int) int) {
	h.mu.Lock()
	h.listeners = append(h.listeners, f)
	h.mu.Unlock()
}

func addListeners(n int) {
	for i := 0; i < n; i++ {
		b := fill(500, i)
		hub.listen(func(x int) int { return x + len(b) })
	}
}

func addClosures(n int) {
	for i := 0; i < n; i++ {
		b := fill(500, i)
		atExit = append(atExit, func() byte { return b[0] })
	}
}

func addTickers(n int) {
	for i := 0; i < n; i++ {
		tickers = append(tickers, time.NewTicker(time.Hour))
	}
}

func addContexts(n int) {
	serving, _ = context.WithCancel(context.Background())
	for i := 0; i < n; i++ {
		_, cancel := context.WithCancel(serving)
		if i%7 == 0 && n < 100 {
			cancel()
		}
	}
}

func fillPool(n int) {
	var all []*[]byte
	for i := 0; i < n; i++ {
		b := buffers.Get().(*[]byte)
		*b = fill(8000, i)
		all = append(all, b)
	}
	for _, b := range all {
		buffers.Put(b)
	}
}

func keepIDs(n int) {
	for i := 0; i < n; i++ {
		body := string(fill(6000, i))
		rooms.ids = append(rooms.ids, body[100:110])
	}
}

func keepNames(n int, same bool) {
	for i := 0; i < n; i++ {
		text := "country-" + strings.Repeat("x", 200)
		if !same {
			text = strconv.Itoa(i) + text
		}
		names[i] = strings.Clone(text)
	}
}

func cycles(n int) {
	for i := 0; i < n; i++ {
		s := &stream{}
		s.dec = &decoder{owner: s}
		runtime.SetFinalizer(s, func(*stream) {})
	}
}

func awaitForever(n int) {
	for i := 0; i < n; i++ {
		ch := make(chan int)
		go func() { <-ch }()
	}
}

func serveRequests(n int) {
	for i := 0; i < n; i++ {
		go func() {
			for r := range requests {
				_ = r
			}
		}()
	}
}

// The local list is what holds.
func holdLocally(n int, write func()) int {
	var head *event
	for i := 0; i < n; i++ {
		head = &event{id: i, next: head}
	}
	write()
	sum := 0
	for e := head; e != nil; e = e.next {
		sum += e.id
	}
	return sum
}

func main() {
	runtime.MemProfileRate = 1
	rule, leaks, file := os.Args[1], os.Args[2] == "leak", os.Args[3]
	some := func(many, few int) int {
		if leaks {
			return many
		}
		return few
	}
	write := func() {
		runtime.GC()
		runtime.GC()
		dump(file)
	}
	switch rule {
	case "dump-map":
		addUsers(some(2000, 40))
	case "dump-slice":
		addHistory(some(3000, 60))
	case "dump-global":
		addEntries(some(4000, 60))
	case "dump-channel":
		sendEvents(some(3000, 60))
	case "dump-listener":
		addListeners(some(2000, 30))
	case "dump-closure":
		addClosures(some(2000, 30))
	case "dump-timer":
		addTickers(some(5000, 20))
	case "dump-context":
		addContexts(some(8000, 70))
	case "dump-substring":
		keepIDs(some(150, 3))
	case "dump-duplicates":
		keepNames(some(5000, 200), leaks)
	case "dump-finalizer":
		cycles(some(1000, 10))
	case "dump-goroutine-unreachable":
		if leaks {
			awaitForever(70)
		} else {
			serveRequests(70)
		}
	case "dump-goroutine":
		serveRequests(some(80, 4))
	case "dump-pool":
		runtime.GC()
		fillPool(some(120, 2))
		write = func() { dump(file) }
	case "dump-holder":
		holdLocally(some(3000, 50), write)
		return
	}
	time.Sleep(20 * time.Millisecond)
	write()
}

//go:noinline
func dump(file string) {
	f, err := os.Create(file)
	if err != nil {
		panic(err)
	}
	debug.WriteHeapDump(f.Fd())
	f.Close()
}
