// Workers that each wait on a channel of their own, which nobody closes.
package main

import "acme.dev/fixtures/seed/internal/program"

func worker(ch chan int) {
	for {
		if _, ok := <-ch; !ok { // leaks
			return
		}
	}
}

func main() {
	program.Run(40, 2400, func(int) { go worker(make(chan int)) })
}
