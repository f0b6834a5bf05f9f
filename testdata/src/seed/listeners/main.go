// Callbacks that are registered with an event and never removed.
package main

import (
	"fmt"

	"acme.dev/fixtures/seed/internal/program"
)

type Event struct{ listeners []func(string) }

func (e *Event) Register(listener func(string)) {
	e.listeners = append(e.listeners, listener)
}

type Session struct {
	id   int
	last [80]byte
}

func subscribe(e *Event, id int) {
	s := &Session{id: id} // leaks
	e.Register(func(text string) { copy(s.last[:], text) })
}

func main() {
	var closed Event
	program.Run(20_000, 1_200_000, func(i int) { subscribe(&closed, i) })
	fmt.Println(len(closed.listeners))
}
