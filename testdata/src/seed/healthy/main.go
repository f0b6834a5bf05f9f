// The eight programs mended: everything has a bound or an end.
package main

import (
	"context"
	"fmt"
	"sync"

	"acme.dev/fixtures/seed/internal/program"
)

func worker(ch chan int) {
	for {
		if _, ok := <-ch; !ok {
			return
		}
	}
}

type User struct {
	ID   int
	Name string
}

const users = 20_000

var userCache = map[int]*User{}

func addUser(id int) {
	userCache[id] = &User{id, fmt.Sprintf("user number %d of the service", id)}
	delete(userCache, id-users)
}

type Page struct{ bytes [256 << 10]byte }

func newPage() any { return new(Page) }

var pages = sync.Pool{New: newPage}

func use(i int) {
	p := pages.Get().(*Page)
	defer pages.Put(p)
	p.bytes[i%len(p.bytes)] = 1
}

type Event struct{ listeners map[int]func(string) }

func (e *Event) Register(id int, listener func(string)) func() {
	e.listeners[id] = listener
	return func() { delete(e.listeners, id) }
}

const recent = 8

var dataStore [recent][]byte

func process(i int) { dataStore[i%recent] = make([]byte, 1<<20) }

func main() {
	for id := 0; id < users; id++ {
		addUser(id)
	}
	closed := Event{map[int]func(string){}}
	var workers []chan int
	program.Run(200, 4000, func(i int) {
		ch := make(chan int)
		go worker(ch)
		if workers = append(workers, ch); len(workers) > 30 {
			close(workers[0])
			workers = workers[1:]
		}
		for k := 0; k < 50; k++ {
			addUser(users + i*50 + k)
			_, cancel := context.WithCancel(context.Background())
			cancel()
		}
		use(i)
		remove := closed.Register(i, func(text string) { fmt.Println(i, text) })
		defer remove()
		if i%20 == 0 {
			process(i / 20)
		}
	})
}
