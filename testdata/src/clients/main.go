// Command clients makes those series of testdata/rules that need code of
// others: gRPC connections and Prometheus metrics. Used as ../rules is:
//
//	clients RULE/CASE DIR
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
)

// serve runs a server until standard input ends, and says where.
func serve() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go grpc.NewServer().Serve(l)
	fmt.Println(l.Addr())
	io.Copy(io.Discard, os.Stdin)
}

// startServer has it in a process of its own, so that profiles of this one
// show clients only. It ends with this one: its standard input does.
func startServer() string {
	cmd := exec.Command(os.Args[0], "serve")
	if _, err := cmd.StdinPipe(); err != nil {
		panic(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		panic(err)
	}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(addr)
}

func dialBackend(addr string) *grpc.ClientConn {
	conn, err := grpc.NewClient("passthrough:///"+addr,
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	conn.Connect()
	return conn
}

// Waits until the connection stands, closes it.
func askOnce(addr string) {
	conn := dialBackend(addr)
	defer conn.Close()
	for range 100 {
		if conn.GetState() == connectivity.Ready {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

var requests = prometheus.NewCounterVec(
	prometheus.CounterOpts{Name: "requests_total"}, []string{"user"})

func countRequest(user int) { requests.WithLabelValues(strconv.Itoa(user)).Inc() }

type fixture struct {
	kind  string
	setup func()
	step  func(n int)
}

var backend string

var fixtures = map[string]fixture{
	"goroutine-grpc-conn/leak-dial-per-call": {"goroutine",
		func() { backend = startServer() },
		func(n int) {
			if n%4 == 0 {
				dialBackend(backend)
			}
		}},
	"goroutine-grpc-conn/clean-closed": {"goroutine",
		func() {
			backend = startServer()
			for range 8 {
				dialBackend(backend)
			}
		},
		func(n int) {
			if n%4 == 0 {
				askOnce(backend)
			}
		}},
	"heap-global/leak-label-per-user": {"heap", nil,
		func(n int) {
			for i := range 400 {
				countRequest(n*400 + i)
			}
		}},
	"heap-global/clean-few-labels": {"heap",
		func() {
			for i := range 30000 {
				countRequest(i)
			}
		},
		func(n int) {
			for i := range 400 {
				user := n*400 + i
				requests.DeleteLabelValues(strconv.Itoa(user))
				countRequest(user + 30000)
			}
		}},
}

func save(path, profile string) {
	f, err := os.Create(path)
	if err != nil {
		panic(err)
	}
	if err := pprof.Lookup(profile).WriteTo(f, 0); err != nil {
		panic(err)
	}
	if err := f.Close(); err != nil {
		panic(err)
	}
}

func drive(f fixture, dir string, done chan bool) {
	for i := range 10 {
		for n := range 20 {
			f.step(i*20 + n)
			time.Sleep(40 * time.Millisecond)
		}
		runtime.GC()
		save(filepath.Join(dir, fmt.Sprintf("%02d.%s.pb.gz", i, f.kind)), f.kind)
	}
	done <- true
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		serve()
		return
	}
	if len(os.Args) != 3 {
		for name := range fixtures {
			fmt.Println(name)
		}
		return
	}
	f, ok := fixtures[os.Args[1]]
	if !ok {
		fmt.Fprintln(os.Stderr, "clients: no such case:", os.Args[1])
		os.Exit(2)
	}
	if err := os.MkdirAll(os.Args[2], 0o755); err != nil {
		panic(err)
	}
	if f.setup != nil {
		f.setup()
	}
	done := make(chan bool)
	go drive(f, os.Args[2], done)
	<-done
}
