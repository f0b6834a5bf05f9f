// kinds writes the heap dumps below testdata/rules/dump-*: for each rule one
// in which it leaks, and one in which the same code keeps its bounds.
//
//	kinds RULE leak[-WHAT]|clean[-WHAT] FILE
package main

import (
	"container/list"
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
	answers  []chan int
	audit    = list.New()
	sessions sync.Map
	table    []place
	byName   = map[string]*place{}
	parts    [][]byte
)

type place struct {
	lat, lon float64
	name     string
}

type slow struct{ data [60]uint64 }

// Elements and what they hold, in turn.
type link struct {
	to   *payload
	text [30]uint64
}

type payload struct {
	next *link
	text [30]uint64
}

var chain *link

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

// Three places of one mistake, each below what counts alone.
func awaitInThree(n int) {
	for i := 0; i < n; i++ {
		a, b, c := make(chan *event), make(chan *event), make(chan *event)
		go func() { <-a }()
		go func() {
			for range b {
			}
		}()
		go func() { c <- &event{} }()
	}
}

type pair struct {
	blob    [1 << 20]byte
	in, out chan int
}

//go:noinline
func (p *pair) produce() {
	p.in <- 1
	p.blob[0] = 1
}

//go:noinline
func (p *pair) consume() {
	<-p.out
	p.blob[1] = 1
}

func startPairs(n int) {
	p := &pair{in: make(chan int), out: make(chan int)}
	for i := 0; i < n; i++ {
		go p.produce()
		go p.consume()
	}
}

// Each waits for an answer of its own, which somebody could still send.
func awaitAnswers(n int) {
	for i := 0; i < n; i++ {
		ch := make(chan int)
		answers = append(answers, ch)
		go func() { <-ch }()
	}
}

//go:noinline
func work(scratch []byte) {
	for r := range requests {
		scratch[0] = byte(r)
	}
}

func startWorkers(n int) {
	for i := 0; i < n; i++ {
		go work(make([]byte, 8000))
	}
}

func addAudit(n int) {
	for i := 0; i < n; i++ {
		audit.PushBack(&event{id: i})
	}
}

func storeSessions(n int) {
	for i := 0; i < n; i++ {
		sessions.Store(i, &event{id: i})
	}
}

func loadTable(n int) {
	table = make([]place, 0, n)
	for i := 0; i < n; i++ {
		table = append(table, place{name: "place " + strconv.Itoa(i)})
	}
	for i := range table {
		byName[table[i].name] = &table[i]
	}
}

func addLinks(n int) {
	for i := 0; i < n; i++ {
		chain = &link{to: &payload{next: chain}}
	}
}

func keepHeads(n int) {
	for i := 0; i < n; i++ {
		parts = append(parts, fill(6000, i)[:8])
	}
}

func queueBehindSlow(n int) {
	for i := 0; i < n; i++ {
		runtime.SetFinalizer(&slow{}, func(*slow) { time.Sleep(time.Hour) })
	}
}

// What is found dead by the next collection, which is not waited for.
func dropFinalized(n int) {
	for i := 0; i < n; i++ {
		s := &stream{dec: &decoder{}}
		runtime.SetFinalizer(s, func(*stream) {})
	}
}

//go:noinline
func holdTable(n int, write func()) int {
	rows := make([]place, n)
	write()
	sum := 0
	for i := range rows {
		sum += len(rows[i].name)
	}
	return sum
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
	rule, kind, file := os.Args[1], os.Args[2], os.Args[3]
	leaks := strings.HasPrefix(kind, "leak")
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
	if _, what, ok := strings.Cut(kind, "-"); ok {
		rule = what
	}
	switch rule {
	case "list":
		addAudit(3000)
	case "chain":
		addLinks(2000)
	case "sync":
		storeSessions(3000)
	case "table":
		loadTable(20000)
	case "behind":
		addHistory(3000)
		history = history[:5]
	case "part":
		keepHeads(150)
	case "queue":
		queueBehindSlow(1000)
	case "next":
		runtime.GC()
		debug.SetGCPercent(-1)
		dropFinalized(1000)
		write = func() { dump(file) }
	case "three":
		awaitInThree(20)
	case "shared":
		startPairs(60)
	case "few":
		awaitForever(6)
	case "workers":
		startWorkers(100)
	case "main":
		holdTable(20000, write)
		return
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
		awaitAnswers(some(80, 4))
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
