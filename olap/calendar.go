package olap

import (
	"encoding/json"
	"slices"
	"time"
)

// interval is the width of a bucket on the calendar of a zone.
type interval string

const (
	byMinute interval = "minute"
	by10m    interval = "10m"
	byHour   interval = "hour"
	byDay    interval = "day"
	byWeek   interval = "week"
	byMonth  interval = "month"
)

func (i *interval) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, i, byMinute, by10m, byHour, byDay, byWeek, byMonth)
}

// weekStart is the first day of a week.
type weekStart string

func (w *weekStart) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, w, "monday", "sunday")
}

func (w weekStart) weekday() time.Weekday {
	if w == "sunday" {
		return time.Sunday
	}
	return time.Monday
}

// decodeChoice reads one word out of a fixed list.
func decodeChoice[T ~string](raw json.RawMessage, pointer string, dst *T, choices ...T) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return faultf(CodeWrongType, pointer, "%s is not text in quotes", shorten(raw))
	}
	if !slices.Contains(choices, T(text)) {
		words := make([]string, len(choices))
		for i, c := range choices {
			words[i] = string(c)
		}
		return oneOf(pointer, text, words)
	}
	*dst = T(text)
	return nil
}

// calendar cuts time into buckets: local hours, days, weeks and months. Around
// a change of clocks a day has 23 or 25 hours.
type calendar struct {
	interval interval
	zone     *time.Location
	weekday  time.Weekday
}

// step is the length of intervals that are shorter than a day, else 0.
func (c calendar) step() time.Duration {
	switch c.interval {
	case byMinute:
		return time.Minute
	case by10m:
		return 10 * time.Minute
	case byHour:
		return time.Hour
	}
	return 0
}

// start is the beginning of the bucket that t lies in.
func (c calendar) start(t time.Time) time.Time {
	t = t.In(c.zone)
	if step := c.step(); step > 0 {
		return floorLocal(t, step)
	}
	y, m, d := t.Date()
	switch c.interval {
	case byMonth:
		d = 1
	case byWeek:
		d -= (int(t.Weekday()) - int(c.weekday) + 7) % 7
	}
	return startOfDay(y, m, d, c.zone)
}

// next is the beginning of the bucket after the one that starts at start.
func (c calendar) next(start time.Time) time.Time {
	step := c.step()
	if step == 0 {
		return c.shift(start, 1)
	}
	next := roundLocal(start, step).Add(step)
	if _, change := start.ZoneBounds(); !change.IsZero() && change.Before(next) {
		return change
	}
	return next
}

// shift moves t by n buckets and keeps its place on the clock.
func (c calendar) shift(t time.Time, n int) time.Time {
	t = t.In(c.zone)
	if step := c.step(); step > 0 {
		return t.Add(time.Duration(n) * step)
	}
	y, m, d := t.Date()
	switch c.interval {
	case byMonth:
		m += time.Month(n)
		d = min(d, daysIn(y, m))
	case byWeek:
		d += 7 * n
	default:
		d += n
	}
	day := startOfDay(y, m, d, c.zone)
	return day.Add(t.Sub(startOfDay(t.Year(), t.Month(), t.Day(), c.zone)))
}

// bounds are the beginnings of every bucket that [from, to) touches, and the
// end of the last one. It gives up beyond limit buckets and returns nil.
func (c calendar) bounds(from, to time.Time, limit int) []time.Time {
	bounds := []time.Time{c.start(from)}
	for last := bounds[0]; last.Before(to); {
		last = c.next(last)
		bounds = append(bounds, last)
		if len(bounds) > limit+1 {
			return nil
		}
	}
	return bounds
}

// floorLocal rounds the local clock down to a multiple of step. A change of
// clocks begins a new bucket, where it does not fall on a multiple too.
func floorLocal(t time.Time, step time.Duration) time.Time {
	rounded := roundLocal(t, step)
	if change, _ := t.ZoneBounds(); rounded.Before(change) {
		return change
	}
	return rounded
}

// roundLocal rounds down as if the clocks had always shown what they show at t.
func roundLocal(t time.Time, step time.Duration) time.Time {
	_, offset := t.Zone()
	local := t.Unix() + int64(offset)
	seconds := int64(step / time.Second)
	return time.Unix(local-((local%seconds)+seconds)%seconds-int64(offset), 0).In(t.Location())
}

// startOfDay is the first instant of a local date. Where a change of clocks
// skips midnight that is later than 00:00; where it goes back over midnight, the
// first of the two, so that the minutes which read yesterday again are today's. The date may be out of its month's range, as with [time.Date].
func startOfDay(y int, m time.Month, d int, zone *time.Location) time.Time {
	noon := time.Date(y, m, d, 12, 0, 0, 0, zone)
	guess := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if sameDate(guess, noon) && !sameDate(guess.Add(-time.Second), noon) {
		return guess
	}
	before := noon.Add(-36 * time.Hour)
	for noon.Sub(before) > time.Second {
		middle := before.Add(noon.Sub(before) / 2).Truncate(time.Second)
		if sameDate(middle, time.Date(y, m, d, 12, 0, 0, 0, zone)) {
			noon = middle
		} else {
			before = middle
		}
	}
	return noon
}

func sameDate(a, b time.Time) bool {
	ay, am, ad := a.Date()
	by, bm, bd := b.Date()
	return ay == by && am == bm && ad == bd
}

func daysIn(y int, m time.Month) int { return time.Date(y, m+1, 0, 0, 0, 0, 0, time.UTC).Day() }
