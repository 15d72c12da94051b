package olap

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxBuckets bounds the length of one series.
const maxBuckets = 20_000

// common are the fields that every question over time has.
type common struct {
	asked
	From      moment    `json:"from"`
	To        moment    `json:"to"`
	Zone      zone      `json:"timezone"`
	Where     condition `json:"where"`
	Interval  interval  `json:"interval"`
	WeekStart weekStart `json:"week_start"`
}

// defaultCommon is the last 30 days by day in UTC.
func defaultCommon() common {
	return common{
		From:     moment{text: "-30d", pointer: "/from"},
		To:       moment{text: "now", pointer: "/to"},
		Zone:     zone{time.UTC},
		Interval: byDay, WeekStart: "monday",
	}
}

// frame is a question's range on the clock: [from, to), and the buckets that it
// touches. bounds holds their beginnings and the end of the last one.
type frame struct {
	from, to time.Time
	calendar calendar
	bounds   []time.Time
	clock    clock
	missing  []timeRange // months whose windows are not complete
}

// span resolves the range alone, without buckets.
func (c common) span(now time.Time) (frame, error) {
	f := frame{
		calendar: calendar{interval: c.Interval, zone: c.Zone.Location, weekday: c.WeekStart.weekday()},
		clock:    clock{now: now, zone: c.Zone.Location},
	}
	var err error
	if f.from, err = c.From.resolve(now, c.Zone.Location); err != nil {
		return f, err
	}
	if f.to, err = c.To.resolve(now, c.Zone.Location); err != nil {
		return f, err
	}
	// Events are stored in milliseconds; finer bounds would only pretend.
	f.from, f.to = f.from.Truncate(time.Millisecond), f.to.Truncate(time.Millisecond)
	if !f.from.Before(f.to) {
		return f, faultf(CodeInvalidRange, "/from", "from (%s) is not before to (%s); to is exclusive, so a date means that day's first instant", stamp(f.from), stamp(f.to))
	}
	return f, nil
}

// frame resolves the range and cuts it into buckets.
func (c common) frame(now time.Time) (frame, error) {
	f, err := c.span(now)
	if err != nil {
		return f, err
	}
	if f.bounds = f.calendar.bounds(f.from, f.to, maxBuckets); f.bounds == nil {
		return f, faultf(CodeTooManyBuckets, "/interval", "%s from %s to %s makes more than %d buckets; choose a coarser interval or a shorter range",
			c.Interval, stamp(f.from), stamp(f.to), maxBuckets)
	}
	return f, nil
}

// buckets is how many buckets the range touches.
func (f frame) buckets() int { return len(f.bounds) - 1 }

// bucketAt finds the bucket that a cell names by its beginning.
func (f frame) bucketAt(m moment) (int, error) {
	t, err := m.resolve(f.clock.now, f.calendar.zone)
	if err != nil {
		return 0, err
	}
	i, found := slices.BinarySearchFunc(f.bounds[:f.buckets()], t, time.Time.Compare)
	if found {
		return i, nil
	}
	near := f.bounds[min(max(i-1, 0), f.buckets()-1)]
	return 0, faultf(CodeInvalidValue, m.pointer, "no bucket of the answer begins at %s; take a beginning from it, such as %s", m.text, stamp(near.In(f.calendar.zone)))
}

// previous is the range moved back on the calendar by the smallest number of
// whole buckets that clears it, so that bucket i compares with its counterpart
// even where the range cuts the first or the last one.
func (f frame) previous() frame {
	n := max(f.buckets()-2, 1)
	for f.calendar.shift(f.from, n).Before(f.to) {
		n++
	}
	p := f
	p.from, p.to = f.calendar.shift(f.from, -n), f.calendar.shift(f.to, -n)
	p.bounds = f.calendar.bounds(p.from, p.to, 2*maxBuckets)
	return p
}

// bucket renders the index of the bucket that an instant in milliseconds lies
// in. Boundaries are computed here, not in the store: its calendar functions
// have had faults around clock changes, and two calendars would disagree.
func (f frame) bucket(st *statement, milliseconds string) string {
	starts := milli(f.bounds[:f.buckets()])
	if step, even := evenStep(milli(f.bounds)); even {
		return fmt.Sprintf("intDiv(%s - %s, %s)", milliseconds, st.bind(starts[0]), st.bind(step))
	}
	return indexOf(st, milliseconds, starts)
}

// indexOf renders the index of the last start that is not after the instant.
func indexOf(st *statement, milliseconds string, starts []int64) string {
	indexes := make([]int64, len(starts))
	for i := range indexes {
		indexes[i] = int64(i)
	}
	bound := st.bind(starts)
	return fmt.Sprintf("transform(roundDown(%s, %s), %s, %s, toInt64(0))", milliseconds, bound, bound, st.bind(indexes))
}

// evenStep is the distance between neighbours where it is the same everywhere.
func evenStep(bounds []int64) (int64, bool) {
	step := bounds[1] - bounds[0]
	for i := 2; i < len(bounds); i++ {
		if bounds[i]-bounds[i-1] != step {
			return 0, false
		}
	}
	return step, true
}

func milli(times []time.Time) []int64 {
	out := make([]int64, len(times))
	for i, t := range times {
		out[i] = t.UnixMilli()
	}
	return out
}

// during renders the range.
func (f frame) during(st *statement) string { return during(st, f.from, f.to) }

func during(st *statement, from, to time.Time) string {
	return "timestamp >= " + st.bind(from) + " AND timestamp < " + st.bind(to)
}

// incomplete lists the buckets that the range cuts, and those whose end the
// watermark has not passed, so that they may still change.
func (f frame) incomplete(watermark *time.Time) []int {
	out := []int{}
	for i := range f.buckets() {
		cut := f.bounds[i].Before(f.from) || f.bounds[i+1].After(f.to)
		open := watermark == nil || f.bounds[i+1].After(*watermark)
		if cut || open {
			out = append(out, i)
		}
	}
	return out
}

// stamps writes the beginnings of the buckets in the question's zone.
func (f frame) stamps() []string {
	out := make([]string, f.buckets())
	for i := range out {
		out[i] = stamp(f.bounds[i].In(f.calendar.zone))
	}
	return out
}

// stamp writes a time as RFC 3339, with milliseconds only where there are any.
func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.999Z07:00") }

// allOf joins conditions; those that are always true are left out.
func allOf(conditions ...string) string {
	var kept []string
	for _, c := range conditions {
		if c != "1" && c != "" {
			kept = append(kept, c)
		}
	}
	if len(kept) == 0 {
		return "1"
	}
	return strings.Join(kept, " AND ")
}
