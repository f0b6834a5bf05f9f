//go:build go1.24

package main

import (
	"iter"
	"runtime"
	"weak"
)

type job struct {
	done chan int
	data [64]int
}

//go:noinline
func work(j *job) {
	receive(j.done)
	runtime.KeepAlive(j)
}

// Only the goroutine holds the job; a weak pointer leads to it as long.
//
//go:noinline
func startWeak() {
	j := &job{done: make(chan int)}
	w := weak.Make(j)
	hidden = append(hidden, func() {
		if j := w.Value(); j != nil {
			close(j.done)
		}
	})
	go work(j)
}

//go:noinline
func closedByCleanup() {
	c := make(chan int)
	x := new([64]int)
	runtime.AddCleanup(x, func(c chan int) { close(c) }, c)
	finalized = append(finalized, x)
	receive(c)
}

//go:noinline
func closedByIterator() {
	c := make(chan int)
	next, stop := iter.Pull(func(yield func(int) bool) {
		yield(1)
		close(c)
	})
	next()
	go sleepAndCall(stop)
	receive(c)
}

// Nobody keeps the functions that would go on or stop.
//
//go:noinline
func abandon() {
	next, _ := iter.Pull(numbers)
	next()
}

func numbers(yield func(int) bool) {
	for i := 0; yield(i); i++ {
	}
}

func loseHidden() {
	for i := 0; i < each; i++ {
		abandon()
	}
}

func startHidden() {
	startWeak()
	go closedByCleanup()
	go closedByIterator()
}
