package embedded

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestTailKeepsTheLastLinesAndPassesAllOn(t *testing.T) {
	var passed []string
	tail := newTail(2, func(line string) { passed = append(passed, line) })
	for _, piece := range []string{"one\nt", "wo\r\n", "\n", "three\nunfin", "ished"} {
		fmt.Fprint(tail, piece)
	}
	if want := []string{"one", "two", "", "three"}; !slices.Equal(passed, want) {
		t.Errorf("passed on: got %q, want %q", passed, want)
	}
	if got, want := tail.indented(), "  two\n  three\n  unfinished"; got != want {
		t.Errorf("kept: got %q, want %q", got, want)
	}
}

func TestTailCutsAnEndlessLine(t *testing.T) {
	longest := 0
	tail := newTail(2, func(line string) { longest = max(longest, len(line)) })
	for range 10 {
		fmt.Fprint(tail, strings.Repeat("x", longestLine))
	}
	if longest != longestLine || len(tail.part) > longestLine {
		t.Errorf("got a line of %d and %d bytes waiting, want at most %d", longest, len(tail.part), longestLine)
	}
}

func TestTailOfSilence(t *testing.T) {
	if got := newTail(2, nil).indented(); got != "  (nothing)" {
		t.Errorf("got %q", got)
	}
}
