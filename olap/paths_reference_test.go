package olap

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"
)

// The reference for paths: it walks each path and notes every step.

type refPaths struct {
	from, to       time.Time
	start, end     string
	steps, limit   int
	session        bool
	gap            time.Duration
	item           func(row) string // "" is no item
	exclude, group []string         // patterns without / in names, so that path.Match does
}

type refVisit struct {
	item string
	at   time.Time
}

// all are the paths of one sequence of events.
func (f refPaths) all(events []row) [][]refVisit {
	var out [][]refVisit
	var last time.Time
	for _, e := range events {
		item := f.item(e)
		if e.at.Before(f.from) || !e.at.Before(f.to) || item == "" || slices.ContainsFunc(f.exclude, func(p string) bool { return matches(p, item) }) {
			continue
		}
		if i := slices.IndexFunc(f.group, func(p string) bool { return matches(p, item) }); i >= 0 {
			item = f.group[i]
		}
		if last.IsZero() || e.at.Sub(last) > f.gap {
			out = append(out, nil)
		}
		last = e.at
		if p := &out[len(out)-1]; len(*p) == 0 || (*p)[len(*p)-1].item != item {
			*p = append(*p, refVisit{item, e.at})
		}
	}
	var kept [][]refVisit
	for _, p := range out {
		if p = f.ends(p); p != nil {
			kept = append(kept, p)
		}
	}
	return kept
}

func matches(pattern, item string) bool {
	ok, err := path.Match(pattern, item)
	return err == nil && ok
}

// ends cuts a path to what is followed; nil where it does not count.
func (f refPaths) ends(p []refVisit) []refVisit {
	is := func(item string) func(refVisit) bool { return func(v refVisit) bool { return v.item == item } }
	if f.start != "" {
		i := slices.IndexFunc(p, is(f.start))
		if i < 0 {
			return nil
		}
		p = p[i:]
	}
	if f.end != "" {
		i := slices.IndexFunc(p, is(f.end))
		if i < 0 {
			return nil
		}
		p = p[:i+1]
	}
	if f.end != "" && f.start == "" {
		return p[max(0, len(p)-f.steps-1):]
	}
	return p[:min(len(p), f.steps+1)]
}

func (f refPaths) answer(rows []row) *PathsResult {
	out := &PathsResult{Edges: []PathEdge{}}
	type edge struct {
		step     int
		from, to string
	}
	seconds, users, everybody := map[edge][]float64{}, map[edge]map[string]bool{}, map[string]bool{}
	for _, events := range splitBy(rows, func(r row) string {
		if f.session {
			return r.user + "/" + r.session
		}
		return r.user
	}) {
		for _, p := range f.all(events) {
			out.Paths++
			everybody[events[0].user] = true
			for i := range p[1:] {
				e := edge{i + 1, p[i].item, p[i+1].item}
				seconds[e] = append(seconds[e], p[i+1].at.Sub(p[i].at).Seconds())
				if users[e] == nil {
					users[e] = map[string]bool{}
				}
				users[e][events[0].user] = true
			}
		}
	}
	out.Users = uint64(len(everybody))
	for e, s := range seconds {
		out.Edges = append(out.Edges, PathEdge{e.step, e.from, e.to, uint64(len(s)), uint64(len(users[e])), numberOf(mean(s))})
	}
	slices.SortFunc(out.Edges, func(a, b PathEdge) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Step, b.Step), strings.Compare(a.From, b.From), strings.Compare(a.To, b.To))
	})
	for _, e := range out.Edges[min(f.limit, len(out.Edges)):] {
		out.LeftOut.Edges++
		out.LeftOut.Count += e.Count
	}
	out.Edges = out.Edges[:min(f.limit, len(out.Edges))]
	return out
}
