// A fixed number of workers, busy in bursts.
package main

import (
	"time"

	"acme.dev/fixtures/seed/internal/program"
)

const (
	workers = 40
	period  = 200 // steps from burst to burst
	burst   = 30
)

func work(jobs <-chan int) {
	for j := range jobs {
		b := make([]byte, 16<<10)
		b[j%len(b)] = 1
		time.Sleep(5 * time.Millisecond)
	}
}

func main() {
	jobs := make(chan int, workers)
	for i := 0; i < workers; i++ {
		go work(jobs)
	}
	program.Run(100, 100_000, func(i int) {
		n := 1
		if i%period < burst {
			n = 20
		}
		for ; n > 0; n-- {
			select {
			case jobs <- i:
			default: // too busy: dropped
			}
		}
	})
}
