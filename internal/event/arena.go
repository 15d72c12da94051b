package event

import "unsafe"

// arenaChunk is the size of one block of text, in bytes.
const arenaChunk = 256 << 10

// arena stores text that lives as long as its batch. Chunks are never moved,
// so a string handed out stays valid until reset.
type arena struct {
	chunks [][]byte // chunks[:used] hold text, the rest wait for reuse
	used   int
	size   int
}

// copy stores s and returns it as a string that is valid until reset.
func (a *arena) copy(s []byte) string {
	if len(s) == 0 {
		return ""
	}
	dst := a.alloc(len(s))
	copy(dst, s)
	return unsafe.String(unsafe.SliceData(dst), len(dst))
}

// alloc returns n bytes of the arena, n > 0.
func (a *arena) alloc(n int) []byte {
	a.size += n
	if a.used > 0 {
		last := a.chunks[a.used-1]
		if cap(last)-len(last) >= n {
			a.chunks[a.used-1] = last[:len(last)+n]
			return last[len(last) : len(last)+n : len(last)+n]
		}
	}
	a.grow(n)
	a.chunks[a.used-1] = a.chunks[a.used-1][:n]
	return a.chunks[a.used-1][:n:n]
}

// grow makes an empty chunk of at least n bytes the current one.
func (a *arena) grow(n int) {
	if a.used < len(a.chunks) && cap(a.chunks[a.used]) >= n {
		a.used++
		return
	}
	chunk := make([]byte, 0, max(n, arenaChunk))
	if a.used < len(a.chunks) {
		a.chunks[a.used] = chunk
	} else {
		a.chunks = append(a.chunks, chunk)
	}
	a.used++
}

// giveBack returns the last n bytes of the latest allocation.
func (a *arena) giveBack(n int) {
	last := &a.chunks[a.used-1]
	*last = (*last)[:len(*last)-n]
	a.size -= n
}

// arenaMark is a state of the arena to go back to.
type arenaMark struct{ used, last, size int }

// mark notes the present state.
func (a *arena) mark() arenaMark {
	m := arenaMark{used: a.used, size: a.size}
	if a.used > 0 {
		m.last = len(a.chunks[a.used-1])
	}
	return m
}

// rewind forgets what was stored since m.
func (a *arena) rewind(m arenaMark) {
	for a.used > m.used {
		a.used--
		a.chunks[a.used] = a.chunks[a.used][:0]
	}
	if a.used > 0 {
		a.chunks[a.used-1] = a.chunks[a.used-1][:m.last]
	}
	a.size = m.size
}

// reset forgets all text and keeps the chunks.
func (a *arena) reset() {
	for i := range a.chunks {
		a.chunks[i] = a.chunks[i][:0]
	}
	a.used, a.size = 0, 0
}
