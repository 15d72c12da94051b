package embedded

import "time"

// restarts decides whether a process that ended is started again, and when. It holds no clock, so that
// hours of misfortune can be tested in microseconds.
type restarts struct {
	// steadyLife is how long a process has to live to count as healthy: its death is then a new story.
	// It is short, because an engine that is killed over and over has to come back each time; what dies
	// within seconds of its start is broken.
	steadyLife time.Duration
	// toleratedDeaths is how often in a row a process may die young before we give up, once it has served.
	toleratedDeaths int
	// toleratedFalseStarts holds before it has ever served, when a fault is most likely lasting. Some
	// retries remain, because the previous owner of ports and files, killed a moment ago, may need a
	// moment to be gone.
	toleratedFalseStarts int
	// Pauses double from the first to the longest.
	firstPause, longestPause time.Duration

	inARow int
}

func newRestarts() restarts {
	return restarts{
		steadyLife:           3 * time.Second,
		toleratedDeaths:      10,
		toleratedFalseStarts: 3,
		firstPause:           100 * time.Millisecond,
		longestPause:         5 * time.Second,
	}
}

// died records a death after the given life. It returns the pause before the next start, or false when
// there should be none.
func (r *restarts) died(lived time.Duration, hasServed bool) (pause time.Duration, again bool) {
	if lived >= r.steadyLife {
		r.inARow = 0
	}
	r.inARow++
	tolerated := r.toleratedFalseStarts
	if hasServed {
		tolerated = r.toleratedDeaths
	}
	if r.inARow >= tolerated {
		return 0, false
	}
	pause = r.firstPause
	for range r.inARow - 1 {
		pause = min(2*pause, r.longestPause)
	}
	return pause, true
}
