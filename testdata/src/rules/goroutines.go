package main

import (
	"iter"
	"sync"
	"time"
)

// --- goroutine-unreachable, goroutine-nil-chan, goroutine-select-empty ------

type answer struct{ text string }

func lookup(out chan answer) { out <- answer{"late"} }

// Nobody but the sender knows the channel when quote returns.
func quote() {
	out := make(chan answer)
	go lookup(out)
	select {
	case <-out:
	case <-time.After(time.Nanosecond):
	}
}

var jobs = make(chan func())

func serveJobs() {
	for job := range jobs {
		job()
	}
}

// A pool of fixed size that waits for work, reachable from a variable.
func idlePool(size int) func() {
	return func() {
		for range size {
			go serveJobs()
		}
	}
}

func offer() {
	select {
	case jobs <- func() {}:
	default:
	}
}

type hub struct{ done chan struct{} }

func (h *hub) waitDone() { <-h.done }

func (h *hub) waitReady() { <-h.done }

func openHub(made bool) *hub {
	h := &hub{}
	if made {
		h.done = make(chan struct{})
	}
	return h
}

func parkForever() { select {} }

func waitTwo(a, b chan int) {
	select {
	case <-a:
	case <-b:
	}
}

// --- channels -----------------------------------------------------------------

type receipt struct{ paid chan bool }

func (r *receipt) await() bool { return <-r.paid }

// The books keep every receipt, so it is no proof for Go, but a leak.
var books []*receipt

func order() {
	r := &receipt{paid: make(chan bool)}
	books = append(books, r)
	go r.await()
}

func settled(life time.Duration) {
	r := &receipt{paid: make(chan bool)}
	go r.await()
	time.AfterFunc(life, func() { close(r.paid) })
}

type broker struct{ pending []chan int }

func (b *broker) ask(reply chan int) { reply <- 7 }

func (b *broker) best() {
	reply := make(chan int)
	b.pending = append(b.pending, reply)
	go b.ask(reply)
}

// Producers that wait for room are back-pressure, not a leak.
func backPressure() {
	lines := make(chan int, 4)
	for range 30 {
		go produce(lines)
	}
	go func() {
		for range lines {
			time.Sleep(2 * time.Millisecond)
		}
	}()
}

func produce(lines chan int) {
	for i := 0; ; i++ {
		lines <- i
	}
}

type follower struct{ news, stop chan int }

func (f *follower) pump() {
	for {
		select {
		case <-f.news:
		case <-f.stop:
			return
		}
	}
}

var followers []*follower

func follow() {
	f := &follower{make(chan int), make(chan int)}
	followers = append(followers, f)
	go f.pump()
}

// The previous follower is stopped when the next one comes.
func followOnly(max int) {
	follow()
	if len(followers) > max {
		close(followers[0].stop)
		followers = followers[1:]
	}
}

// --- tickers ------------------------------------------------------------------

type lease struct{ ticker *time.Ticker }

func (l *lease) renew() {
	for range l.ticker.C {
	}
}

// Stop does not close the channel: renew stays.
func grant(n int) {
	for range n {
		l := &lease{time.NewTicker(time.Hour)}
		go l.renew()
	}
}

type probe struct{ ticker *time.Ticker }

func (p *probe) tickLoop() {
	for range p.ticker.C {
	}
}

func startProbe() {
	p := &probe{time.NewTicker(time.Hour)}
	go p.tickLoop()
}

// --- locks and counters -------------------------------------------------------

type store struct {
	mu   sync.Mutex
	rows map[int]int
}

func (s *store) put(k int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[k]++
}

var warehouse = store{rows: map[int]int{}}

// Twenty writers that queue for a lock which is always handed on.
func contend() {
	for i := range 20 {
		go func() {
			for {
				warehouse.putSlowly(i)
			}
		}()
	}
}

func (s *store) putSlowly(k int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[k]++
	time.Sleep(time.Millisecond)
}

type hall struct {
	mu    sync.RWMutex
	seats map[int]bool
}

func (h *hall) reserve(seat int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seats[seat] = true
}

func (h *hall) reserveSlowly(seat int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seats[seat] = true
	time.Sleep(time.Millisecond)
}

var theatre = hall{seats: map[int]bool{}}

type report struct{ parts sync.WaitGroup }

func (r *report) seal() { r.parts.Wait() }

var reports []*report

func build(failed bool, life time.Duration) {
	r := &report{}
	r.parts.Add(1)
	if failed {
		reports = append(reports, r)
	} else {
		time.AfterFunc(life, r.parts.Done)
	}
	go r.seal()
}

type gate struct {
	mu   sync.Mutex
	free *sync.Cond
	open int
}

func newGate() *gate {
	g := &gate{}
	g.free = sync.NewCond(&g.mu)
	return g
}

func (g *gate) enter() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.open == 0 {
		g.free.Wait()
	}
	g.open--
}

func (g *gate) leave() {
	g.mu.Lock()
	g.open++
	g.mu.Unlock()
	g.free.Signal()
}

var turnstile = newGate()

func passThrough() {
	for {
		turnstile.enter()
	}
}

// --- sleep, and what has no rule of its own ---------------------------------

func pollUntil(ready func() bool) {
	for !ready() {
		time.Sleep(30 * time.Millisecond)
	}
}

func never() bool { return false }

