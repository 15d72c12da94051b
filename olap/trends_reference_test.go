package olap

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The reference for trends: it walks time minute by minute and filters all
// events anew for every figure. Slow, and obvious.

type refTrend struct {
	from, to  time.Time
	zone      *time.Location
	interval  interval
	weekStart time.Weekday
	fits      func(row) bool // event and where
	measure   measure
	per       unit
	property  func(row) (text string, ok bool)
	breakdown func(row) string // "" is absent; nil without a breakdown
	sum       bool             // cumulative
}

// bucketKey names the bucket of an instant by its local calendar.
func (f refTrend) bucketKey(t time.Time) string {
	t = t.In(f.zone)
	switch f.interval {
	case byMinute:
		return t.Format("2006-01-02 15:04 -0700")
	case by10m:
		return t.Format("2006-01-02 15:") + strconv.Itoa(t.Minute()/10) + t.Format(" -0700")
	case byHour:
		return t.Format("2006-01-02 15 -0700")
	case byDay:
		return t.Format("2006-01-02")
	case byMonth:
		return t.Format("2006-01")
	}
	noon := time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC)
	for noon.Weekday() != f.weekStart {
		noon = noon.AddDate(0, 0, -1)
	}
	return noon.Format("2006-01-02")
}

// buckets lists the keys of the range, and when each ends on the calendar.
func (f refTrend) buckets() (keys []string, ends []time.Time) {
	for t := f.from; t.Before(f.to) || f.bucketKey(t) == keys[len(keys)-1]; t = t.Truncate(time.Minute).Add(time.Minute) {
		key := f.bucketKey(t)
		if len(keys) == 0 || keys[len(keys)-1] != key {
			keys, ends = append(keys, key), append(ends, t)
		}
		ends[len(ends)-1] = t.Truncate(time.Minute).Add(time.Minute)
	}
	return keys, ends
}

// series computes one line; group "" and no breakdown means all events.
func (f refTrend) series(rows []row, in func(row) bool) (values []number, total number) {
	keys, ends := f.buckets()
	mine := f.selected(rows, in)
	for i, key := range keys {
		bucket := func(r row) bool {
			return f.during(r) && (f.bucketKey(r.at) == key || f.sum && slices.Index(keys, f.bucketKey(r.at)) < i)
		}
		values = append(values, f.figure(mine, rows, bucket, ends[i]))
	}
	return values, f.figure(mine, rows, f.during, f.to)
}

func (f refTrend) selected(rows []row, in func(row) bool) []row {
	var out []row
	for _, r := range rows {
		if f.fits(r) && in(r) {
			out = append(out, r)
		}
	}
	return out
}

func (f refTrend) during(r row) bool { return !r.at.Before(f.from) && r.at.Before(f.to) }

// figure measures the events of one bucket.
func (f refTrend) figure(mine, all []row, bucket func(row) bool, end time.Time) number {
	if days := f.measure.activeDays(); days > 0 {
		e := end.In(f.zone)
		begin := time.Date(e.Year(), e.Month(), e.Day()-days, e.Hour(), e.Minute(), e.Second(), e.Nanosecond(), f.zone)
		bucket = func(r row) bool { return !r.at.Before(begin) && r.at.Before(end) && r.at.Before(f.to) }
	}
	var in []row
	for _, r := range mine {
		if bucket(r) {
			in = append(in, r)
		}
	}
	switch f.measure {
	case measureTotal:
		return countOf(int64(len(in)))
	case measureUsers, measureWeekly, measureMonthly:
		return countOf(int64(len(splitBy(in, func(r row) string { return r.user }))))
	case measureSessions:
		return countOf(int64(len(splitBy(in, f.session(all)))))
	case measureUnique:
		seen := map[string]bool{}
		for _, r := range in {
			if text, ok := f.property(r); ok {
				seen[text] = true
			}
		}
		return countOf(int64(len(seen)))
	}
	return f.numeric(in, f.session(all))
}

