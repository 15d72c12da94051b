package olap

// The references for lifecycle and stickiness: bucket by bucket, they look
// through all of a user's events. Slow, and obvious.

type refActivity struct {
	calendar refCalendar
	fits     func(row) bool
}

// active tells whether a user did anything in a bucket; within the range only,
// where inRange says so.
func (f refActivity) active(history []row, bucket int, inRange bool) bool {
	for _, e := range history {
		early := e.at.Before(f.calendar.from) && inRange
		if f.fits(e) && f.calendar.index(e.at) == bucket && e.at.Before(f.calendar.to) && !early {
			return true
		}
	}
	return false
}

// firstEver is the bucket of the user's first event of all time.
func (f refActivity) firstEver(history []row) int {
	var first *row
	for _, e := range history {
		if f.fits(e) && (first == nil || e.at.Before(first.at)) {
			first = &e
		}
	}
	if first == nil {
		return -2
	}
	return f.calendar.index(first.at)
}

// state is what a user is to a bucket; "" for nothing.
func (f refActivity) state(history []row, bucket int) lifeState {
	before := f.active(history, bucket-1, false)
	switch {
	case f.active(history, bucket, true) && f.firstEver(history) == bucket:
		return stateNew
	case f.active(history, bucket, true) && before:
		return stateReturning
	case f.active(history, bucket, true):
		return stateResurrecting
	case before && !f.active(history, bucket, false):
		return stateDormant
	}
	return ""
}

// intervals counts the buckets of the range that a user is active in.
func (f refActivity) intervals(history []row) int {
	n := 0
	for i := range f.calendar.buckets() {
		if f.active(history, i, true) {
			n++
		}
	}
	return n
}
