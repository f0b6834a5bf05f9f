// What tests/heap/test_binary.c builds in several ways: one of each kind of
// type, variable, closure and local that a heap dump holds. Writes its dump to
// the file it is given.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

type Address struct {
	Street string
	Zip    int
}

type Stamp struct{ Seconds int64 }

type User struct {
	Stamp
	Name    string
	Tags    []string
	Address *Address
	Meta    map[string]int
	Any     interface{}
	Err     error
	Done    func(int) error
	Events  chan *User
	Codes   [4]uint16
	Next    *User
}

func (u *User) String() string { return u.Name }

type Node[K comparable, V any] struct {
	Key  K
	Val  V
	Next *Node[K, V]
}

type Large struct {
	Payload [1272]byte
	Next    *Large
}

type Temperature float64

var (
	userCache = map[int]*User{}
	nodes     *Node[string, *User]
	large     *Large
	named     fmt.Stringer
	anything  interface{} = &Address{"High Street", 1}
	synced    sync.Map
	hooks     []func() int
	method    func() string
	events    = make(chan *User, 8)
	readings  []Temperature
	sink      interface{}
	ticks     [3]int64
)

//go:noinline
func use(payload []byte, owner *User, label string) int {
	return len(payload) + len(owner.Name) + len(label)
}

//go:noinline
func hold(done chan int, label string) {
	payload := make([]byte, 10000+len(label))
	owner := &User{Name: label}
	sink = owner
	use(payload, owner, label)
	<-done
	use(payload, owner, label)
}

//go:noinline
func holdNode[K comparable, V any](done chan int, key K) {
	node := &Node[K, V]{Key: key}
	sink = node
	<-done
	sink = node.Next
}

//go:noinline
func push[K comparable, V any](head *Node[K, V], key K, val V) *Node[K, V] {
	return &Node[K, V]{Key: key, Val: val, Next: head}
}

func newUser(i int) *User {
	return &User{Name: fmt.Sprint("user ", i)} // inlined into fill
}

//go:noinline
func fill(n int) {
	for i := 0; i < n; i++ {
		u := newUser(i)
		u.Address = &Address{Street: "Main Street", Zip: i}
		u.Any = u.Address
		u.Meta = map[string]int{u.Name: i}
		userCache[i] = u
		nodes = push(nodes, u.Name, u)
		large = &Large{Next: large}
		synced.Store(i, u)
		captured := make([]byte, 100+i)
		hooks = append(hooks, func() int { return len(captured) + cap(captured) })
	}
}

func main() {
	fill(100)
	named = userCache[1]
	method = userCache[2].String
	readings = append(readings, 20.5)
	events <- userCache[3]
	ticks[1]++
	done := make(chan int)
	for i := 0; i < 4; i++ {
		go hold(done, fmt.Sprint("holder ", i))
	}
	go holdNode[string, *User](done, "node")
	time.Sleep(50 * time.Millisecond)
	runtime.GC()
	f, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	debug.WriteHeapDump(f.Fd())
	f.Close()
	for _, hook := range hooks {
		hook()
	}
	close(done)
	fmt.Sprint(named, anything, method(), readings, ticks, large != nil)
}
