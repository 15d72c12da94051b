package olap

import (
	"slices"
	"time"
)

// refCalendar names buckets as the reference for trends does, and puts them in
// order by walking the clock. Slow, and obvious.
type refCalendar struct {
	refTrend
	keys  []string // from the bucket before the range on
	ends  []time.Time
	known map[int64]int // what index has found, by millisecond
}

// newRefCalendar has the buckets of [from, to), the one before, and more after.
func newRefCalendar(f refTrend, more int) refCalendar {
	c := refCalendar{refTrend: f, known: map[int64]int{}}
	step := time.Minute
	if f.interval == byDay || f.interval == byWeek || f.interval == byMonth {
		step = 30 * time.Minute // no day is shorter
	}
	t := f.from.Truncate(time.Minute)
	for first := f.bucketKey(f.from); f.bucketKey(t) == first; t = t.Add(-step) {
	}
	after := 0
	for ; ; t = t.Add(step) {
		key := f.bucketKey(t)
		if n := len(c.keys); n > 0 && c.keys[n-1] == key {
			continue
		}
		if len(c.keys) > 0 {
			c.ends = append(c.ends, c.changed(t, step))
			if !c.ends[len(c.ends)-1].Before(f.to) {
				after++
			}
		}
		if after > more {
			return c
		}
		c.keys = append(c.keys, key)
	}
}

// changed is when the bucket that t lies in began: at most a step earlier.
func (c refCalendar) changed(t time.Time, step time.Duration) time.Time {
	key := c.bucketKey(t)
	for before := t.Add(-step); t.After(before) && c.bucketKey(t.Add(-time.Minute)) == key; {
		t = t.Add(-time.Minute)
	}
	return t
}

// index is the place of an instant's bucket, counted from the range's first one;
// -1 is the one before, -2 none of these.
func (c refCalendar) index(t time.Time) int {
	if i, ok := c.known[t.UnixMilli()]; ok {
		return i
	}
	i := max(slices.Index(c.keys, c.bucketKey(t)), -1) - 1
	c.known[t.UnixMilli()] = i
	return i
}

// end of the bucket with that index.
func (c refCalendar) end(index int) time.Time { return c.ends[index+1] }

// buckets is how many buckets the range touches.
func (c refCalendar) buckets() int {
	for i, end := range c.ends {
		if i > 0 && !end.Before(c.to) {
			return i
		}
	}
	panic("the calendar ends before its range")
}

// incomplete lists the buckets that the range cuts or whose end lies after the watermark.
func (c refCalendar) incomplete(watermark time.Time) []int {
	out := []int{}
	for i := range c.buckets() {
		if c.ends[i].Before(c.from) || c.end(i).After(c.to) || c.end(i).After(watermark) {
			out = append(out, i)
		}
	}
	return out
}
