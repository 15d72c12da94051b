package olap

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// The reference for sessions: it cuts each user's events by hand.

type refSessions struct {
	from, to time.Time
	bounds   []time.Time
	gap      time.Duration
	fits     func(row) bool
	value    func(row) string // of the breakdown, "" is absent; nil without one
	limit    int
}

// refSession is one session, with the events that the question's condition lets
// through.
type refSession struct {
	user   string
	events []row
}

func (s refSession) begun() time.Time { return s.events[0].at }
func (s refSession) ended() time.Time { return s.events[len(s.events)-1].at }

// all are the sessions that begin in the range.
func (f refSessions) all(rows []row) []refSession {
	known := rowsWhere(rows, func(r row) bool {
		return !r.at.Before(f.from.Add(-24*time.Hour)) && r.at.Before(f.to.Add(24*time.Hour))
	})
	var out []refSession
	for user, history := range byUser(known) {
		visit := 0
		var last time.Time
		sessions := map[string][]row{}
		for _, r := range history {
			name := r.session
			if name == "" {
				if !last.IsZero() && r.at.Sub(last) > f.gap {
					visit++
				}
				last = r.at
				name = fmt.Sprint("visit ", visit)
			}
			if f.fits(r) {
				sessions[name] = append(sessions[name], r)
			}
		}
		for _, events := range sessions {
			if s := (refSession{user, events}); !s.begun().Before(f.from) && s.begun().Before(f.to) {
				out = append(out, s)
			}
		}
	}
	return out
}

// lines are the answer's lines, in order.
func (f refSessions) lines(rows []row) []SessionsLine {
	all := f.all(rows)
	if f.value == nil {
		return []SessionsLine{f.line(nil, all)}
	}
	byValue := map[string][]refSession{}
	for _, s := range all {
		byValue[f.valueOf(s)] = append(byValue[f.valueOf(s)], s)
	}
	none := byValue[""]
	delete(byValue, "")
	names := sortedKeys(byValue)
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(len(byValue[b]), len(byValue[a])) })
	out := []SessionsLine{}
	var others []refSession
	for i, name := range names {
		if i < f.limit {
			out = append(out, f.line(&name, byValue[name]))
		} else {
			others = append(others, byValue[name]...)
		}
	}
	other, absent := labelOther, labelNone
	if len(others) > 0 {
		out = append(out, f.line(&other, others))
	}
	if len(none) > 0 {
		out = append(out, f.line(&absent, none))
	}
	return out
}

func (f refSessions) valueOf(s refSession) string {
	for _, e := range s.events {
		if v := f.value(e); v != "" {
			return v
		}
	}
	return ""
}

func (f refSessions) line(label *string, sessions []refSession) SessionsLine {
	l := SessionsLine{Breakdown: label, Total: f.figures(sessions)}
	for i := range len(f.bounds) - 1 {
		var in []refSession
		for _, s := range sessions {
			if !s.begun().Before(f.bounds[i]) && s.begun().Before(f.bounds[i+1]) {
				in = append(in, s)
			}
		}
		b := f.figures(in)
		l.Count, l.Users = append(l.Count, b.Count), append(l.Users, b.Users)
		l.MedianSeconds, l.AverageSeconds = append(l.MedianSeconds, b.MedianSeconds), append(l.AverageSeconds, b.AverageSeconds)
		l.EventsPerSession, l.BounceRate = append(l.EventsPerSession, b.EventsPerSession), append(l.BounceRate, b.BounceRate)
	}
	return l
}

func (f refSessions) figures(sessions []refSession) SessionsFigures {
	users := map[string]bool{}
	var seconds, events, bounces []float64
	for _, s := range sessions {
		users[s.user] = true
		seconds = append(seconds, s.ended().Sub(s.begun()).Seconds())
		events = append(events, float64(len(s.events)))
		bounces = append(bounces, map[bool]float64{true: 1}[len(s.events) == 1])
	}
	return SessionsFigures{
		Count: uint64(len(sessions)), Users: uint64(len(users)), MedianSeconds: numberOf(percentile(seconds, 0.5)), AverageSeconds: numberOf(mean(seconds)),
		EventsPerSession: numberOf(mean(events)), BounceRate: numberOf(mean(bounces)),
	}
}
