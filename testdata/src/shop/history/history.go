// Package history remembers the last orders.
package history

import "sync"

// Log is a ring.
type Log struct {
	mutex sync.Mutex
	items [][]byte
	next  int
}

// New makes a log of n items.
func New(n int) *Log {
	return &Log{items: make([][]byte, n)}
}

// Add keeps an item and forgets the oldest.
func (l *Log) Add(item []byte) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.items[l.next] = copyOf(item)
	l.next = (l.next + 1) % len(l.items)
}

func copyOf(item []byte) []byte {
	return append([]byte(nil), item...)
}
