package anomaly

// extreme asks how far a value lies above or below the middle of the recent
// past. Each side has a tail of its own: most series are lopsided.
type extreme struct {
	past     recent
	points   int
	up, down tail
}

const (
	extremeKept   = 400 // values of the past
	extremeStride = 7   // every so many points one is kept, so the past is 2,800 points long
	extremeDense  = 50  // at first every point is kept
)

func newExtreme() *extreme { return &extreme{past: newRecent(extremeKept)} }

func (e *extreme) judge(v float64) float64 {
	distance := v - e.past.median()
	e.points++
	if e.points%extremeStride == 0 || e.past.len() < extremeDense {
		e.past.add(v)
	}
	if distance >= 0 {
		e.down.learn(0)
		return e.up.judge(distance)
	}
	e.up.learn(0)
	return e.down.judge(-distance)
}
