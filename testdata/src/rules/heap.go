package main

import (
	"bytes"
	"container/list"
	"context"
	"io"
	"strings"
	"sync"
	"time"
)

// ring keeps the last n of what is put into it: the healthy neighbour of
// everything below.
type ring[T any] struct {
	items []T
	next  int
}

func newRing[T any](n int) *ring[T] { return &ring[T]{items: make([]T, n)} }

func (r *ring[T]) put(v T) {
	r.items[r.next%len(r.items)] = v
	r.next++
}

// --- heap-context, heap-timer -------------------------------------------------

var root, endRoot = context.WithCancel(context.Background())

func openSession() context.CancelFunc {
	_, cancel := context.WithCancel(root)
	return cancel
}

var sessions = newRing[context.CancelFunc](8000)

func replaceSession() {
	if cancel := sessions.items[sessions.next%len(sessions.items)]; cancel != nil {
		cancel()
	}
	sessions.put(openSession())
}

func remind() *time.Timer { return time.AfterFunc(2*time.Hour, func() {}) }

var reminders = newRing[*time.Timer](10000)

func replaceReminder() {
	if t := reminders.items[reminders.next%len(reminders.items)]; t != nil {
		t.Stop()
	}
	reminders.put(remind())
}

// --- heap-pool ----------------------------------------------------------------

type sheet struct{ cells [2048]byte }

func newSheet() any { return new(sheet) }

var sheets = sync.Pool{New: newSheet}

var retries []*sheet

func keepSheet() { retries = append(retries, sheets.Get().(*sheet)) }

func useSheets(n int) {
	var used []*sheet
	for range n {
		used = append(used, sheets.Get().(*sheet))
	}
	for _, s := range used {
		sheets.Put(s)
	}
}

// --- heap-substring -----------------------------------------------------------

var body = strings.Repeat("name value and the rest of the line; ", 300)

