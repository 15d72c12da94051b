package incident

import "math"

// series watches one figure, of the whole or of one value of a property. It
// sees each window once; what it keeps is bounded. Fields are exported for gob.
type series struct {
	Kind    Kind
	Windows int
	// Ring holds the newest windows. Only what leaves it is learned, so that a
	// shift that is yet to be found does not pass for what is usual.
	Ring []point
	Base usual
	// Season and the noise of whole days; see [span.block].
	Season season // of counts and money
	Block  block
	Open   *Shift
	Free   int // windows before it belong to an earlier shift
	// Former is the rate before a shift that has stayed, while it is remembered.
	Former      float64
	FormerUntil int
}

// point is a window as it was judged.
type point struct {
	Bucket
	Square float64 // see usual.Squares
	Out    bool    // within a shift: teaches nothing
}

const (
	baseExposed   = 100 // chances that a rate must rest on
	baseThings    = 30  // things that a count must rest on, in units of its noise
	shiftExposed  = 5   // chances, or things, that a shift must rest on
	largePayment  = 2   // see fair
	moneyEvidence = 1.5 // times as much is asked of money: few payments are most of it
	formerKept    = 4   // the rate before a shift that stayed is remembered so many times as long as it lasted
)

// step judges window n and learns it. It returns a shift that has just ended.
func (s *series) step(g Grid, n int, seen Bucket, bar bar) *Shift {
	span := g.span(s.Kind)
	rate := s.Base.rate(s.Kind)
	p := point{Bucket: s.fair(seen, rate)}
	p.Square = s.square(p.Bucket, s.rateSoFar(g, rate, p.Bucket))
	p.Out = s.Open != nil
	s.push(g, span, n, p)
	s.Windows++
	switch {
	case s.Open != nil:
		return s.follow(g, n, bar)
	case s.Windows > g.warm && p.Exposed > 0:
		s.begin(g, n, bar)
	}
	return nil
}

func (g Grid) span(k Kind) span {
	if k.shares() {
		return g.chance
	}
	return g.count
}

// least is how many usual windows there must be to compare with.
func (s span) least(g Grid) float64 { return min(0.75*float64(g.warm), 0.5*float64(s.back+s.memory)) }

// exposed is the season's part of a window of counts.
func (s *series) exposed(g Grid, n int) float64 {
	noise := s.Base.noise(s.Kind, s.Base.rate(s.Kind))
	return s.Season.factor(g.slot(n), seasonPrior*noise)
}

// fair takes care that no single payment makes an incident: of a window's money
// not more counts than three times the usual, or the usual and two large
// payments. The noise of money is the size of a large payment.
func (s *series) fair(b Bucket, rate float64) Bucket {
	if s.Kind == Money && s.Base.Windows > 0 {
		expected := rate * b.Exposed
		b.Seen = min(b.Seen, max(3*expected, expected+largePayment*s.Base.noise(s.Kind, rate)))
	}
	return b
}

func (s *series) square(b Bucket, rate float64) float64 {
	if b.Exposed <= 0 {
		return 0
	}
	if s.Kind.shares() {
		return b.Seen * b.Seen / b.Exposed
	}
	off := b.Seen - rate*b.Exposed
	return off * off / s.Kind.variance(rate, b.Exposed)
}

// rateSoFar is the base's rate or, while that holds less than a week, that of
// all windows with this one.
func (s *series) rateSoFar(g Grid, rate float64, b Bucket) float64 {
	if s.Kind.shares() || s.Base.Windows >= min(float64(g.season), g.count.least(g)) {
		return rate
	}
	b.add(s.Base.Bucket)
	for _, p := range s.Ring {
		b.add(p.Bucket)
	}
	return b.Seen / max(b.Exposed, tiny)
}

