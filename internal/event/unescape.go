package event

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape writes the text of the JSON string src, given without its quotes
// and already known to be valid, to dst and returns what it wrote. The text is
// never longer than its source; dst has at least that room and lies elsewhere.
//
// Half of a surrogate pair becomes U+FFFD, as in encoding/json.
func unescape(dst, src []byte) []byte {
	n := 0
	for i := 0; i < len(src); {
		if i+8 <= len(src) { // then dst has room too, as n <= i
			word := load(src, i)
			binary.LittleEndian.PutUint64(dst[n:n+8], word)
			plain := plainBytes(word)
			i, n = i+plain, n+plain
			if plain == 8 {
				continue
			}
		} else if src[i] != '\\' {
			dst[n] = src[i]
			i, n = i+1, n+1
			continue
		}
		if src[i+1] != 'u' {
			dst[n] = unescapeByte(src[i+1])
			i, n = i+2, n+1
			continue
		}
		r, size := unescapeRune(src[i:])
		n += utf8.EncodeRune(dst[n:n+utf8.RuneLen(r)], r)
		i += size
	}
	return dst[:n]
}

// plainBytes counts the bytes of word before its first backslash.
func plainBytes(word uint64) int {
	word ^= backslash
	return bits.TrailingZeros64((word-lowBits)&^word&highBits) >> 3
}

// unescapeByte gives the byte that a one-letter escape stands for.
func unescapeByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// unescapeRune reads \uXXXX, or a pair of them, and says how long it was.
func unescapeRune(src []byte) (r rune, size int) {
	r = hex4(src[2:6])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(src) >= 12 && src[6] == '\\' && src[7] == 'u' {
		if pair := utf16.DecodeRune(r, hex4(src[8:12])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

// hex4 reads four hexadecimal digits that are known to be valid.
func hex4(src []byte) rune {
	var r rune
	for _, c := range src[:4] {
		r = r<<4 | rune(c&0x0f)
		if c > '9' {
			r += 9
		}
	}
	return r
}

func isHex(c byte) bool {
	return c-'0' < 10 || c|0x20-'a' < 6
}
