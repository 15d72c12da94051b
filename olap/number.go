package olap

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// number is a figure of an answer: exact decimal text as the store wrote it, or
// nothing. Sums of money would lose their last digit as float64.
type number struct{ text string }

// parseNumber takes the store's text. What is not a finite number is nothing.
func parseNumber(text string) number {
	switch strings.TrimPrefix(text, "-") {
	case "", "nan", "inf":
		return number{}
	}
	return number{text: text}
}

func numberOf(f float64) number {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return number{}
	}
	text, err := json.Marshal(f)
	if err != nil {
		return number{}
	}
	return number{text: string(text)}
}

func countOf(n int64) number { return number{text: strconv.FormatInt(n, 10)} }

// float is the nearest float64; false where there is no figure.
func (n number) float() (float64, bool) {
	if n.text == "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(n.text, 64)
	return f, err == nil
}

// integer is the figure as a whole number, 0 where there is none.
func (n number) integer() int64 {
	i, _ := strconv.ParseInt(n.text, 10, 64)
	return i
}

// MarshalJSON writes a JSON number with every digit, or null.
func (n number) MarshalJSON() ([]byte, error) {
	if n.text == "" {
		return []byte("null"), nil
	}
	return []byte(n.text), nil
}

// String is the figure's text, "null" where there is none.
func (n number) String() string {
	if n.text == "" {
		return "null"
	}
	return n.text
}
