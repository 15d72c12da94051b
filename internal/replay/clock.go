package replay

import (
	"time"
	_ "time/tzdata" // zones must exist on a machine without zone files
)

// wallHint says what is special about a local time.
type wallHint uint8

const (
	wallPlain   wallHint = iota
	wallTwice            // the clocks were set back over it
	wallSkipped          // the clocks were set forward over it
)

// clock turns wall times of a zone into instants. time.Date does that too, but
// does not promise which instant it takes where there are two or none.
type clock struct {
	zone *time.Location
	// Between from and until, wall times shown as UTC, the offset is the same
	// and no change of the clocks is near.
	from, until time.Time
	offset      time.Duration
}

// near is more than any change of clocks has ever been.
const near = 26 * time.Hour

// instant is the first instant at which the clocks of the zone show the wall
// time, given as if it were UTC. A skipped one is where the clocks jumped.
func (c *clock) instant(wall time.Time) (time.Time, wallHint) {
	if c.zone == time.UTC {
		return wall, wallPlain
	}
	if wall.After(c.from) && wall.Before(c.until) {
		return wall.Add(-c.offset), wallPlain
	}
	return c.search(wall)
}

func (c *clock) search(wall time.Time) (time.Time, wallHint) {
	before, after := c.offsetAt(wall.Add(-near)), c.offsetAt(wall.Add(near))
	first, second := wall.Add(-before), wall.Add(-after)
	if before == after {
		c.remember(first, before)
		return first, wallPlain
	}
	firstReal, secondReal := c.offsetAt(first) == before, c.offsetAt(second) == after
	switch {
	case firstReal && secondReal:
		return earlier(first, second), wallTwice
	case firstReal:
		return first, wallPlain
	case secondReal:
		return second, wallPlain
	}
	return earlier(first, second), wallSkipped
}

// remember keeps the stretch around an instant in which no clock changes.
func (c *clock) remember(at time.Time, offset time.Duration) {
	begin, end := at.In(c.zone).ZoneBounds()
	c.offset = offset
	c.from, c.until = at, at
	if begin.IsZero() {
		begin = at.Add(-365 * 24 * time.Hour)
	}
	if end.IsZero() {
		end = at.Add(365 * 24 * time.Hour)
	}
	if begin.Add(2 * near).Before(end) {
		c.from, c.until = begin.Add(near), end.Add(-near)
	}
}

func (c *clock) offsetAt(at time.Time) time.Duration {
	_, seconds := at.In(c.zone).Zone()
	return time.Duration(seconds) * time.Second
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