// push takes a window into the ring, and learns the one that leaves it.
func (s *series) push(g Grid, span span, n int, p point) {
	if len(s.Ring) < span.back {
		s.Ring = append(s.Ring, p)
		return
	}
	oldest := s.Ring[0]
	copy(s.Ring, s.Ring[1:])
	s.Ring[len(s.Ring)-1] = p
	if oldest.Out {
		return
	}
	s.Block.learn(oldest.Bucket, span.block, s.Kind, s.Base.rate(s.Kind))
	s.Base.add(oldest)
	s.Base.fade(span.memory)
	if !s.Kind.shares() {
		s.Season.learn(g.season, g.slot(n-span.back), oldest.Seen)
	}
}

// begin looks whether a shift has begun by window n: the generalised likelihood
// ratio over all beginnings within the ring.
func (s *series) begin(g Grid, n int, bar bar) {
	if s.Kind == Money {
		bar.evidence *= moneyEvidence
	}
	span := g.span(s.Kind)
	var rest Bucket
	for _, p := range s.Ring {
		rest.add(p.Bucket)
	}
	base := s.Base
	var best Shift
	first := n - len(s.Ring) + 1
	for i, p := range s.Ring {
		if at := first + i; at >= s.Free && base.Windows >= span.least(g) {
			if c, ok := s.candidate(&base, at, n, rest, span, bar); ok && c.Evidence > best.Evidence {
				best = c
			}
		}
		rest = rest.less(p.Bucket)
		if !p.Out {
			base.add(p)
		}
	}
	if best.Evidence <= bar.evidence {
		return
	}
	best.Detected, best.End, best.Total = n, n+1, s.ringSum(n, best.First)
	if n < s.FormerUntil && s.Kind.likelihood(best.Total, s.Former, best.During)/best.Noise <= bar.evidence {
		s.restart(n, best.First) // the end of what has stayed is no incident
		return
	}
	best.Earliest = s.earliest(n, &best)
	s.Open = &best
	s.mark(n, best.First, true)
}

// candidate weighs a shift from window at to n, which sum up to sum.
func (s *series) candidate(base *usual, at, n int, sum Bucket, span span, bar bar) (Shift, bool) {
	if !s.known(base, sum) {
		return Shift{}, false
	}
	before, during := base.rate(s.Kind), sum.Seen/sum.Exposed
	if !s.Kind.differs(before, during, bar.ratio) {
		return Shift{}, false
	}
	noise := s.Block.noise(base.noise(s.Kind, before), n-at+1, span.block)
	return Shift{First: at, Before: before, During: during, Noise: noise, Evidence: s.Kind.likelihood(sum, before, during) / noise}, true
}

// known reports whether enough was seen to compare the sum with the base.
func (s *series) known(base *usual, sum Bucket) bool {
	if sum.Exposed <= 0 {
		return false
	}
	if s.Kind.shares() {
		return base.Exposed >= baseExposed && sum.Exposed >= shiftExposed
	}
	rate := base.rate(s.Kind)
	noise := base.noise(s.Kind, rate)
	return base.Seen >= baseThings*noise && max(sum.Seen, rate*sum.Exposed) >= shiftExposed*noise
}

// follow looks whether the open shift was over by window n, and otherwise
// learns its rate. A shift that lasts too long has become what is usual.
func (s *series) follow(g Grid, n int, bar bar) *Shift {
	o := s.Open
	o.Total.add(s.Ring[len(s.Ring)-1].Bucket)
	if from, evidence := s.over(n); evidence > bar.evidence {
		s.close(n, from)
		return o
	} else if during := o.Total.Seen / max(o.Total.Exposed, tiny); evidence < 1 && s.Kind.differs(o.Before, during, bar.ratio) {
		o.During = during
	}
	o.End = n + 1
	o.Evidence = s.Kind.likelihood(o.Total, o.Before, o.During) / o.Noise
	if n-o.First < len(s.Ring)/2 {
		o.Earliest = s.earliest(n, o)
	}
	if o.End-o.First >= g.lasts {
		s.adopt(g, n)
		return o
	}
	return nil
}

