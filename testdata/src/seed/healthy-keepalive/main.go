// Requests over connections that are kept, with bodies that are read.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"acme.dev/fixtures/seed/internal/program"
)

func repeat(w http.ResponseWriter, r *http.Request) {
	w.Write(bytes.Repeat([]byte(r.URL.Path), 200))
}

func get(url string) {
	if r, err := http.Get(url); err == nil {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
}

func main() {
	server := httptest.NewServer(http.HandlerFunc(repeat))
	program.Run(80, 100_000, func(i int) {
		go get(fmt.Sprintf("%s/%d", server.URL, i))
	})
}
