package event

import "unicode/utf8"

// utf8Table drives the check of UTF-8 (RFC 3629, section 4) without a branch
// that depends on the text: an event goes from ASCII to other scripts and back
// with every field, and each change would be one wrong guess of the processor.
//
// An entry belongs to a byte and holds, for each state, the state that follows
// it, in bits [state, state+6). (Per Vognsen, "Shift-based DFAs", 2022.)
type utf8Table [256]uint64

// The states of the check are multiples of six, to be used as shifts.
const (
	utf8Done      = iota * 6 // between characters
	utf8One                  // one more byte is to come
	utf8Two                  // two more
	utf8Three                // three more
	utf8AfterE0              // two more, not overlong
	utf8AfterED              // two more, no surrogate
	utf8AfterF0              // three more, not overlong
	utf8AfterF4              // three more, not beyond U+10FFFF
	utf8Bad                  // and bad it stays
	utf8StateBits = 6
)

func newUTF8Table() *utf8Table {
	t := &utf8Table{}
	for b := range t {
		for state := utf8Done; state <= utf8Bad; state += utf8StateBits {
			t[b] |= utf8Next(state, b) << state
		}
	}
	return t
}

// utf8Next is the state that byte b leads to.
func utf8Next(state, b int) uint64 {
	if state == utf8Done {
		return utf8First(b)
	}
	low, high, next := 0x80, 0xbf, uint64(utf8Done)
	switch state {
	case utf8Bad:
		return utf8Bad
	case utf8Two:
		next = utf8One
	case utf8Three:
		next = utf8Two
	case utf8AfterE0:
		low, next = 0xa0, utf8One
	case utf8AfterED:
		high, next = 0x9f, utf8One
	case utf8AfterF0:
		low, next = 0x90, utf8Two
	case utf8AfterF4:
		high, next = 0x8f, utf8Two
	}
	if b < low || b > high {
		return utf8Bad
	}
	return next
}

// utf8First is the state after the first byte of a character.
func utf8First(b int) uint64 {
	switch {
	case b < 0x80:
		return utf8Done
	case b < 0xc2:
		return utf8Bad
	case b < 0xe0:
		return utf8One
	case b == 0xe0:
		return utf8AfterE0
	case b == 0xed:
		return utf8AfterED
	case b < 0xf0:
		return utf8Two
	case b == 0xf0:
		return utf8AfterF0
	case b < 0xf4:
		return utf8Three
	case b == 0xf4:
		return utf8AfterF4
	}
	return utf8Bad
}

// checkUTF8 reads the whole event as UTF-8: first it lists the words that are
// not ASCII, then it checks those.
func (s *scanner) checkUTF8() bool {
	buf, size := s.buf, len(s.buf)-padding
	s.words = s.words[:0]
	if cap(s.words) < size/8+2 {
		s.words = make([]uint32, 0, size/4+2)
	}
	words, count := s.words[:size/8+2], 0
	for i := 0; i <= size; i += 8 {
		words[count] = uint32(i)
		high := load(buf, i) & highBits
		count += int((high | -high) >> 63) // one where it is not 0
	}
	table := s.utf8
	state, expected := uint64(utf8Done), uint32(0)
	for _, at := range words[:count] {
		if at != expected && state != utf8Done { // ASCII where more bytes had to come
			return s.fail(faultUTF8, s.badUTF8())
		}
		word := load(buf, int(at))
		for range 8 {
			state = table[byte(word)] >> (state & 63)
			word >>= 8
		}
		state &= 63
		expected = at + 8
	}
	if state != utf8Done {
		return s.fail(faultUTF8, s.badUTF8())
	}
	return true
}

// badUTF8 is the index of the first character that is none.
func (s *scanner) badUTF8() int {
	text := s.text()
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(text)
}
