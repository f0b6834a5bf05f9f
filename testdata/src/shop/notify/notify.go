// Package notify sends mail.
package notify

import (
	"errors"
	"time"
)

var errSlow = errors.New("mail is slow")

// Customer sends a mail that takes a while, and gives up after the limit.
func Customer(takes, limit time.Duration) error {
	done := make(chan error, 1)
	go send(takes, done)
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return errSlow
	}
}

func send(takes time.Duration, done chan<- error) {
	time.Sleep(takes)
	done <- nil // into the buffer, when nobody waits any more
}
