package olap

import (
	"encoding/json"
	"math/big"
	"strings"
)

// money is an exact amount in some currency, as decimal text without trailing
// zeros, or nothing. In JSON it is text: a number would lose its last digits in
// many clients.
type money struct{ text string }

// parseMoney takes a decimal as the store writes it.
func parseMoney(text string) money {
	amount, ok := new(big.Rat).SetString(text)
	if !ok {
		return money{}
	}
	return moneyOf(amount)
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

func (m money) plus(n money) money { return moneyOf(new(big.Rat).Add(m.amount(), n.amount())) }

func (m money) minus(n money) money { return moneyOf(new(big.Rat).Sub(m.amount(), n.amount())) }

// per divides among n; nothing where n is 0.
func (m money) per(n uint64) money {
	if n == 0 {
		return money{}
	}
	return moneyOf(new(big.Rat).Quo(m.amount(), new(big.Rat).SetUint64(n)))
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
