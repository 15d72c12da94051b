package lifetime

import "testing"

// BenchmarkScore is all figures of one customer: what a refresh costs per user.
func BenchmarkScore(b *testing.B) {
	m := Model{BGNBD: published(), Spend: &GammaGamma{P: 6.25, Q: 3.74, V: 15.44}}
	h := History{Repeats: 3, Recency: 20, Age: 38, Priced: 3, MeanSpend: 30}
	for b.Loop() {
		_ = m.Score(h)
	}
}
