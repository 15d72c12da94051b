package api

import "time"

// The questions about who comes back: retention, lifecycle and stickiness. As in
// schema.go, nothing is decoded into these types.

const (
	exampleRetention  = `{"kind":"retention","from":"-12w","interval":"week","periods":8,"start":{"event":"signup"},"return":{"event":"purchase"}}`
	exampleLifecycle  = `{"kind":"lifecycle","from":"-12w","interval":"week","event":"view"}`
	exampleStickiness = `{"kind":"stickiness","from":"-14d","event":"view"}`
)

// RetentionQuery asks how many of the users who started come back, and when.
type RetentionQuery struct {
	QueryRange
	Kind           string          `json:"kind" enum:"retention"`
	Start          RetentionEvent  `json:"start" doc:"The event that puts a user into the cohort of its bucket. The range says which starts count."`
	Return         RetentionEvent  `json:"return" doc:"The event that brings a user back, also after the range."`
	Periods        int             `json:"periods,omitempty" default:"8" minimum:"1" maximum:"400" doc:"How many periods are shown, period 0 included."`
	Cohort         string          `json:"cohort,omitempty" enum:"first_ever,first_in_range,recurring" default:"first_ever" doc:"A user's cohort: of the first start of all time if it lies in the range, of the first in the range, or every one with a start."`
	Count          string          `json:"count,omitempty" enum:"on,on_or_after" default:"on" doc:"on_or_after counts a user at a period who returned in it or in a later one of those shown."`
	MinOccurrences int             `json:"min_occurrences,omitempty" default:"1" minimum:"1" maximum:"1000000" doc:"How many returns a period needs."`
	PeriodsFrom    string          `json:"periods_from,omitempty" enum:"calendar,24h" default:"calendar" doc:"Periods are the buckets that follow the cohort's, or 24 hours each from the user's own start."`
	Breakdown      *QueryBreakdown `json:"breakdown,omitempty" doc:"A table for each value; start and return must carry the same one."`
}

// RetentionEvent says which events start, or are a return.
type RetentionEvent struct {
	Event EventChoice `json:"event,omitempty" doc:"Which events; null means any."`
	Where string      `json:"where,omitempty" doc:"An expression beside that of the question."`
}

// RetentionAnswer is the answer to a retention question.
type RetentionAnswer struct {
	Kind   string          `json:"kind" enum:"retention"`
	Result RetentionResult `json:"result"`
	Meta   AnswerMeta      `json:"meta"`
}

// RetentionResult holds the table of all users, and one per value of the breakdown.
type RetentionResult struct {
	RetentionTable

	Breakdown []RetentionGroup `json:"breakdown,omitempty" doc:"Largest first, then (other) and (none)."`
}

// RetentionGroup is the table of one value.
type RetentionGroup struct {
	RetentionTable

	Value string `json:"value" example:"IN"`
}

// RetentionTable has one row per cohort.
type RetentionTable struct {
	Rows     []RetentionRow    `json:"rows" doc:"Every bucket of the range is present."`
	Combined RetentionCombined `json:"combined" doc:"All cohorts taken together."`
}

// RetentionRow is one cohort.
type RetentionRow struct {
	Cohort     time.Time `json:"cohort" doc:"Start of its bucket."`
	Cut        bool      `json:"cut,omitempty" doc:"The range covers only a part of the bucket."`
	Size       uint64    `json:"size" doc:"Users in the cohort."`
	Values     []uint64  `json:"values" doc:"Users per period; that of period 0 is the size."`
	Incomplete []int     `json:"incomplete" doc:"Periods whose value may still change."`
}

// RetentionCombined adds the cohorts up.
type RetentionCombined struct {
	Size       uint64     `json:"size" doc:"Of all cohorts together."`
	Values     []uint64   `json:"values" doc:"Sum over the cohorts for which the period is complete; of all for period 0."`
	Sizes      []uint64   `json:"sizes" doc:"Sum of the sizes of the same cohorts."`
	Rates      []*float64 `json:"rates" doc:"values by sizes; null where there is nobody."`
	Incomplete []int      `json:"incomplete" doc:"Periods that are not complete for every cohort."`
}

// LifecycleQuery asks who is new, came back or stayed away.
type LifecycleQuery struct {
	QueryRange
	Kind  string      `json:"kind" enum:"lifecycle"`
	Event EventChoice `json:"event,omitempty" doc:"What counts as being active; null means any event."`
}

// LifecycleAnswer is the answer to a lifecycle question.
type LifecycleAnswer struct {
	Kind   string          `json:"kind" enum:"lifecycle"`
	Result LifecycleResult `json:"result"`
	Meta   AnswerMeta      `json:"meta"`
}

// LifecycleResult has one figure per bucket and state. New, returning and
// resurrecting together are the active users.
type LifecycleResult struct {
	Buckets      []time.Time `json:"buckets" doc:"Start of each bucket; every bucket of the range is present."`
	New          []int64     `json:"new" doc:"Users whose first event of all time lies in the bucket."`
	Returning    []int64     `json:"returning" doc:"Active in the bucket before too."`
	Resurrecting []int64     `json:"resurrecting" doc:"Active, neither new nor active in the bucket before."`
	Dormant      []int64     `json:"dormant" doc:"Active in the bucket before and not in this one, as negative numbers."`
	Incomplete   []int       `json:"incomplete" doc:"Indexes of buckets that the range cuts or that may still change."`
}

// StickinessQuery asks in how many intervals users are active.
type StickinessQuery struct {
	QueryRange
	Kind  string      `json:"kind" enum:"stickiness"`
	Event EventChoice `json:"event,omitempty" doc:"What counts as being active; null means any event."`
}

// StickinessAnswer is the answer to a stickiness question.
type StickinessAnswer struct {
	Kind   string           `json:"kind" enum:"stickiness"`
	Result StickinessResult `json:"result"`
	Meta   AnswerMeta       `json:"meta"`
}

// StickinessResult has one figure per number of intervals.
type StickinessResult struct {
	Intervals  []int    `json:"intervals" doc:"From 1 to the number of intervals that the range touches."`
	Users      []uint64 `json:"users" doc:"Active in exactly that many of them."`
	Incomplete []int    `json:"incomplete" doc:"Every index while the range cuts an interval or reaches past the watermark, else none."`
}