func pollFor(life time.Duration) {
	end := time.Now().Add(life)
	go pollUntil(func() bool { return time.Now().After(end) })
}

func count(yield func(int) bool) {
	for i := 0; yield(i); i++ {
	}
}

type cursor struct {
	next func() (int, bool)
	stop func()
}

func (c *cursor) first() {
	c.next, c.stop = iter.Pull(iter.Seq[int](count))
	c.next()
}

var cursors []*cursor

func openCursor() {
	c := &cursor{}
	c.first()
	cursors = append(cursors, c)
}

func openCursors(max int) {
	openCursor()
	if len(cursors) > max {
		cursors[0].stop()
		cursors = cursors[1:]
	}
}

// --- cohorts ------------------------------------------------------------------

// A pump outlives its client; clients come only in the first half.
func connectClient(n int) {
	if n >= ticks && n < 5*ticks && n%2 == 0 {
		order()
	}
}

// Clients of the first half leave again.
func visitClient(n int) {
	if n >= ticks && n < 5*ticks && n%2 == 0 {
		settled(time.Duration(1+n%3) * time.Second)
	}
}

const life = 900 * time.Millisecond

var goroutineFixtures = []fixture{
	{name: "goroutine-unreachable/leak-timeout", saves: goroutine | leakProfile,
		step: func(int) { quote() }},
	{name: "goroutine-unreachable/clean-pool", saves: goroutine | leakProfile,
		setup: idlePool(40), step: func(int) { offer() }},
	{name: "goroutine-nil-chan/leak-unset-field", saves: goroutine | dump,
		step: func(n int) {
			if n%40 == 0 {
				go openHub(false).waitDone()
			}
		}},
	{name: "goroutine-nil-chan/clean-set-field", saves: goroutine | dump,
		setup: func() {
			for range 5 {
				go openHub(true).waitReady()
			}
		}},
	{name: "goroutine-select-empty/leak-per-connection", saves: goroutine,
		step: func(n int) {
			if n%20 == 0 {
				go parkForever()
			}
		}},
	{name: "goroutine-select-empty/clean-two-cases", saves: goroutine,
		setup: func() {
			for range 10 {
				go waitTwo(make(chan int), make(chan int))
			}
		}},
	{name: "goroutine-cohort/leak-pumps", saves: dumps, step: connectClient},
	{name: "goroutine-cohort/clean-visits", saves: dumps,
		setup: idlePool(30), step: visitClient},
	{name: "goroutine-ticker/leak-allocated", saves: goroutine | heap,
		rate: 4096, step: func(int) { grant(8) }},
	{name: "goroutine-ticker/leak-named", saves: goroutine,
		step: func(int) { startProbe() }},
	{name: "goroutine-ticker/clean-fixed", saves: goroutine | heap,
		rate: 4096, setup: func() { grant(40) }},
	{name: "goroutine-chan-receive/leak-unclosed", saves: goroutine,
		step: func(int) { order() }},
	{name: "goroutine-chan-receive/clean-pool", saves: goroutine,
		setup: idlePool(50), step: func(int) { offer() }},
	{name: "goroutine-chan-receive/clean-settled", saves: goroutine,
		step: func(int) { settled(life) }},
	{name: "goroutine-chan-send/leak-no-reader", saves: goroutine,
		step: func() func(int) { b := &broker{}; return func(int) { b.best() } }()},
	{name: "goroutine-chan-send/clean-back-pressure", saves: goroutine,
		setup: backPressure},
	{name: "goroutine-select/leak-not-stopped", saves: goroutine,
		step: func(int) { follow() }},
	{name: "goroutine-select/clean-stopped", saves: goroutine,
		step: func(int) { followOnly(15) }},
	{name: "goroutine-mutex/leak-not-unlocked", saves: goroutine,
		setup: warehouse.mu.Lock, step: func(n int) { go warehouse.put(n) }},
	{name: "goroutine-mutex/clean-contended", saves: goroutine, setup: contend},
	{name: "goroutine-rwmutex/leak-read-locked", saves: goroutine,
		setup: theatre.mu.RLock, step: func(n int) { go theatre.reserve(n) }},
	{name: "goroutine-rwmutex/clean-contended", saves: goroutine,
		setup: func() {
			for i := range 20 {
				go func() {
					for {
						theatre.reserveSlowly(i)
					}
				}()
			}
		}},
	{name: "goroutine-waitgroup/leak-no-done", saves: goroutine,
		step: func(n int) { build(n%2 == 0, life) }},
	{name: "goroutine-waitgroup/clean-done", saves: goroutine,
		step: func(int) { build(false, life) }},
	{name: "goroutine-cond/leak-not-signalled", saves: goroutine,
		step: func(int) { go turnstile.enter() }},
	{name: "goroutine-cond/clean-workers", saves: goroutine,
		setup: func() {
			for range 25 {
				go passThrough()
			}
		}, step: func(int) { turnstile.leave() }},
	{name: "goroutine-sleep/leak-never-ready", saves: goroutine,
		step: func(int) { go pollUntil(never) }},
	{name: "goroutine-sleep/clean-ready", saves: goroutine,
		step: func(int) { pollFor(life) }},
	{name: "goroutine-growth/leak-iterators", saves: goroutine,
		step: func(int) { openCursor() }},
	{name: "goroutine-growth/clean-stopped", saves: goroutine,
		step: func(int) { openCursors(25) }},
}
