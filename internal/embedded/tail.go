package embedded

import (
	"bytes"
	"strings"
	"sync"
)

// tail is a writer that keeps the last lines of a process's output and hands each line to a listener. The
// process's copying goroutine writes, anybody may read.
type tail struct {
	keep   int
	listen func(line string) // may be nil; called without the lock

	mu    sync.Mutex
	lines []string
	part  []byte // the last line, while it has no end
}

// A line longer than this is cut, so that a process cannot fill our memory with one.
const longestLine = 64 << 10

func newTail(keep int, listen func(string)) *tail { return &tail{keep: keep, listen: listen} }

func (t *tail) Write(p []byte) (int, error) {
	for _, line := range t.split(p) {
		if t.listen != nil {
			t.listen(line)
		}
	}
	return len(p), nil
}

func (t *tail) split(p []byte) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.part = append(t.part, p...)
	var whole []string
	for {
		end := bytes.IndexByte(t.part, '\n')
		if end < 0 && len(t.part) < longestLine {
			return whole
		}
		rest := end + 1
		if end < 0 {
			end, rest = longestLine, longestLine
		}
		line := strings.TrimRight(string(t.part[:end]), "\r")
		t.part = append(t.part[:0], t.part[rest:]...)
		whole = append(whole, line)
		t.remember(line)
	}
}

func (t *tail) remember(line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	t.lines = append(t.lines, line)
	if len(t.lines) > t.keep {
		t.lines = t.lines[len(t.lines)-t.keep:]
	}
}

// indented returns the kept lines, for the end of an error message.
func (t *tail) indented() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := t.lines
	if last := strings.TrimSpace(string(t.part)); last != "" {
		lines = append(lines[:len(lines):len(lines)], last)
	}
	if len(lines) == 0 {
		return "  (nothing)"
	}
	return "  " + strings.Join(lines, "\n  ")
}
