package event

import "unsafe"

// scratchBytes is the least that a scratch takes at a time.
const scratchBytes = 4 << 10

// scratch is room for the text of one event while it is read. What it has
// handed out is valid until reset.
type scratch struct{ buf []byte }

// alloc returns n bytes. Where they do not fit, what was handed out before
// keeps the room that it has.
func (s *scratch) alloc(n int) []byte {
	if cap(s.buf)-len(s.buf) < n {
		s.buf = make([]byte, 0, max(n, 2*cap(s.buf), scratchBytes))
	}
	from := len(s.buf)
	s.buf = s.buf[:from+n]
	return s.buf[from : from+n : from+n]
}

// reset takes everything back.
func (s *scratch) reset() { s.buf = s.buf[:0] }

// borrowed is b as text, valid as long as b is and does not change.
func borrowed(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// bytesOf is the text of s, to be read only.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
