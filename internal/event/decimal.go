package event

// maxMicros is the largest amount that fits Decimal(18, 6).
const maxMicros = 999_999_999_999_999_999

// parseMicros reads a decimal number exactly, in millionths. Digits after the
// sixth decimal are rounded, half to even. It accepts what JSON calls a number
// and, for amounts written as strings, a leading plus and leading zeros.
//
// It reports false for anything else and for what does not fit eighteen
// digits, six of them decimals.
func parseMicros(text []byte) (micros int64, ok bool) {
	if n, ok := parsePlainAmount(text); ok {
		return n, true
	}
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	digits, exponent, ok := splitDecimal(text)
	if !ok {
		return 0, false
	}
	n, ok := digits.round(exponent + 6)
	if !ok || n > maxMicros {
		return 0, false
	}
	if negative {
		return -int64(n), true
	}
	return int64(n), true
}

// parsePlainAmount reads what amounts nearly always look like: up to nine
// digits, a point, up to six more. It leaves every doubt to parseMicros.
func parsePlainAmount(text []byte) (micros int64, ok bool) {
	if len(text) > 16 {
		return 0, false
	}
	n, point := int64(0), len(text)
	for i, c := range text {
		if digit := c - '0'; digit < 10 {
			n = n*10 + int64(digit)
			continue
		}
		if c != '.' || point != len(text) {
			return 0, false
		}
		point = i
	}
	decimals := max(len(text)-1-point, 0)
	if point == 0 || point > 9 || decimals > 6 || point == len(text)-1 {
		return 0, false
	}
	return n * [...]int64{1e6, 1e5, 1e4, 1e3, 100, 10, 1}[decimals], true
}

// decimalDigits are the significant digits of a decimal number, in at most two
// runs: before and after the point.
type decimalDigits struct{ whole, fraction []byte }

// splitDecimal takes an unsigned decimal apart: its value is the digits read as
// one integer, times ten to the exponent.
func splitDecimal(text []byte) (d decimalDigits, exponent int, ok bool) {
	n := countDigits(text)
	if n == 0 {
		return d, 0, false
	}
	d.whole, text = text[:n], text[n:]
	if len(text) > 0 && text[0] == '.' {
		text = text[1:]
		if n = countDigits(text); n == 0 {
			return d, 0, false
		}
		d.fraction, text = text[:n], text[n:]
	}
	if len(text) > 0 {
		if exponent, ok = parseExponent(text); !ok {
			return d, 0, false
		}
	}
	return d, exponent - len(d.fraction), true
}

// parseExponent reads e, a sign and digits, up to the end of text. Exponents
// beyond a million all mean the same here: zero, or too large.
func parseExponent(text []byte) (exponent int, ok bool) {
	if text[0]|0x20 != 'e' {
		return 0, false
	}
	text = text[1:]
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	if len(text) == 0 || countDigits(text) != len(text) {
		return 0, false
	}
	for _, c := range text {
		exponent = min(exponent*10+int(c-'0'), 10_000_000)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, true
}

func countDigits(text []byte) int {
	n := 0
	for n < len(text) && text[n]-'0' < 10 {
		n++
	}
	return n
}

// round gives digits × 10^exponent as an integer, half to even. It reports
// false when that has more than eighteen digits.
func (d decimalDigits) round(exponent int) (uint64, bool) {
	count := len(d.whole) + len(d.fraction)
	keep := count + min(exponent, 0) // digits before the rounding point
	n, ok := d.integer(max(keep, 0))
	if !ok {
		return 0, false
	}
	for ; exponent > 0 && n != 0; exponent-- {
		if n *= 10; n > maxMicros {
			return 0, false
		}
	}
	if keep >= 0 && keep < count && d.roundsUp(keep, n&1 == 1) {
		n++
	}
	return n, true
}

// integer reads the first n digits. It reports false past eighteen
// significant ones.
func (d decimalDigits) integer(n int) (uint64, bool) {
	var v uint64
	for i := range n {
		if v = v*10 + uint64(d.at(i)); v > maxMicros {
			return 0, false
		}
	}
	return v, true
}

// roundsUp says whether the digits from i on, as a fraction, round up.
func (d decimalDigits) roundsUp(i int, odd bool) bool {
	if first := d.at(i); first != 5 {
		return first > 5
	}
	for i++; i < len(d.whole)+len(d.fraction); i++ {
		if d.at(i) != 0 {
			return true
		}
	}
	return odd
}

func (d decimalDigits) at(i int) byte {
	if i < len(d.whole) {
		return d.whole[i] - '0'
	}
	return d.fraction[i-len(d.whole)] - '0'
}
