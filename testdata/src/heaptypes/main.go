// What tests/heap/test_heap_types.c builds and looks into: known numbers of
// objects of known types, held in each way that Go has. Writes its dump to the
// file it is given; a second argument multiplies the numbers.
package main

import (
	"container/list"
	"context"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

type User struct {
	ID      int
	Name    string
	Tags    []string
	Address *Address
	Next    *User
}

type Address struct {
	Street string
	Zip    int
}

type Record struct {
	Value *Amount
	Count int
}

type Amount struct{ Cents, Currency int64 }

type Page struct {
	Title string
	Body  *Body
}

type Body struct{ Words [6]int }

type Shape interface{ Area() float64 }

type Circle struct{ Radius, X, Y float64 }

func (c *Circle) Area() float64 { return c.Radius }

type Square struct{ Side, X, Y, Z float64 }

func (s Square) Area() float64 { return s.Side }

type Job struct {
	Name string
	Done chan Step
}

type Step bool

type Captured struct{ A, B, C int }

type Deferred struct{ A, B, C, D int }

type Node[K comparable, V any] struct {
	Key  K
	Val  V
	Next *Node[K, V]
}

type Leaf struct{ A, B int64 }

type Synced struct{ A, B, C, D, E int }

type Pooled struct {
	Buffer [24]int
	Next   *Pooled
}

type Config struct {
	Name   string
	Secret *Secret
}

type Secret struct{ Bytes [40]byte }

type Item struct{ A, B, C, D, E, F int }

type Key struct{ A int }

type Local struct{ A, B, C, D, E, F, G int }

type Ticked struct{ A, B, C, D, E, F, G, H int }

type Large struct {
	Payload [1272]byte
	Next    *Large
}

type Wide struct{ Bytes [200]byte }

// Held by maps of a few entries, which since Go 1.24 have no directory.
type Few struct{ A, B, C, D int }

type Pinned struct{ A, B, C, D, E, F, G, H, I int }

type Tail struct{ At *Pinned }

type Closed struct{ A, B, C, D, E, F, G, H, I, J int }

// Half of them are held in a way that says their type; all are allocated at
// one place.
type Mixed struct{ A, B, C, D, E, F, G, H, I, J, K int }

// Held in a way that says nothing; no other type has its pointers.
type Odd struct {
	A, B *int
	C    int
	D    *int
	E    [5]int
	F, G *int
	H    int
	I    *int
}

type Matrix struct{ Rows [][]string }

// No slice of them is kept, only pointers to each.
type Element struct {
	Name string
	At   *Element
}

// There is none: only its type is spoken of, in front of pointers to others.
type Told struct{ Name string }

// Behind an interface, in the data from the start; and what that points to.
type Keeper struct {
	inner *Inner
	last  *Kept
}

type Inner struct{ kept []*Kept }

type Kept struct{ A, B int }

func (k *Keeper) Keep(n int) {
	k.last = &Kept{A: n}
	k.inner.kept = append(k.inner.kept, k.last)
}

type Telling struct {
	Kind reflect.Type
	Jobs []*Job
}

var (
	users    = map[int]*User{}
	byName   = map[string]Record{}
	wide     = map[Wide]*Wide{}
	churned  = map[int]int{}
	small    []map[string]*Few
	pages    []Page
	shapes   []Shape
	anything []interface{}
	jobs     = make(chan *Job, 32)
	numbers  = make(chan int, 64)
	hooks    []func() int
	nodes    *Node[string, *Leaf]
	synced   sync.Map
	pool     = sync.Pool{New: func() interface{} { return new(Pooled) }}
	config   atomic.Pointer[Config]
	items    = list.New()
	root     context.Context
	cancels  []context.CancelFunc
	timers   []*time.Timer
	ticker   *time.Ticker
	large    *Large
	part     *int
	tail     []Tail
	substr   string
	matrix   Matrix
	closed   *Closed
	mixed    []*Mixed
	hidden   []unsafe.Pointer
	elements []*Element
	keeping  interface{ Keep(n int) } = &Keeper{inner: &Inner{}}
	telling                           = Telling{Kind: reflect.TypeOf(Told{})}
	started  sync.WaitGroup
)

func makeMaps(n int) {
	for i := 0; i < n; i++ {
		users[i] = &User{
			ID:      i,
			Name:    fmt.Sprintf("user %d", i),
			Tags:    append(make([]string, 0, 4), "tag"+strconv.Itoa(i)),
			Address: &Address{Street: "street " + strconv.Itoa(i)},
		}
		byName["record "+strconv.Itoa(i)] = Record{Value: &Amount{int64(i), 1}}
		churned[i] = i
	}
	for i := 0; i < n*9/10; i++ {
		delete(churned, i)
	}
	for i := 0; i < 10; i++ {
		w := Wide{}
		w.Bytes[0] = byte(i)
		wide[w] = new(Wide)
	}
	for i := 0; i < 60; i++ {
		small = append(small, map[string]*Few{"a": new(Few), "b" + strconv.Itoa(i): new(Few)})
	}
}

func makeSlices(n int) {
	pages = make([]Page, 0, 64)
	for i := 0; i < 10; i++ {
		pages = append(pages, Page{"page " + strconv.Itoa(i), new(Body)})
	}
	for i := 0; i < n/10; i++ {
		shapes = append(shapes, &Circle{Radius: float64(i)}, Square{Side: float64(i)})
		anything = append(anything, Ticked{A: i}, i+1000, "any "+strconv.Itoa(i))
	}
	all := make([]Tail, 40)
	for i := range all {
		all[i].At = new(Pinned)
	}
	tail = all[13:]
	pinned := new(struct {
		Pinned
		Rest [99]int
	})
	part = &pinned.Rest[7]
	each := make([]Element, 20)
	for i := range each {
		each[i].At = &each[i]
		elements = append(elements, &each[i])
	}
	keeping.Keep(n)
	telling.Jobs = append(telling.Jobs, nil, new(Job))
	substr = fmt.Sprintf("%01000d", n)[900:910]
	cells := make([]string, 100)
	for i := range cells {
		cells[i] = "cell " + strconv.Itoa(i)
	}
	for i := 0; i < 10; i++ {
		matrix.Rows = append(matrix.Rows, cells[i*10:i*10+10])
	}
}

func makeFunctions(n int) {
	for i := 0; i < n/10; i++ {
		c, name := &Captured{A: i}, "hook "+strconv.Itoa(i)
		hooks = append(hooks, func() int { return c.A + len(name) })
	}
	for i := 0; i < 20; i++ {
		jobs <- &Job{"job " + strconv.Itoa(i), make(chan Step)}
		numbers <- i
	}
}

func makeGenerics(n int) {
	for i := 0; i < n/10; i++ {
		nodes = &Node[string, *Leaf]{"node " + strconv.Itoa(i), &Leaf{A: 1}, nodes}
		synced.Store(i, &Synced{A: i})
	}
	for i := 0; i < 5; i++ {
		pool.Put(&Pooled{})
	}
	config.Store(&Config{"config", &Secret{}})
	for i := 0; i < 50; i++ {
		items.PushBack(&Item{A: i})
	}
}

func makeContexts() {
	var cancel context.CancelFunc
	root, cancel = context.WithCancel(context.Background())
	cancels = append(cancels, cancel)
	for i := 0; i < 20; i++ {
		ctx := context.WithValue(root, Key{i}, &Deferred{A: i})
		_, cancel := context.WithTimeout(ctx, time.Hour)
		cancels = append(cancels, cancel)
	}
}

func makeTimers() {
	for i := 0; i < 10; i++ {
		d := &Ticked{A: i}
		timers = append(timers, time.AfterFunc(time.Hour, func() { d.A++ }))
	}
	ticker = time.NewTicker(time.Hour)
	for i := 0; i < 30; i++ {
		large = &Large{Next: large}
	}
	closed = new(Closed)
	runtime.SetFinalizer(closed, func(c *Closed) { c.A++ })
}

func makeHidden() {
	for i := 0; i < 20; i++ {
		m := &Mixed{A: i}
		if i%2 == 0 {
			mixed = append(mixed, m)
		} else {
			hidden = append(hidden, unsafe.Pointer(m))
		}
	}
	for i := 0; i < 5; i++ {
		hidden = append(hidden, unsafe.Pointer(&Odd{C: i}))
	}
}

//go:noinline
func wait(never chan int, l *Local, text []byte) {
	<-never
	fmt.Println(l.A, len(text))
}

//go:noinline
func newLocal(i int) *Local { return &Local{A: i} }

func serve(i int) {
	text := make([]byte, 10000+i)
	local := newLocal(i)
	started.Done()
	wait(make(chan int), local, text)
	fmt.Println(local.B, text[0])
}

func main() {
	runtime.MemProfileRate = 1
	debug.SetGCPercent(-1) // pools forget with each collection
	n := 1000
	if len(os.Args) > 2 {
		n, _ = strconv.Atoi(os.Args[2])
	}
	makeMaps(n)
	makeSlices(n)
	makeFunctions(n)
	makeGenerics(n)
	makeContexts()
	makeTimers()
	makeHidden()
	started.Add(7)
	for i := 0; i < 7; i++ {
		go serve(i)
	}
	started.Wait()
	time.Sleep(100 * time.Millisecond)
	runtime.GC()
	f, err := os.Create(os.Args[1])
	if err != nil {
		panic(err)
	}
	debug.WriteHeapDump(f.Fd())
	runtime.MemProfile(nil, true) // or the linker turns the profile off
	fmt.Println(len(users), len(hooks), ticker != nil, *part, substr, len(matrix.Rows), len(tail), cap(pages), len(wide), closed.A, large != nil, len(mixed), len(hidden), len(elements), telling.Kind)
}
