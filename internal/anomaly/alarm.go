package anomaly

import "math"

// alarm turns surprises into scores, and holds back what follows a detection.
type alarm struct {
	level     float64 // the surprise that scores 0.5
	points    int
	restUntil int // no detection up to this many points
}

// After a detection no other follows for this share of the points seen, in
// these bounds: the longer a series has been watched, the less does a person
// want to hear of the same trouble.
const (
	restShare              = 0.03
	restLeast, restLongest = 20, 300
)

// score maps 0… to 0…1, the level to 0.5.
func (a *alarm) score(surprise float64) float64 {
	a.points++
	score := 1 - math.Exp2(-max(0, surprise)/a.level)
	if a.points <= a.restUntil {
		return score / 2
	}
	if score >= 0.5 {
		a.restUntil = a.points + int(max(restLeast, min(restLongest, restShare*float64(a.points))))
	}
	return score
}
