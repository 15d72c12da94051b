package olap

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// paths asks which way people take from item to item.
type paths struct {
	common
	Kind_   string        `json:"kind"`
	Start   itemName      `json:"start"`
	End     itemName      `json:"end"`
	Steps   int           `json:"steps"`
	Limit   int           `json:"limit"`
	By      countBy       `json:"by"`
	Gap     duration      `json:"gap"`
	Items   itemKind      `json:"items"`
	Exclude []itemPattern `json:"exclude"`
	Group   []itemPattern `json:"group"`
}

// itemName is an item as an answer names it; empty where none is given.
type itemName string

func (n *itemName) decodeJSON(raw json.RawMessage, pointer string) error {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return faultf(CodeWrongType, pointer, `%s is not an item; write its name, such as "purchase" or "/cart"`, shorten(raw))
	}
	if text == "" {
		return faultf(CodeInvalidValue, pointer, "the item's name is empty; leave it out for any")
	}
	*n = itemName(text)
	return nil
}

// itemKind says what an event is called on a path.
type itemKind string

const (
	itemsAuto  itemKind = "auto"  // the page of a page_view or screen_view, the type of other events
	itemsEvent itemKind = "event" // the type
	itemsPage  itemKind = "page"  // the page, of every event that has one
)

func (k *itemKind) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, k, itemsAuto, itemsEvent, itemsPage)
}

// itemPattern is a name in which * stands for any text, none included.
type itemPattern string

func (p *itemPattern) decodeJSON(raw json.RawMessage, pointer string) error {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return faultf(CodeWrongType, pointer, `%s is not a pattern; write a name, in which * stands for any text, such as "/product/*"`, shorten(raw))
	}
	if text == "" {
		return faultf(CodeInvalidValue, pointer, `the pattern is empty; write a name, in which * stands for any text, such as "/product/*"`)
	}
	*p = itemPattern(text)
	return nil
}

