package olap

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// The reference for video: it looks at every event of every user for each
// figure.

type refVideo struct {
	from, to time.Time
	fits     func(row) bool
	value    func(row) string // of the breakdown, "" is absent; nil without one
	limit    int
}

// refFigure reads a property as a number: a JSON number, or text that is
// nothing but one.
func refFigure(properties map[string]any, name string) (float64, bool) {
	switch v := properties[name].(type) {
	case float64:
		return v, true
	case string:
		f, err := strconv.ParseFloat(v, 64)
		return f, err == nil && refNumber.MatchString(v)
	}
	return 0, false
}

// watched is how far into the video an event is, and for how long it was seen.
func (f refVideo) watched(r row) (place, seconds float64) {
	var p map[string]any
	json.Unmarshal([]byte(r.properties), &p)
	percent, ok := refFigure(p, "percent")
	if !ok {
		position, ok1 := refFigure(p, "position_seconds")
		duration, ok2 := refFigure(p, "duration_seconds")
		if ok1 && ok2 && duration > 0 {
			percent = 100 * position / duration
		}
	}
	if r.kind == "video_complete" {
		percent = 100
	}
	seconds, _ = refFigure(p, "watched_seconds")
	return min(max(percent, 0), 100), max(seconds, 0)
}

func (f refVideo) figures(rows []row) VideoFigures {
	var out VideoFigures
	total := 0.0
	furthest := map[string]float64{}
	for _, r := range rows {
		switch r.kind {
		case "video_play":
			out.Plays++
		case "video_complete":
			out.Completions++
		}
		place, seconds := f.watched(r)
		furthest[r.user] = max(furthest[r.user], place)
		total += seconds
	}
	out.Users, out.CompletionRate, out.WatchSeconds = uint64(len(furthest)), rate(out.Completions, out.Plays), numberOf(total)
	for percent := 0; percent <= 100; percent += 5 {
		reached := VideoReach{Percent: percent}
		for _, place := range furthest {
			if place >= float64(percent) {
				reached.Users++
			}
		}
		out.DropOff = append(out.DropOff, reached)
	}
	return out
}

func (f refVideo) answer(rows []row) *VideoResult {
	mine := rowsWhere(rows, func(r row) bool {
		return !r.at.Before(f.from) && r.at.Before(f.to) && f.fits(r) && (r.kind == "video_play" || r.kind == "video_progress" || r.kind == "video_complete")
	})
	out := &VideoResult{VideoFigures: f.figures(mine)}
	if f.value == nil {
		return out
	}
	byValue := splitBy(mine, f.value)
	none := byValue[""]
	delete(byValue, "")
	names := sortedKeys(byValue)
	slices.SortStableFunc(names, func(a, b string) int {
		x, y := f.figures(byValue[a]), f.figures(byValue[b])
		return cmp.Or(cmp.Compare(y.Plays, x.Plays), cmp.Compare(y.Users, x.Users))
	})
	var others []row
	for i, name := range names {
		if i < f.limit {
			out.Breakdown = append(out.Breakdown, VideoGroup{name, f.figures(byValue[name])})
		} else {
			others = append(others, byValue[name]...)
		}
	}
	if len(others) > 0 {
		out.Breakdown = append(out.Breakdown, VideoGroup{labelOther, f.figures(others)})
	}
	if len(none) > 0 {
		out.Breakdown = append(out.Breakdown, VideoGroup{labelNone, f.figures(none)})
	}
	return out
}
