// Package program runs one of the small programs beside it: calls its step at
// a steady rate, serves its profiles or writes them to files, and ends. The
// number of steps is bounded, and with it memory.
package program

import (
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"
)

const pause = 20 * time.Millisecond

func save(dir string, i int, profile string) {
	name := fmt.Sprintf("%02d.%s.pb.gz", i, profile)
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		log.Fatal(err)
	}
	if err := pprof.Lookup(profile).WriteTo(f, 0); err != nil {
		log.Fatal(err)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
}

func saveAll(dir string, snapshots int, every time.Duration) {
	for i := 0; i < snapshots; i++ {
		time.Sleep(every)
		runtime.GC()
		save(dir, i, "heap")
		save(dir, i, "goroutine")
	}
	os.Exit(0)
}

func serve(addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", l.Addr())
	go func() { log.Fatal(http.Serve(l, nil)) }()
}

// Run calls step perSecond times a second, at most `most` times, and ends
// after the last snapshot or the end of the program's life.
func Run(perSecond, most int, step func(i int)) {
	addr := flag.String("addr", "", "serve net/http/pprof at this address, which is printed")
	dir := flag.String("dir", "", "write snapshots into this directory and end")
	snapshots := flag.Int("snapshots", 12, "how many")
	every := flag.Duration("every", 700*time.Millisecond, "time between them")
	life := flag.Duration("life", time.Minute, "end after this time at the latest")
	flag.Parse()
	if *addr != "" {
		serve(*addr)
	}
	if *dir != "" {
		go saveAll(*dir, *snapshots, *every)
	}
	start := time.Now()
	for done := 0; time.Since(start) < *life; time.Sleep(pause) {
		due := int(time.Since(start).Seconds() * float64(perSecond))
		for ; done < due && done < most; done++ {
			step(done)
		}
	}
}
