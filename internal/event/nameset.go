package event

import (
	"hash/maphash"
	"math/bits"
)

// nameSet holds the names of one object. It is kept between events so that it
// costs no allocation, and hashes with a secret seed so that nobody can choose
// names that all collide.
type nameSet struct {
	seed  maphash.Seed
	slots []uint32 // index into names, plus one; 0 is free
	names [][]byte
	text  []byte // unescaped names
}

// reset makes the set empty, with room for n names.
func (s *nameSet) reset(n int) {
	s.names, s.text = s.names[:0], s.text[:0]
	size := 1 << bits.Len(uint(2*n))
	if size <= cap(s.slots) {
		s.slots = s.slots[:size]
		clear(s.slots)
		return
	}
	s.slots = make([]uint32, size)
}

// add puts a name into the set, and reports false when it was there already.
// The set refers to name until reset.
func (s *nameSet) add(name []byte) bool {
	mask := uint64(len(s.slots) - 1)
	for i := maphash.Bytes(s.seed, name) & mask; ; i = (i + 1) & mask {
		at := s.slots[i]
		if at == 0 {
			s.names = append(s.names, name)
			s.slots[i] = uint32(len(s.names))
			return true
		}
		if string(s.names[at-1]) == string(name) {
			return false
		}
	}
}

// unescape is a name without its escapes, valid until reset.
func (s *nameSet) unescape(name []byte) []byte {
	from := len(s.text)
	s.text = append(s.text, name...)
	return unescape(s.text[from:], name)
}
