package api

import "time"

// TextQuery is a question as a line of the query language.
type TextQuery struct {
	Kind string `json:"kind" enum:"text"`
	Q    string `json:"q" doc:"The question. Faults name the column." example:"funnel view > add_to_cart > purchase within 1d last 30d"`
}

// Estimate is what a question would read.
type Estimate struct {
	Rows  uint64 `json:"rows"`
	Bytes uint64 `json:"bytes" doc:"Uncompressed: rows times the mean size of the columns read."`
	Marks uint64 `json:"marks" doc:"Steps of the index, of about 8,192 rows each."`
}

// FittingRange is a range that a question could be asked for instead.
type FittingRange struct {
	From string `json:"from" format:"date-time" doc:"Start, included."`
	To   string `json:"to" format:"date-time" doc:"End, excluded: that of the question."`
	Days int    `json:"days"`
	Rows uint64 `json:"rows" doc:"What would be read then."`
}

// QueryPreview is the answer of POST /v1/query/preview.
type QueryPreview struct {
	Kind         string             `json:"kind" example:"funnel"`
	Question     FreeObject         `json:"question" doc:"The question as JSON, also where it was asked as text."`
	Text         string             `json:"text,omitempty" doc:"The question as a line of the language, where that has words for all of it."`
	Estimate     Estimate           `json:"estimate" doc:"All statements together."`
	BudgetRows   uint64             `json:"budget_rows" doc:"The most rows that one question of this caller may read; 0 for no limit."`
	Fits         bool               `json:"fits" doc:"Whether the question would be answered."`
	FittingRange *FittingRange      `json:"fitting_range,omitempty" doc:"The longest range that would be, where this one is too long."`
	Statements   []StatementPreview `json:"statements"`
	Meta         AnswerMeta         `json:"meta"`
}

// StatementPreview is one statement of a question.
type StatementPreview struct {
	SQL     string   `json:"sql" doc:"With its parameters, ready for clickhouse-client. What depends on the result of an earlier statement is shown as if that were empty."`
	Rows    uint64   `json:"rows"`
	Bytes   uint64   `json:"bytes"`
	Marks   uint64   `json:"marks"`
	Columns []string `json:"columns" doc:"Those read." example:"[\"events.timestamp\"]"`
}

// QueryUsersRequest asks for the users behind one number.
type QueryUsersRequest struct {
	Query  FreeObject `json:"query" doc:"The question, as to POST /v1/query."`
	Cell   FreeObject `json:"cell" doc:"Which number of its answer, in the answer's own words."`
	Limit  int        `json:"limit,omitempty" default:"100" minimum:"1" maximum:"10000" doc:"Users on the page."`
	Cursor string     `json:"cursor,omitempty" doc:"next_cursor of the page before."`
}

// QueryUsers is one page of the users behind a number.
type QueryUsers struct {
	Users      []string   `json:"users" doc:"Ids, in the order of their bytes."`
	Total      uint64     `json:"total" doc:"How many there are on all pages: the number itself."`
	NextCursor *string    `json:"next_cursor" doc:"Null on the last page."`
	Meta       AnswerMeta `json:"meta"`
}

// DataSchema is the answer of GET /v1/schema.
type DataSchema struct {
	Events      []DataEvent    `json:"events" doc:"Most frequent first."`
	Properties  []DataProperty `json:"properties" doc:"Those of the sampled events, and traits of users, most frequent first. One that hardly any event carries may be missing: ask for its event."`
	SampledRows uint64         `json:"sampled_rows" doc:"Events looked at for the properties."`
	StoredRows  uint64         `json:"stored_rows" doc:"Events stored."`
}

// DataEvent is one type of event.
type DataEvent struct {
	Name      string    `json:"name" example:"purchase"`
	Count     uint64    `json:"count"`
	FirstSeen time.Time `json:"first_seen" doc:"Start of the 10-minute window with its first event, by event time."`
	LastSeen  time.Time `json:"last_seen" doc:"Start of the window with its latest event."`
}

// DataProperty is one property, as a question names it.
type DataProperty struct {
	Name      string    `json:"name" example:"properties.plan"`
	Types     []string  `json:"types" enum:"text,number,truth,list,object"`
	Events    []string  `json:"events" doc:"Types of events that carry it; identify for a trait, such as user.plan."`
	Count     uint64    `json:"count" doc:"Events that carry it, or users who have the trait, about; exact where all were looked at."`
	FirstSeen time.Time `json:"first_seen" doc:"Earliest event time among those looked at."`
	LastSeen  time.Time `json:"last_seen" doc:"Latest event time among those looked at."`
	Values    []string  `json:"values" doc:"Frequent ones, most frequent first; long ones are cut."`
}