func token() string {
	b, err := io.ReadAll(strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	return string(b[:4])
}

func wholeToken() []byte {
	b, err := io.ReadAll(strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	return b[:4]
}

var tokens [][]byte

var lastTokens = newRing[string](5000)

// --- heap-listener ------------------------------------------------------------

type bus struct{ listeners map[int]func(string) }

func (b *bus) Subscribe(id int, name string) {
	b.listeners[id] = func(text string) { _ = name + text }
}

func (b *bus) remove(id int) { delete(b.listeners, id) }

var events = bus{map[int]func(string){}}

func subscribe(n, live int) {
	for i := range 1500 {
		id := n*1500 + i
		events.Subscribe(id, "session")
		if live > 0 {
			events.remove(id - live)
		}
	}
}

// --- heap-map-held ------------------------------------------------------------

type user struct {
	name string
	note [100]byte
}

var visitors sync.Map

func visit(n, most int) {
	for i := range 400 {
		id := n*400 + i
		visitors.Store(id, &user{})
		if most > 0 {
			visitors.Delete(id - most)
		}
	}
}

type userCache struct{ users map[int]*user }

func (c *userCache) load(id int) { c.users[id] = &user{name: "guest"} }

var cached = userCache{map[int]*user{}}

func fillCache(n, most int) {
	for i := range 400 {
		id := n*400 + i
		cached.load(id)
		if most > 0 {
			delete(cached.users, id-most)
		}
	}
}

// --- heap-slice-held ----------------------------------------------------------

type sample struct{ at, value [8]float64 }

var history = list.New()

func record(n, most int) {
	for range n {
		history.PushBack(sample{})
		for most > 0 && history.Len() > most {
			history.Remove(history.Front())
		}
	}
}

// --- heap-large-object, heap-closure, heap-global, heap-growth ---------------

func readPage() []byte { return make([]byte, 1<<20) }

var pages [][]byte

var lastPages = newRing[[]byte](12)

type document struct{ text [400]byte }

func undoFunc() func() {
	d := &document{}
	return func() { d.text[0]++ }
}

var undo []func()

var lastUndo = newRing[func()](2000)

type series struct{ values [120]byte }

type Registry struct{ all map[int]*series }

func (r *Registry) enrol(id int) { r.all[id] = &series{} }

var metrics = Registry{map[int]*series{}}

func observe(n, labels int) {
	for i := range 900 {
		id := n*900 + i
		if labels > 0 {
			id %= labels
			metrics.all[id] = nil
		}
		metrics.enrol(id)
	}
}

type entry struct {
	id   int
	text [240]byte
}

func makeEntry(id int) *entry { return &entry{id: id} }

type trail struct {
	next *trail
	at   *entry
}

var audit *trail

func appendEntry(n int) {
	for i := range 400 {
		audit = &trail{audit, makeEntry(n + i)}
	}
}

var lastEntries = newRing[*entry](16000)

// --- memstats-growth: no heap profile, the figures alone ---------------------

var kept [][]byte

func repeat(n int, f func()) func(int) {
	return func(int) {
		for range n {
			f()
		}
	}
}

var heapFixtures = []fixture{
	{name: "heap-context/leak-not-cancelled", saves: heap,
		step: repeat(700, func() { openSession() })},
	{name: "heap-context/clean-cancelled", saves: heap,
		setup: func() { repeat(8000, replaceSession)(0) }, step: repeat(400, replaceSession)},
	{name: "heap-timer/leak-not-stopped", saves: heap,
		step: repeat(900, func() { remind() })},
	{name: "heap-timer/clean-stopped", saves: heap,
		setup: func() { repeat(10000, replaceReminder)(0) }, step: repeat(500, replaceReminder)},
	{name: "heap-pool/leak-kept", saves: heap, step: repeat(50, keepSheet)},
	{name: "heap-pool/clean-put-back", saves: heap,
		step: func(int) { useSheets(4000) }},
	{name: "heap-substring/leak-tokens", saves: heap,
		step: repeat(7, func() { tokens = append(tokens, wholeToken()) })},
	{name: "heap-substring/clean-copied", saves: heap,
		step: repeat(7, func() { lastTokens.put(token()) })},
	{name: "heap-listener/leak-subscribed", saves: heap,
		step: func(n int) { subscribe(n, 0) }},
	{name: "heap-listener/clean-removed", saves: heap,
		setup: func() { subscribe(0, 0); subscribe(1, 0) },
		step:  func(n int) { subscribe(n+2, 3000) }},
	{name: "heap-map-held/leak-syncmap", saves: heap,
		step: func(n int) { visit(n, 0) }},
	{name: "heap-map-held/leak-named-cache", saves: heap,
		step: func(n int) { fillCache(n, 0) }},
	{name: "heap-map-held/clean-bounded", saves: heap,
		setup: func() {
			for n := range 50 {
				fillCache(n, 0)
			}
		}, step: func(n int) { fillCache(n+50, 20000) }},
	{name: "heap-slice-held/leak-list", saves: heap,
		step: func(int) { record(500, 0) }},
	{name: "heap-slice-held/clean-list", saves: heap,
		setup: func() { record(40000, 0) },
		step:  func(int) { record(500, 40000) }},
	{name: "heap-large-object/leak-pages", saves: heap,
		step: func(n int) {
			if n%5 == 0 {
				pages = append(pages, readPage())
			}
		}},
	{name: "heap-large-object/clean-ring", saves: heap,
		setup: func() { repeat(12, func() { lastPages.put(readPage()) })(0) },
		step:  func(int) { lastPages.put(readPage()) }},
	{name: "heap-closure/leak-undo", saves: heap, rate: 1024,
		step: repeat(60, func() { undo = append(undo, undoFunc()) })},
	{name: "heap-closure/clean-undo", saves: heap, rate: 1024,
		setup: func() { repeat(2000, func() { lastUndo.put(undoFunc()) })(0) },
		step:  repeat(60, func() { lastUndo.put(undoFunc()) })},
	{name: "heap-global/leak-registry", saves: heap,
		step: func(n int) { observe(n, 0) }},
	{name: "heap-global/clean-registry", saves: heap,
		setup: func() {
			for n := range 60 {
				observe(n, 50000)
			}
		}, step: func(n int) { observe(n, 50000) }},
	{name: "heap-growth/leak-trail", saves: heap,
		step: func(n int) { appendEntry(n * 400) }},
	{name: "heap-growth/clean-ring", saves: heap,
		setup: repeatOnce(16000, func() { lastEntries.put(makeEntry(0)) }),
		step:  repeat(400, func() { lastEntries.put(makeEntry(1)) })},
	{name: "memstats-growth/leak-no-profile", saves: heapText, rate: -1,
		step: func(int) { kept = append(kept, bytes.Repeat([]byte{1}, 60000)) }},
	{name: "memstats-growth/clean-no-profile", saves: heapText, rate: -1,
		setup: repeatOnce(1, func() { kept = make([][]byte, 50) }),
		step: func(n int) {
			kept[n%50] = bytes.Repeat([]byte{1}, 60000)
			if n == 0 {
				for i := range kept {
					kept[i] = bytes.Repeat([]byte{1}, 60000)
				}
			}
		}},
}

func repeatOnce(n int, f func()) func() { return func() { repeat(n, f)(0) } }
