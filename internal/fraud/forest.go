package fraud

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// ForestConfig says how a forest is grown.
type ForestConfig struct {
	// Trees is the number of trees; with more the score is steadier.
	Trees int
	// Sample is how many purchases each tree sees.
	Sample int
	// Seed makes the forest repeatable.
	Seed uint64
}

// DefaultForestConfig is the paper's: 100 trees of 256 purchases each.
func DefaultForestConfig() ForestConfig { return ForestConfig{Trees: 100, Sample: 256, Seed: 1} }

// Forest is an isolation forest (Liu, Ting, Zhou, "Isolation Forest", ICDM
// 2008): what few random cuts separate from all the rest is unusual. It needs no
// labels. It never changes and is safe for concurrent use.
type Forest struct {
	sample int
	trees  []tree
}

// tree is a binary tree as an array: nodes[0] is the root.
type tree []node

// node sends values below cut to left, others to left+1. A leaf has left 0, and
// in cut the length of the paths that end in it.
type node struct {
	cut     float32
	left    uint16
	feature uint8
}

// GrowForest grows a forest from purchases, of which at least two are needed.
func GrowForest(purchases []Features, cfg ForestConfig) (*Forest, error) {
	if len(purchases) < 2 || cfg.Trees < 1 || cfg.Sample < 2 || cfg.Sample > 1<<14 {
		return nil, fmt.Errorf("forest: %d purchases, %d trees of %d; use at least 2 purchases, 1 tree, and 2 to 16,384 in each",
			len(purchases), cfg.Trees, cfg.Sample)
	}
	rng := rand.New(rand.NewPCG(cfg.Seed, 0x666f72657374))
	sample := min(cfg.Sample, len(purchases))
	f := &Forest{sample: sample}
	g := grower{rng: rng, deepest: int(math.Ceil(math.Log2(float64(sample))))}
	for range cfg.Trees {
		g.tree = tree{{}}
		g.grow(0, draw(rng, purchases, sample), 0)
		f.trees = append(f.trees, g.tree)
	}
	return f, nil
}

// draw returns n of the purchases without putting one back.
func draw(rng *rand.Rand, purchases []Features, n int) []*Features {
	chosen := make([]*Features, n)
	for i, at := range rng.Perm(len(purchases))[:n] {
		chosen[i] = &purchases[at]
	}
	return chosen
}

// grower grows one tree at a time.
type grower struct {
	rng     *rand.Rand
	deepest int
	tree    tree
}

// grow makes node n the root of a tree over the purchases.
func (g *grower) grow(n int, purchases []*Features, depth int) {
	feature, low, high := g.pick(purchases)
	if depth >= g.deepest || low == high {
		g.tree[n] = node{cut: float32(float64(depth) + averagePath(len(purchases)))}
		return
	}
	cut := float32(low + g.rng.Float64()*(high-low))
	split := 0
	for i, p := range purchases {
		if float32(p[feature]) < cut {
			purchases[i], purchases[split] = purchases[split], purchases[i]
			split++
		}
	}
	left := len(g.tree)
	g.tree[n] = node{cut: cut, left: uint16(left), feature: uint8(feature)}
	g.tree = append(g.tree, node{}, node{})
	g.grow(left, purchases[:split], depth+1)
	g.grow(left+1, purchases[split:], depth+1)
}

// pick draws a feature in which the purchases differ, and its range; the range
// is empty where they differ in none.
func (g *grower) pick(purchases []*Features) (feature int, low, high float64) {
	if len(purchases) < 2 {
		return 0, 0, 0
	}
	for _, feature := range g.rng.Perm(FeatureCount) {
		low, high := purchases[0][feature], purchases[0][feature]
		for _, p := range purchases {
			low, high = min(low, p[feature]), max(high, p[feature])
		}
		if float32(low) != float32(high) {
			return feature, low, high
		}
	}
	return 0, 0, 0
}

// averagePath is c(n) of the paper: the mean length of the path of an
// unsuccessful search in a binary tree of n.
func averagePath(n int) float64 {
	switch {
	case n < 2:
		return 0
	case n == 2:
		return 1
	}
	const euler = 0.5772156649015329
	m := float64(n)
	return 2*(math.Log(m-1)+euler) - 2*(m-1)/m
}

// Score is the anomaly score of the paper, equation 2: near 1 for what is easily
// set apart, below 0.5 for what is usual.
func (f *Forest) Score(purchase *Features) float64 {
	sum := 0.0
	for _, t := range f.trees {
		sum += t.path(purchase)
	}
	return math.Exp2(-sum / float64(len(f.trees)) / averagePath(f.sample))
}

// path is how far down the tree the purchase comes.
func (t tree) path(purchase *Features) float64 {
	n := &t[0]
	for n.left != 0 {
		next := n.left
		if float32(purchase[n.feature]) >= n.cut {
			next++
		}
		n = &t[next]
	}
	return float64(n.cut)
}

const forestForm = 0x31

// AppendBinary appends the forest's binary form to b.
func (f *Forest) AppendBinary(b []byte) []byte {
	w := writer{append(b, forestForm)}
	w.count(uint64(FeatureCount))
	w.count(uint64(f.sample))
	w.count(uint64(len(f.trees)))
	for _, t := range f.trees {
		w.count(uint64(len(t)))
		for _, n := range t {
			w.b = append(w.b, n.feature)
			w.count(uint64(n.left))
			w.float32(n.cut)
		}
	}
	return w.b
}

// UnmarshalBinary makes the forest the one that b holds. It returns
// [ErrUnreadable] for anything else, such as a forest over other features.
func (f *Forest) UnmarshalBinary(b []byte) error {
	*f = Forest{}
	r := reader{b: b}
	r.expect(forestForm)
	if int(r.count(math.MaxUint8)) != FeatureCount {
		return fmt.Errorf("%w: a forest over other features than the %d of this version", ErrUnreadable, FeatureCount)
	}
	f.sample = int(r.count(1 << 14))
	for range r.count(1 << 14) {
		t := make(tree, r.count(math.MaxUint16))
		for i := range t {
			t[i] = node{feature: r.take(1)[0], left: uint16(r.count(math.MaxUint16)), cut: r.float32()}
			// A child comes after its parent, so no walk can go round.
			if n := t[i]; n.left != 0 && (int(n.left) <= i || int(n.left)+1 >= len(t) || int(n.feature) >= FeatureCount) {
				r.bad = true
			}
		}
		if len(t) == 0 || r.bad {
			r.bad = true
			break
		}
		f.trees = append(f.trees, t)
	}
	if len(f.trees) == 0 || f.sample < 2 {
		r.bad = true
	}
	return r.end("forest")
}
