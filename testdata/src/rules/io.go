package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// --- goroutine-http-body ------------------------------------------------------

var page = make([]byte, 64<<10)

var site struct {
	url    string
	client http.Client
}

func serveSite() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	site.url = "http://" + l.Addr().String()
	site.client.Transport = &http.Transport{MaxIdleConnsPerHost: 40}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(20 * time.Millisecond)
		w.Write(page)
	}))
}

func checkSite() int {
	resp, err := site.client.Get(site.url)
	if err != nil {
		panic(err)
	}
	return resp.StatusCode
}

func readSite() {
	resp, err := site.client.Get(site.url)
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
}

// As many connections as the pool keeps, idle most of the time.
func readSiteAtOnce(n int) {
	var all sync.WaitGroup
	for range n {
		all.Go(readSite)
	}
	all.Wait()
}

// --- goroutine-idle-conn ------------------------------------------------------

// A client, and with it a connection, for one call.
func readSiteOnce() {
	c := http.Client{Transport: &http.Transport{}}
	resp, err := c.Get(site.url)
	if err != nil {
		panic(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
}

// --- goroutine-sql-rows -------------------------------------------------------

// numbers is a database whose every query answers with natural numbers.
type numbers struct{}

func (numbers) Open(string) (driver.Conn, error) { return session{}, nil }

type session struct{}

func (session) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (session) Begin() (driver.Tx, error)           { return nil, driver.ErrSkip }
func (session) Close() error                        { return nil }
func (session) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &naturals{}, nil
}

type naturals struct{ n int64 }

func (*naturals) Columns() []string { return []string{"n"} }
func (*naturals) Close() error      { return nil }
func (r *naturals) Next(dest []driver.Value) error {
	r.n++
	dest[0] = r.n
	return nil
}

var database *sql.DB

func openDatabase() {
	sql.Register("numbers", numbers{})
	db, err := sql.Open("numbers", "")
	if err != nil {
		panic(err)
	}
	database = db
}

func firstNumber(ctx context.Context, closes bool) {
	rows, err := database.QueryContext(ctx, "select n")
	if err != nil {
		panic(err)
	}
	if closes {
		defer rows.Close()
	}
	rows.Next()
	if closes {
		time.Sleep(5 * time.Millisecond)
	}
}

var process, endProcess = context.WithCancel(context.Background())

func queryWithPool() {
	openDatabase()
	database.SetMaxOpenConns(20)
	for range 30 {
		go func() {
			for {
				firstNumber(process, true)
			}
		}()
	}
}

// --- goroutine-io-wait --------------------------------------------------------

var mute net.Listener

func listenMute() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	mute = l
	go func() {
		var held []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				panic(err)
			}
			held = append(held, c)
		}
	}()
}

func listenTo(c net.Conn) {
	defer c.Close()
	io.Copy(io.Discard, c)
}

func dial(life time.Duration) {
	c, err := net.Dial("tcp", mute.Addr().String())
	if err != nil {
		panic(err)
	}
	if life > 0 {
		c.SetReadDeadline(time.Now().Add(life))
	}
	go listenTo(c)
}

var ioFixtures = []fixture{
	{name: "goroutine-http-body/leak-status-only", saves: goroutine,
		setup: serveSite, step: func(n int) {
			if n%3 == 0 {
				checkSite()
			}
		}},
	{name: "goroutine-http-body/clean-keep-alive", saves: goroutine,
		setup: func() { serveSite(); readSiteAtOnce(40) },
		step: func(n int) {
			if n%10 == 0 {
				readSiteAtOnce(20)
			}
		}},
	{name: "goroutine-idle-conn/leak-transport-per-call", saves: heap | goroutine,
		rate: 4096, setup: serveSite, step: func(int) { readSiteOnce() }},
	{name: "goroutine-idle-conn/clean-one-transport", saves: heap | goroutine,
		rate: 4096, setup: func() { serveSite(); readSiteAtOnce(40) },
		step: func(int) { readSiteAtOnce(8) }},
	{name: "goroutine-sql-rows/leak-early-return", saves: goroutine,
		setup: openDatabase, step: func(int) { firstNumber(process, false) }},
	{name: "goroutine-sql-rows/clean-pool", saves: goroutine,
		setup: queryWithPool},
	{name: "goroutine-io-wait/leak-no-deadline", saves: goroutine,
		setup: listenMute, step: func(n int) {
			if n%2 == 0 {
				dial(0)
			}
		}},
	{name: "goroutine-io-wait/clean-deadline", saves: goroutine,
		setup: listenMute, step: func(n int) {
			if n%2 == 0 {
				dial(life)
			}
		}},
}