// like is the pattern in the terms of SQL's LIKE.
func (p itemPattern) like() string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`, "*", "%").Replace(string(p))
}

func (p itemPattern) matches(item itemName) bool {
	expression := "(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(string(p)), `\*`, ".*") + "$"
	return regexp.MustCompile(expression).MatchString(string(item))
}

// Bounds of a question about paths.
const (
	maxPathSteps    = 20
	maxPathEdges    = 1000
	maxPathPatterns = 50
	maxPathGap      = 365 * 24 * time.Hour
)

func parsePaths(data []byte) (Query, error) {
	p := &paths{common: defaultCommon(), Steps: 5, Limit: 50, By: "session", Gap: duration{sessionGap}, Items: itemsAuto}
	if err := decodeStrict(data, p); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return p, nil
}

// Kind is "paths".
func (p *paths) Kind() string { return "paths" }

func (p *paths) check() error {
	switch {
	case p.Steps < 1 || p.Steps > maxPathSteps:
		return faultf(CodeInvalidValue, "/steps", "%d is not between 1 and %d steps", p.Steps, maxPathSteps)
	case p.Limit < 1 || p.Limit > maxPathEdges:
		return faultf(CodeInvalidValue, "/limit", "%d is not between 1 and %d edges", p.Limit, maxPathEdges)
	case p.Gap.Duration < time.Second || p.Gap.Duration > maxPathGap:
		return faultf(CodeInvalidValue, "/gap", `a gap lies between "1s" and "365d"; "30m" is usual`)
	case p.Start != "" && p.Start == p.End:
		return faultf(CodeInvalidValue, "/end", "a path from %q ends there at once; leave start or end out", p.End)
	}
	if err := p.checkPatterns(); err != nil {
		return err
	}
	for _, end := range []struct {
		pointer string
		item    itemName
	}{{"/start", p.Start}, {"/end", p.End}} {
		if err := p.checkReachable(end.pointer, end.item); err != nil {
			return err
		}
	}
	return checkRange(p.common, p.span)
}

func (p *paths) checkPatterns() error {
	for _, list := range []struct {
		pointer  string
		patterns []itemPattern
	}{{"/exclude", p.Exclude}, {"/group", p.Group}} {
		if len(list.patterns) > maxPathPatterns {
			return faultf(CodeInvalidValue, list.pointer, "%d patterns are too many; %d are taken at most", len(list.patterns), maxPathPatterns)
		}
	}
	for i, pattern := range p.Group {
		if !strings.Contains(string(pattern), "*") {
			return faultf(CodeInvalidValue, fmt.Sprintf("/group/%d", i), `%q groups nothing but itself; put a * where names differ, such as "%s*"`, pattern, pattern)
		}
	}
	return nil
}

// checkReachable finds a start or an end that no path can have.
func (p *paths) checkReachable(pointer string, item itemName) error {
	if item == "" {
		return nil
	}
	for _, pattern := range p.Exclude {
		if pattern.matches(item) {
			return faultf(CodeInvalidValue, pointer, "%q is excluded by %q; drop one of them", item, pattern)
		}
	}
	for _, pattern := range p.Group {
		if !pattern.matches(item) {
			continue
		}
		if string(item) != string(pattern) {
			return faultf(CodeInvalidValue, pointer, "%q is counted as its group %q; name the group, or drop it", item, pattern)
		}
		return nil
	}
	return nil
}

// PathsResult is the answer to a question about paths.
type PathsResult struct {
	// Edges are the most frequent steps from one item to another, those with
	// most paths first.
	Edges []PathEdge `json:"edges"`
	// Paths is how many paths there are, also those of a single item; Users is
	// whose they are.
	Paths uint64 `json:"paths"`
	Users uint64 `json:"users"`
	// LeftOut is what the limit cut from Edges.
	LeftOut PathsLeftOut `json:"left_out"`
}

func (*PathsResult) result() {}

// PathEdge is a step from one item to the next.
type PathEdge struct {
	Step int    `json:"step"` // from 1
	From string `json:"from"`
	To   string `json:"to"`
	// Count is how many paths take this step here, Users how many users do.
	Count uint64 `json:"count"`
	Users uint64 `json:"users"`
	// AverageSeconds is the time from reaching From to reaching To.
	AverageSeconds number `json:"average_seconds"`
}

// PathsLeftOut tells how many edges are not shown, and how often they are taken.
type PathsLeftOut struct {
	Edges uint64 `json:"edges"`
	Count uint64 `json:"count"`
}

func (p *paths) answer(ctx context.Context, r *run) (Result, error) {
	f, err := p.span(r.now)
	if err != nil {
		return nil, err
	}
	r.describe(f)
	st := newStatement()
	if err := p.edges(st, f); err != nil {
		return nil, err
	}
	out := &PathsResult{Edges: []PathEdge{}}
	var rows, taken uint64 // all of them, the paths' own among them
	err = r.each(ctx, st, func(cursor driver.Rows) error {
		var e PathEdge
		var step uint8
		var seconds string
		err := cursor.Scan(&step, &e.From, &e.To, &e.Count, &e.Users, &seconds, &rows, &taken)
		if e.Step, e.AverageSeconds = int(step), parseNumber(seconds); step > 0 {
			out.Edges = append(out.Edges, e)
		} else {
			out.Paths, out.Users = e.Count, e.Users
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out.cut(rows, taken)
	p.warn(r, out)
	return out, nil
}

// cut finds what the limit left out, from the number of all rows and the sum of
// their counts.
func (out *PathsResult) cut(rows, taken uint64) {
	if rows == 0 {
		return
	}
	out.LeftOut = PathsLeftOut{Edges: rows - 1 - uint64(len(out.Edges)), Count: taken - out.Paths}
	for _, e := range out.Edges {
		out.LeftOut.Count -= e.Count
	}
}

func (p *paths) warn(r *run, out *PathsResult) {
	if n := out.LeftOut; n.Edges > 0 {
		r.warn("shown are the %d most frequent edges; the limit leaves out %d more, which were taken %d times", len(out.Edges), n.Edges, n.Count)
	}
	if out.Paths > 0 || r.collecting {
		return
	}
	for _, item := range []itemName{p.Start, p.End} {
		if item != "" {
			r.warn("no path has %q; items are named as the answer without start and end shows them", item)
		}
	}
}
