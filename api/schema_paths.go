package api

import "time"

// The questions about sequences: paths and sessions. As in schema.go, nothing is
// decoded into these types.

const (
	examplePaths    = `{"kind":"paths","from":"-7d","start":"/","steps":4,"group":["/product/*"]}`
	exampleSessions = `{"kind":"sessions","from":"-30d","interval":"day","breakdown":{"property":"platform"}}`
)

// PathsQuery asks which way people take from item to item.
type PathsQuery struct {
	QueryRange
	Kind    string   `json:"kind" enum:"paths"`
	Start   string   `json:"start,omitempty" minLength:"1" doc:"Paths begin at its first occurrence; those without it do not count." example:"/"`
	End     string   `json:"end,omitempty" minLength:"1" doc:"Paths stop at its first occurrence; those without it do not count. Without start, the last steps before it are followed." example:"purchase"`
	Steps   int      `json:"steps,omitempty" default:"5" minimum:"1" maximum:"20" doc:"How many steps of a path are followed."`
	Limit   int      `json:"limit,omitempty" default:"50" minimum:"1" maximum:"1000" doc:"Most frequent edges shown; what is left out is counted."`
	By      string   `json:"by,omitempty" enum:"session,user" default:"session" doc:"Whose events make a sequence."`
	Gap     string   `json:"gap,omitempty" default:"30m" doc:"A longer silence between two items begins a new path; from 1s to 365d." example:"30m"`
	Items   string   `json:"items,omitempty" enum:"auto,event,page" default:"auto" doc:"What an event is called: the page of a page_view or screen_view and the type of others, always the type, or the page of every event that has one."`
	Exclude []string `json:"exclude,omitempty" maxItems:"50" doc:"Items that are left out; * stands for any text." example:"[\"error\"]"`
	Group   []string `json:"group,omitempty" maxItems:"50" doc:"Patterns whose items count as one, called by the pattern; the first that matches." example:"[\"/product/*\"]"`
}

// PathsAnswer is the answer to a question about paths.
type PathsAnswer struct {
	Kind   string      `json:"kind" enum:"paths"`
	Result PathsResult `json:"result"`
	Meta   AnswerMeta  `json:"meta"`
}

// PathsResult holds the most frequent steps from one item to the next.
type PathsResult struct {
	Edges   []PathEdge   `json:"edges" doc:"Most frequent first."`
	Paths   uint64       `json:"paths" doc:"How many paths there are, those of a single item among them."`
	Users   uint64       `json:"users" doc:"Whose paths they are."`
	LeftOut PathsLeftOut `json:"left_out" doc:"What limit left out."`
}

// PathEdge is a step from one item to the next.
type PathEdge struct {
	Step           int      `json:"step" minimum:"1" doc:"From 1."`
	From           string   `json:"from" example:"/"`
	To             string   `json:"to" example:"/cart"`
	Count          uint64   `json:"count" doc:"Paths that take this step here."`
	Users          uint64   `json:"users" doc:"Different users who do."`
	AverageSeconds *float64 `json:"average_seconds" doc:"From reaching from to reaching to."`
}

// PathsLeftOut is what limit left out.
type PathsLeftOut struct {
	Edges uint64 `json:"edges" doc:"How many."`
	Count uint64 `json:"count" doc:"How often they were taken."`
}

// SessionsQuery asks how many sessions there were and what they were like.
type SessionsQuery struct {
	QueryRange
	Kind      string          `json:"kind" enum:"sessions"`
	Gap       string          `json:"gap,omitempty" default:"30m" doc:"A longer silence ends a session of events without session_id; from 1s to 24h." example:"30m"`
	Breakdown *QueryBreakdown `json:"breakdown,omitempty" doc:"By the value of the session's first event that carries one."`
}

// SessionsAnswer is the answer to a question about sessions.
type SessionsAnswer struct {
	Kind   string         `json:"kind" enum:"sessions"`
	Result SessionsResult `json:"result"`
	Meta   AnswerMeta     `json:"meta"`
}

// SessionsResult holds one line per value of the breakdown, or a single one.
type SessionsResult struct {
	Buckets    []time.Time    `json:"buckets" doc:"Start of each bucket. A session belongs to that of its beginning."`
	Series     []SessionsLine `json:"series" doc:"Largest first, then (other) and (none)."`
	Incomplete []int          `json:"incomplete" doc:"Indexes of buckets that the range cuts or that may still change, also because one of their sessions may go on."`
}

// SessionsLine has one figure per bucket in each list.
type SessionsLine struct {
	Breakdown        string          `json:"breakdown,omitempty"`
	Count            []uint64        `json:"count" doc:"Sessions that began in the bucket."`
	Users            []uint64        `json:"users" doc:"Different users whose they were."`
	MedianSeconds    []*float64      `json:"median_seconds" doc:"From a session's first event to its last; null where none began."`
	AverageSeconds   []*float64      `json:"average_seconds"`
	EventsPerSession []*float64      `json:"events_per_session" doc:"Average."`
	BounceRate       []*float64      `json:"bounce_rate" doc:"Share of sessions with one event only."`
	Total            SessionsFigures `json:"total" doc:"Over the whole range; each user counts once."`
}

// SessionsFigures are the sessions of the whole range.
type SessionsFigures struct {
	Count            uint64   `json:"count"`
	Users            uint64   `json:"users"`
	MedianSeconds    *float64 `json:"median_seconds"`
	AverageSeconds   *float64 `json:"average_seconds"`
	EventsPerSession *float64 `json:"events_per_session"`
	BounceRate       *float64 `json:"bounce_rate"`
}
