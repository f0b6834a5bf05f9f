// shop takes orders for a while and saves profiles of itself: the program that
// a pull request changes. Everything it does is healthy as it is here.
package main

import (
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"

	"acme.dev/shop/history"
	"acme.dev/shop/notify"
)

const round = 150 * time.Millisecond

var log = history.New(32)

// Mails take so long, in milliseconds.
var times = []int{0, 1, 40, 50}

// place takes one order and does not wait for a mail that is slow.
func place(takes time.Duration) {
	if err := notify.Customer(takes, 20*time.Millisecond); err != nil {
		log.Add([]byte(err.Error()))
	}
	log.Add(make([]byte, 64<<10))
}

func save(dir, kind, ending string, debug, i int) error {
	name := filepath.Join(dir, fmt.Sprintf("%02d.%s.%s", i, kind, ending))
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return pprof.Lookup(kind).WriteTo(f, debug)
}

func main() {
	runtime.MemProfileRate = 64 << 10 // so that a second shows what a day would
	out := flag.String("o", ".", "where profiles go")
	seed := flag.Int64("seed", 1, "of the load")
	rounds := flag.Int("rounds", 10, "profiles of each kind")
	orders := flag.Int("orders", 60, "in each round")
	flag.Parse()
	random := rand.New(rand.NewSource(*seed))
	// Rounds begin on time, so that a busy machine does not look like less load.
	start := time.Now()
	for i := 0; i < *rounds; i++ {
		time.Sleep(time.Until(start.Add(time.Duration(i) * round)))
		n := *orders + random.Intn(*orders/10+1)
		var all sync.WaitGroup
		for k := 0; k < n; k++ {
			takes := time.Duration(times[random.Intn(len(times))])
			all.Add(1)
			go func() {
				defer all.Done()
				place(takes * time.Millisecond)
			}()
		}
		all.Wait()
		time.Sleep(60 * time.Millisecond)
		runtime.GC()
		err := save(*out, "heap", "pb.gz", 0, i)
		if err == nil {
			err = save(*out, "goroutine", "pb.gz", 0, i)
		}
		if err == nil {
			err = save(*out, "goroutine", "debug2.txt", 2, i)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
