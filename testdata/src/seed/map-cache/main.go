// A global map of users that only ever takes in.
package main

import (
	"fmt"

	"acme.dev/fixtures/seed/internal/program"
)

type User struct {
	ID   int
	Name string
}

var userCache = map[int]*User{}

func addUser(id int) {
	userCache[id] = &User{id, fmt.Sprintf("user number %d of the service", id)} // leaks
}

func main() { program.Run(25_000, 1_500_000, addUser) }
