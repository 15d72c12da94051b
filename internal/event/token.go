package event

import "math/bits"

// Eight copies of a byte, for looking at eight characters at once.
const (
	lowBits   = 0x0101010101010101
	highBits  = 0x8080808080808080
	quoteFlip = 0x02 * lowBits // turns a quote into 0x20 and keeps controls below it
	afterFlip = 0x21 * lowBits
	backslash = '\\' * lowBits
)

// specials marks the top bit of the first byte of word that is a quote, a
// control or a backslash. Such a byte underflows in one of the subtractions.
// It may carry into the bytes above, whose marks then mean nothing.
func specials(word uint64) uint64 {
	return ((word ^ quoteFlip - afterFlip) | (word ^ backslash - lowBits)) &^ word & highBits
}

// plainEnd finds the first byte of a string from i on that does not stand for
// itself, and adds the words that it read to high.
func plainEnd(buf []byte, i int, high uint64) (end int, seen uint64) {
	for {
		word := load(buf, i)
		high |= word
		if special := specials(word); special != 0 {
			return i + bits.TrailingZeros64(special)>>3, high
		}
		i += 8
	}
}

// str finds the closing quote of a string, from after the opening one.
func (s *scanner) str(i int) (end int, escaped bool) {
	if i, s.high = plainEnd(s.buf, i, s.high); s.buf[i] == '"' {
		return i, false
	}
	return s.rest(i), true
}

// rest finds the closing quote of a string, from its first byte that does not
// stand for itself.
func (s *scanner) rest(i int) (end int) {
	for s.buf[i] != '"' {
		if s.buf[i] != '\\' {
			return s.stop(faultControl, i)
		}
		if i = s.escape(i); i < 0 {
			return -1
		}
		i, s.high = plainEnd(s.buf, i, s.high)
	}
	return i
}

// escape checks one escape sequence.
func (s *scanner) escape(i int) int {
	buf := s.buf
	switch buf[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		// The padding ends a sequence that the event cuts short.
		if isHex(buf[i+2]) && isHex(buf[i+3]) && isHex(buf[i+4]) && isHex(buf[i+5]) {
			if string(buf[i+2:i+6]) == "0000" {
				s.zeros = true
			}
			return i + 6
		}
	}
	return s.stop(faultEscape, i)
}

// number reads a JSON number.
func (s *scanner) number(i int) int {
	buf, from := s.buf, i
	if buf[i] == '-' {
		i++
	}
	switch {
	case buf[i] == '0':
		i++
	case buf[i]-'1' < 9:
		for i++; buf[i]-'0' < 10; i++ {
		}
	case i == from:
		return s.stop(faultValue, i)
	default:
		return s.stop(faultNumber, i)
	}
	if buf[i] == '.' {
		if i++; buf[i]-'0' >= 10 {
			return s.stop(faultNumber, i)
		}
		for i++; buf[i]-'0' < 10; i++ {
		}
	}
	if buf[i]|0x20 == 'e' {
		return s.exponent(i + 1)
	}
	return i
}

// exponent reads what follows the letter e of a number.
func (s *scanner) exponent(i int) int {
	if s.buf[i] == '+' || s.buf[i] == '-' {
		i++
	}
	if s.buf[i]-'0' >= 10 {
		return s.stop(faultNumber, i)
	}
	for i++; s.buf[i]-'0' < 10; i++ {
	}
	return i
}

// literal reads true, false or null.
func (s *scanner) literal(i int) int {
	const (
		wordTrue = 't' | 'r'<<8 | 'u'<<16 | 'e'<<24
		wordAlse = 'a' | 'l'<<8 | 's'<<16 | 'e'<<24
		wordNull = 'n' | 'u'<<8 | 'l'<<16 | 'l'<<24
	)
	word := load(s.buf, i)
	switch {
	case uint32(word) == wordTrue, uint32(word) == wordNull:
		return i + 4
	case uint32(word>>8) == wordAlse && byte(word) == 'f':
		return i + 5
	}
	return s.stop(faultValue, i)
}

// value reads any value that lies depth levels deep in properties.
func (s *scanner) value(i, depth int) int {
	switch s.buf[i] {
	case '"':
		if i, _ = s.str(i + 1); i < 0 {
			return -1
		}
		return i + 1
	case '{', '[':
		return s.container(i, depth)
	case 't', 'f', 'n':
		return s.literal(i)
	}
	return s.number(i)
}

// container reads an object or array that lies depth levels deep. It keeps
// which of them is open at each level as one bit: 1 for an object.
func (s *scanner) container(i, depth int) int {
	buf := s.buf
	kinds, open := uint64(0), 0
	for {
		// Here i is at an opening brace or bracket, or at any other value.
		switch c := buf[i]; c {
		case '{', '[':
			if open++; depth+open > s.depth {
				return s.stop(faultTooDeep, i)
			}
			kinds <<= 1
			i = skipSpace(buf, i+1)
			if c == '{' {
				kinds |= 1
				if buf[i] != '}' {
					if i = s.name(i); i < 0 {
						return -1
					}
					continue
				}
			} else if buf[i] != ']' {
				continue
			}
		default:
			if i = s.value(i, depth); i < 0 {
				return -1
			}
		}
		// A value has ended, or a container is empty: close what closes.
		for {
			i = skipSpace(buf, i)
			if buf[i] == ',' {
				break
			}
			if kinds&1 == 1 && buf[i] != '}' {
				return s.stop(faultCommaOrBrace, i)
			}
			if kinds&1 == 0 && buf[i] != ']' {
				return s.stop(faultCommaOrBracket, i)
			}
			i++
			kinds >>= 1
			if open--; open == 0 {
				return i
			}
		}
		i = skipSpace(buf, i+1)
		if kinds&1 == 1 {
			if i = s.name(i); i < 0 {
				return -1
			}
		}
	}
}

// name reads a name and its colon, up to the value.
func (s *scanner) name(i int) int {
	if s.buf[i] != '"' {
		return s.stop(faultName, i)
	}
	if i, _ = s.str(i + 1); i < 0 {
		return -1
	}
	if i = skipSpace(s.buf, i+1); s.buf[i] != ':' {
		return s.stop(faultColon, i)
	}
	return skipSpace(s.buf, i+1)
}
