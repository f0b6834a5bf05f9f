// Data that slides into a package variable and stays.
package main

import "acme.dev/fixtures/seed/internal/program"

var dataStore [][]byte

func process() {
	data := make([]byte, 1<<20) // leaks
	dataStore = append(dataStore, data)
}

func main() { program.Run(7, 420, func(int) { process() }) }
