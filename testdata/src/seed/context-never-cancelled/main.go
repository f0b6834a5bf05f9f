// Contexts whose cancel function is thrown away, kept in a global slice.
package main

import (
	"context"

	"acme.dev/fixtures/seed/internal/program"
)

var contexts []context.Context

func open() {
	ctx, cancel := context.WithCancel(context.Background()) // leaks
	_ = cancel
	contexts = append(contexts, ctx)
}

func main() { program.Run(25_000, 1_500_000, func(int) { open() }) }