func (f refTrend) numeric(in []row, session func(row) string) number {
	units := map[string][]row{}
	switch f.per {
	case perUser:
		units = splitBy(in, func(r row) string { return r.user })
	case perSession:
		units = splitBy(in, session)
	default:
		for i, r := range in {
			units[fmt.Sprint(i)] = []row{r}
		}
	}
	var figures []float64
	for _, rs := range units {
		sum, numbers := 0.0, 0
		for _, r := range rs {
			if f.property == nil {
				sum++
			} else if text, ok := f.property(r); ok && refNumber.MatchString(text) {
				v, _ := strconv.ParseFloat(text, 64)
				sum, numbers = sum+v, numbers+1
			}
		}
		if f.per != perEvent || numbers > 0 {
			figures = append(figures, sum)
		}
	}
	return f.over(figures)
}

var refNumber = regexp.MustCompile(`^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$`)

func (f refTrend) over(figures []float64) number {
	if f.measure == measureSum {
		return numberOf(mean(figures) * float64(len(figures))).or(countOf(0))
	}
	if len(figures) == 0 {
		return number{}
	}
	switch f.measure {
	case measureAvg:
		return numberOf(mean(figures))
	case measureMin:
		return numberOf(slices.Min(figures))
	case measureMax:
		return numberOf(slices.Max(figures))
	}
	level := map[measure]float64{measureMedian: 0.5, measureP90: 0.9, measureP95: 0.95, measureP99: 0.99}[f.measure]
	return numberOf(percentile(figures, level))
}

func (n number) or(other number) number {
	if n.text == "" {
		return other
	}
	return n
}

// session names the session of an event: its id, or the number of the visit
// among the user's events of the range without one.
func (f refTrend) session(all []row) func(row) string {
	visits := map[string][]time.Time{}
	for _, r := range all {
		if r.session == "" && f.during(r) {
			visits[r.user] = append(visits[r.user], r.at)
		}
	}
	for _, times := range visits {
		slices.SortFunc(times, time.Time.Compare)
	}
	return func(r row) string {
		if r.session != "" {
			return r.user + "/" + r.session
		}
		visit := 0
		for i, t := range visits[r.user] {
			if i > 0 && !t.After(r.at) && t.Sub(visits[r.user][i-1]) > 30*time.Minute {
				visit++
			}
		}
		return fmt.Sprint(r.user, " visit ", visit)
	}
}

// newUsers counts users by their first event of all time.
func (f refTrend) newUsers(rows []row, in func(row) bool) (values []number, total number) {
	keys, _ := f.buckets()
	counts, sum := make([]int64, len(keys)), int64(0)
	for _, history := range byUser(f.selected(rows, func(row) bool { return true })) {
		slices.SortStableFunc(history, func(a, b row) int { return strings.Compare(a.id, b.id) })
		slices.SortStableFunc(history, func(a, b row) int { return a.at.Compare(b.at) })
		if first := history[0]; f.during(first) && in(first) {
			counts[slices.Index(keys, f.bucketKey(first.at))]++
			sum++
		}
	}
	running := int64(0)
	for _, n := range counts {
		if running += n; !f.sum {
			running = n
		}
		values = append(values, countOf(running))
	}
	return values, countOf(sum)
}

// sameNumber allows for the last digits of floating point.
func sameNumber(a, b number) bool {
	x, okX := a.float()
	y, okY := b.float()
	if !okX || !okY {
		return okX == okY
	}
	return math.Abs(x-y) <= 1e-9*math.Max(1, math.Abs(x))
}

// before is the range that "previous" means: moved back by the fewest buckets
// that clear it. Nil where clocks change, which this arithmetic ignores.
func (f refTrend) before() *refTrend {
	_, a := f.from.AddDate(0, -3, 0).In(f.zone).Zone()
	_, b := f.to.In(f.zone).Zone()
	if a != b {
		return nil
	}
	for n := 1; ; n++ {
		back := func(t time.Time) time.Time {
			t = t.In(f.zone)
			switch f.interval {
			case byMonth:
				return t.AddDate(0, -n, 0)
			case byWeek:
				return t.AddDate(0, 0, -7*n)
			case byDay:
				return t.AddDate(0, 0, -n)
			}
			return t.Add(-time.Duration(n) * map[interval]time.Duration{byMinute: time.Minute, by10m: 10 * time.Minute, byHour: time.Hour}[f.interval])
		}
		if !back(f.to).After(f.from) {
			p := f
			p.from, p.to = back(f.from), back(f.to)
			if p.from.Day() > 28 || p.to.Day() > 28 || f.from.In(f.zone).Day() > 28 || f.to.In(f.zone).Day() > 28 {
				return nil // months of different length
			}
			return &p
		}
	}
}