// over finds the window from which on the rate before has come back, and how
// much speaks for that.
func (s *series) over(n int) (from int, evidence float64) {
	o := s.Open
	// Of a rate that has fallen to nothing, one single success would be proof.
	during := max(o.During, 0.5/(o.Total.Exposed+1))
	if s.Kind == Money {
		during = max(o.During, tiny)
	}
	var sum Bucket
	for i := len(s.Ring) - 1; i >= 0; i-- {
		at := n - len(s.Ring) + 1 + i
		if at <= o.First {
			break
		}
		sum.add(s.Ring[i].Bucket)
		if e := s.Kind.likelihood(sum, during, o.Before) / o.Noise; e > evidence {
			from, evidence = at, e
		}
	}
	return from, evidence
}

// close ends the open shift before window end.
func (s *series) close(n, end int) {
	o := s.Open
	o.End, o.Over = end, true
	o.Total = o.Total.less(s.ringSum(n, end))
	o.During = o.Total.Seen / max(o.Total.Exposed, tiny)
	o.Evidence = s.Kind.likelihood(o.Total, o.Before, o.During) / o.Noise
	s.mark(n, end, false)
	s.Open, s.Free = nil, end
}

// adopt makes the rate of the open shift what is usual from now on.
func (s *series) adopt(g Grid, n int) {
	o := s.Open
	o.Over, o.Stays = true, true
	s.Former, s.FormerUntil = o.Before, n+formerKept*g.lasts
	s.restart(n, o.First)
	s.Open = nil
}

// restart forgets what was usual before a window.
func (s *series) restart(n, from int) {
	s.mark(n, 0, true)
	s.mark(n, from, false)
	s.Base, s.Block = usual{}, block{}
	s.Season.Windows = min(s.Season.Windows, 1) // the level is learned anew, the shape of the week stays
	s.Free = from
}

// ringSum sums the windows from one on up, as far as they are in the ring.
func (s *series) ringSum(n, from int) (sum Bucket) {
	for _, p := range s.Ring[s.index(n, from):] {
		sum.add(p.Bucket)
	}
	return sum
}

// mark tells the windows from one on whether they teach.
func (s *series) mark(n, from int, out bool) {
	for i := s.index(n, from); i < len(s.Ring); i++ {
		s.Ring[i].Out = out
	}
}

// index of a window in the ring, whose last is n; the first where it has left.
func (s *series) index(n, window int) int { return max(0, len(s.Ring)-1-(n-window)) }

const (
	earliestBack  = 14
	earliestDoubt = 1.35 // half the 90 % quantile of χ² with one degree of freedom
)

// earliest goes back over windows that do not speak against the shift.
func (s *series) earliest(n int, o *Shift) int {
	earliest, doubt := o.First, 0.0
	first := n - len(s.Ring) + 1
	for at := o.First - 1; at >= max(first, s.Free, o.First-earliestBack); at-- {
		doubt -= s.Kind.likelihood(s.Ring[at-first].Bucket, o.Before, o.During) / o.Noise
		if doubt > earliestDoubt {
			break
		}
		earliest = at
	}
	return earliest
}

// band is what is expected of a window, before it is seen: in the unit of the
// figure, with the bounds that 95 % of usual windows keep.
type band struct{ Expected, Low, High float64 }

// expect says what is usual in a window of so many chances, from its base and
// the windows of the ring that are usual.
func (s *series) expect(g Grid, exposed float64) (band, bool) {
	base := s.Base
	for _, p := range s.Ring {
		if !p.Out {
			base.add(p)
		}
	}
	rate := base.rate(s.Kind)
	if s.Open != nil {
		rate = s.Open.Before
	}
	return s.Kind.band(rate, exposed, base.noise(s.Kind, rate)), base.Windows >= g.span(s.Kind).least(g) && exposed > 0
}

func (k Kind) band(rate, exposed, noise float64) band {
	unit := exposed
	if k.shares() {
		unit = 1 // shares are per chance
	}
	deviation := 1.96 * math.Sqrt(k.variance(rate, exposed)*noise) / max(exposed, tiny) * unit
	b := band{Expected: rate * unit, Low: max(0, rate*unit-deviation), High: rate*unit + deviation}
	if k.shares() {
		b.High = min(1, b.High)
	}
	return b
}
