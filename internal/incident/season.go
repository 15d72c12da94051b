package incident

// season learns what part of an average window each hour of the week, or day,
// usually has. Where little was seen it says what the hour of the day and the
// day of the week say, and where little was seen of these, 1.
type season struct {
	Level   float64 // of an average window, now
	Windows int
	// Seen in each slot, and the levels at those times: both fade.
	Seen, Levels []float64
}

const (
	seasonFade = 0.9 // a week from now counts for so much
	// seasonPrior is how many things have to be seen before a slot counts for as
	// much as what is assumed of it.
	seasonPrior = 5
)

// learn takes one window in. The first week only tells the level.
func (s *season) learn(slots, slot int, seen float64) {
	if s.Seen == nil {
		s.Seen, s.Levels = make([]float64, slots), make([]float64, slots)
	}
	s.Windows++
	s.Level += (seen - s.Level) / float64(min(s.Windows, slots))
	if s.Windows > slots {
		s.Seen[slot] = s.Seen[slot]*seasonFade + seen
		s.Levels[slot] = s.Levels[slot]*seasonFade + s.Level
	}
}

// factor of a slot. The prior is in the unit of what is seen.
func (s *season) factor(slot int, prior float64) float64 {
	if s.Seen == nil {
		return 1
	}
	if len(s.Seen) == 7 {
		return shrunk(s.Seen[slot], s.Levels[slot], prior, 1)
	}
	var hour, day Bucket // the slots of this hour, and of this day
	for d := range 7 {
		hour.add(s.at(d*24 + slot%24))
	}
	for h := range 24 {
		day.add(s.at(slot/24*24 + h))
	}
	assumed := shrunk(hour.Seen, hour.Exposed, prior, 1) * shrunk(day.Seen, day.Exposed, prior, 1)
	return max(leastFactor, shrunk(s.Seen[slot], s.Levels[slot], prior, assumed))
}

// leastFactor of a slot: an hour in which nothing ever happened has a rate too.
const leastFactor = 1e-3

func (s *season) at(slot int) Bucket { return Bucket{Exposed: s.Levels[slot], Seen: s.Seen[slot]} }

func shrunk(seen, level, prior, assumed float64) float64 {
	return (seen + prior*assumed) / max(tiny, level+prior)
}
