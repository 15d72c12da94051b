package incident

// Step is a step that users reach, and of those who did, per window from
// number First on, the ones who met the event of a shift afterwards.
type Step struct {
	Name    string
	Buckets []Bucket
}

// refineShare of the users who met the event must have come by the step.
const refineShare = 0.5

// RefineBack is how many windows before a shift Refine wants to see.
const RefineBack = 60

// Refine looks for the step behind which the trouble of a shift lies: the one
// whose users were hit most often. Where few users reach it, windows without any
// say nothing about the trouble, so it may have begun before it was first seen;
// Earliest moves back over them. The steps begin with window number first.
func (s *Shift) Refine(steps []Step, first int) {
	if !s.Kind.shares() || s.During <= s.Before {
		return
	}
	from, to := s.First-first, s.End-first
	var most float64
	for _, step := range steps {
		most = max(most, step.total(from, to).Seen)
	}
	var best *Step
	var rate float64
	for i := range steps {
		sum := steps[i].total(from, to)
		if sum.Seen < max(1, refineShare*most) || sum.Seen <= rate*sum.Exposed {
			continue
		}
		best, rate = &steps[i], sum.Seen/sum.Exposed
	}
	if best == nil {
		return
	}
	s.Step = best.Name
	s.Earliest = min(s.Earliest, first+best.earliest(s, from, rate))
}

// earliest is the first window that may have belonged to the shift, as far as
// the users of this step tell.
func (step *Step) earliest(s *Shift, from int, rate float64) int {
	tail := &series{Kind: s.Kind}
	var base usual
	for _, b := range step.Buckets[:from] {
		p := point{Bucket: b}
		p.Square = tail.square(b, 0)
		base.add(p)
		tail.Ring = append(tail.Ring, p)
	}
	before := base.rate(s.Kind)
	return tail.earliest(from-1, &Shift{First: from, Before: before, During: rate, Noise: base.noise(s.Kind, before)})
}

func (step *Step) total(from, to int) (sum Bucket) {
	for _, b := range step.Buckets[max(0, from):min(len(step.Buckets), to)] {
		sum.add(b)
	}
	return sum
}
