package olap

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
)

// money is an exact amount in some currency, as decimal text without trailing
// zeros, or nothing. In JSON it is text: a number would lose its last digits in
// many clients.
type money struct{ text string }

// Answers have thousands of amounts, so those that fit are reckoned with in 64 bits,
// as millionths. Fractions of any size, which take fifty times as long, do the rest.

// mostShares leaves room to double a remainder.
const mostShares = 1 << 62

// parseMoney takes a decimal as the store writes it.
func parseMoney(text string) money {
	if n, ok := millionths(text); ok {
		return moneyOfMillionths(n)
	}
	amount, ok := new(big.Rat).SetString(text)
	if !ok {
		return money{}
	}
	return moneyOf(amount)
}

// millionths reads a plain decimal of at most six places; false for anything else,
// and for what is too large.
func millionths(text string) (int64, bool) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole == "" || len(whole) > 12 || len(fraction) > 6 {
		return 0, false
	}
	n, ok := appendDigits(0, whole)
	if ok {
		n, ok = appendDigits(n, fraction)
	}
	for range 6 - len(fraction) {
		n *= 10
	}
	if negative {
		n = -n
	}
	return n, ok
}

func appendDigits(n int64, digits string) (int64, bool) {
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}

func moneyOfMillionths(n int64) money {
	text := make([]byte, 0, 24)
	if n < 0 {
		text, n = append(text, '-'), -n
	}
	text = strconv.AppendInt(text, n/1_000_000, 10)
	if n %= 1_000_000; n > 0 {
		text = strconv.AppendInt(append(text, '.'), 1_000_000+n, 10) // the one in front keeps its zeros
		point := bytes.IndexByte(text, '.')
		text = bytes.TrimRight(append(text[:point+1], text[point+2:]...), "0")
	}
	return money{string(text)}
}

// moneyOf rounds to millionths, half away from zero: finer than any currency,
// and what amounts are stored in.
func moneyOf(amount *big.Rat) money {
	text := strings.TrimRight(strings.TrimRight(amount.FloatString(6), "0"), ".")
	if text == "-0" {
		text = "0"
	}
	return money{text}
}

// amount is the value, 0 where there is none.
func (m money) amount() *big.Rat {
	amount, ok := new(big.Rat).SetString(m.text)
	if !ok {
		return new(big.Rat)
	}
	return amount
}

func (m money) plus(n money) money {
	a, fits := millionths(m.text)
	if b, ok := millionths(n.text); ok && fits {
		return moneyOfMillionths(a + b)
	}
	return moneyOf(new(big.Rat).Add(m.amount(), n.amount()))
}

func (m money) minus(n money) money {
	a, fits := millionths(m.text)
	if b, ok := millionths(n.text); ok && fits {
		return moneyOfMillionths(a - b)
	}
	return moneyOf(new(big.Rat).Sub(m.amount(), n.amount()))
}

// per divides among n; nothing where n is 0.
func (m money) per(n uint64) money {
	if n == 0 {
		return money{}
	}
	if a, ok := millionths(m.text); ok && n < mostShares {
		return moneyOfMillionths(divided(a, int64(n)))
	}
	return moneyOf(new(big.Rat).Quo(m.amount(), new(big.Rat).SetUint64(n)))
}

// divided rounds half away from zero. by is above zero.
func divided(n, by int64) int64 {
	quotient, rest := n/by, n%by
	switch {
	case 2*rest >= by:
		quotient++
	case 2*rest <= -by:
		quotient--
	}
	return quotient
}

// compare is below zero where m is less than n.
func (m money) compare(n money) int {
	a, fits := millionths(m.text)
	if b, ok := millionths(n.text); ok && fits {
		return cmp.Compare(a, b)
	}
	return m.amount().Cmp(n.amount())
}

// negative tells an amount below zero.
func (m money) negative() bool { return strings.HasPrefix(m.text, "-") }

// MarshalJSON writes a string, or null.
func (m money) MarshalJSON() ([]byte, error) {
	if m.text == "" {
		return []byte("null"), nil
	}
	return json.Marshal(m.text)
}

// String is the decimal, "null" where there is none.
func (m money) String() string {
	if m.text == "" {
		return "null"
	}
	return m.text
}
