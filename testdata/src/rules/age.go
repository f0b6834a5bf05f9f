package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

var header = regexp.MustCompile(`(?m)^goroutine (\d+) \[([^],]+)\]:$`)

func idsOf(text []byte) map[string]bool {
	ids := map[string]bool{}
	for _, m := range header.FindAllSubmatch(text, -1) {
		ids[string(m[1])] = true
	}
	return ids
}

// age writes waits of minutes into the last of three dumps, as if a quarter of
// an hour lay between them: what stood in the first waits 25 minutes, what
// came with the second 14. Go itself would take as long.
func age(dir string) {
	names := []string{"00", "04", "09"}
	var texts [3][]byte
	for i, name := range names {
		names[i] = filepath.Join(dir, name+".goroutine.debug2.txt")
		text, err := os.ReadFile(names[i])
		if err != nil {
			panic(err)
		}
		texts[i] = text
	}
	first, second := idsOf(texts[0]), idsOf(texts[1])
	aged := header.ReplaceAllFunc(texts[2], func(line []byte) []byte {
		m := header.FindSubmatch(line)
		minutes := 0
		if first[string(m[1])] {
			minutes = 25
		} else if second[string(m[1])] {
			minutes = 14
		}
		if minutes == 0 || string(m[2]) == "running" {
			return line
		}
		return fmt.Appendf(nil, "goroutine %s [%s, %d minutes]:", m[1], m[2], minutes)
	})
	if err := os.WriteFile(names[2], aged, 0o644); err != nil {
		panic(err)
	}
	note := "The minutes of the last dump were written by age() of src/rules.\n"
	if err := os.WriteFile(filepath.Join(dir, "SYNTHETIC"), []byte(note), 0o644); err != nil {
		panic(err)
	}
}
