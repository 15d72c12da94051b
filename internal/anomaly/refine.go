package anomaly

// Step is a step that users reach, and of those who did, per bucket, the ones
// who met the incident's event afterwards.
type Step struct {
	Name    string
	Buckets []Bucket
}

// refineShare of the users who met the event must have come by the step.
const refineShare = 0.5

// Refine looks for the step behind which the trouble lies: the one whose users
// were hit most often. Where few users reach it, days without any say nothing
// about the trouble, so it may have begun before it was first seen; Earliest
// moves back over them. The name of the step is returned, "" where there is none.
func (in *Incident) Refine(steps []Step) string {
	if in.Counts || in.During <= in.Before {
		return ""
	}
	var most float64
	for _, s := range steps {
		most = max(most, s.total(in.First, in.End).Seen)
	}
	var best *Step
	var rate float64
	for i := range steps {
		sum := steps[i].total(in.First, in.End)
		if sum.Seen < max(1, refineShare*most) || sum.Seen <= rate*sum.Exposed {
			continue
		}
		best, rate = &steps[i], sum.Seen/sum.Exposed
	}
	if best == nil {
		return ""
	}
	f := &shiftFinder{buckets: best.Buckets}
	base, noise := f.base(in.First)
	earliest := f.earliest(&Shift{First: in.First, Before: f.rate(base), During: rate, Noise: noise})
	in.Earliest = min(in.Earliest, earliest)
	return best.Name
}

func (s *Step) total(from, to int) Bucket {
	return (&shiftFinder{buckets: s.Buckets}).total(from, to)
}
