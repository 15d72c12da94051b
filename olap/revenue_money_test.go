package olap

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
)

// Money gives what fractions give, whether amounts fit into 64 bits or not.
func TestMoneyIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 130))
	amount := func() string {
		text := fmt.Sprint(r.Uint64() >> r.IntN(64))
		if r.IntN(4) == 0 {
			text += fmt.Sprint(r.Uint64()) // more than 64 bits
		}
		if n := r.IntN(7); n > 0 {
			text += "." + fmt.Sprintf("%06d", r.IntN(1e6))[:n]
		}
		return []string{"", "-"}[r.IntN(2)] + text
	}
	for range 20_000 {
		a, b, n := amount(), amount(), r.Uint64()>>r.IntN(64)
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		m, o := parseMoney(a), parseMoney(b)
		want := []money{moneyOf(x), moneyOf(new(big.Rat).Add(x, y)), moneyOf(new(big.Rat).Sub(x, y)), {}}
		if n > 0 {
			want[3] = moneyOf(new(big.Rat).Quo(x, new(big.Rat).SetUint64(n)))
		}
		if got := []money{m, m.plus(o), m.minus(o), m.per(n)}; fmt.Sprint(got) != fmt.Sprint(want) || m.compare(o) != x.Cmp(y) {
			t.Fatalf("-seed %d: %s, with %s added and taken away, and by %d: got %v, want %v; compared %d", *seed, a, b, n, got, want, m.compare(o))
		}
	}
	for _, tt := range [][2]string{{"", ""}, {"x", ""}, {"0", "0"}, {"-0", "0"}, {"-0.000000", "0"}, {"1.500000", "1.5"}, {"007", "7"}, {"0.0000005", "0.000001"}} {
		if got := parseMoney(tt[0]).text; got != tt[1] {
			t.Errorf("%q is %q, want %q", tt[0], got, tt[1])
		}
	}
}
