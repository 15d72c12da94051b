package api

import (
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// The types of this file describe bodies for the OpenAPI document; nothing is
// decoded into them. Events are read by event.Decoder, questions by
// olap.ParseQuery, and a test holds that both take what is described here.

// EventInput is one event as clients send it.
type EventInput struct {
	EventID     string        `json:"event_id,omitempty" maxLength:"512" doc:"Identifies the event: the same id sent again is the same event. Given at receipt where absent." example:"0190a2b4-7c1e-7f2a-9d3b-5e6f7a8b9c0d"`
	Type        string        `json:"type" maxLength:"200" doc:"The client's own name. Understood by the product: page_view view click add_to_cart remove_from_cart purchase refund signup login logout video_play video_progress video_complete search error." example:"purchase"`
	UserID      string        `json:"user_id,omitempty" maxLength:"512" doc:"The user. This or anonymous_id is required." example:"u1"`
	AnonymousID string        `json:"anonymous_id,omitempty" maxLength:"512" doc:"A visitor who has not been identified yet."`
	SessionID   string        `json:"session_id,omitempty" maxLength:"512" doc:"Groups the events of one visit." example:"s1"`
	Timestamp   time.Time     `json:"timestamp,omitzero" doc:"When it happened, from 1970 to 24 hours ahead. The time of receipt where absent." example:"2026-01-02T03:04:05.678Z"`
	Properties  FreeObject    `json:"properties,omitempty" doc:"Anything else, as one JSON object. amount, currency, product_id, category and video_id are used by the product."`
	Context     *EventContext `json:"context,omitempty" doc:"What the client knows about its surroundings."`
}

// EventContext is the context of an event as clients send it.
type EventContext struct {
	IP         string `json:"ip,omitempty" example:"203.0.113.7"`
	UserAgent  string `json:"user_agent,omitempty"`
	Country    string `json:"country,omitempty" doc:"ISO 3166-1 alpha-2." example:"IN"`
	Page       string `json:"page,omitempty" example:"/cart"`
	Referrer   string `json:"referrer,omitempty"`
	Platform   string `json:"platform,omitempty" example:"ios"`
	AppVersion string `json:"app_version,omitempty" example:"3.1"`
	Device     string `json:"device,omitempty"`
	OS         string `json:"os,omitempty"`
	Browser    string `json:"browser,omitempty"`
	Locale     string `json:"locale,omitempty" example:"en-IN"`
}

// FreeObject is a JSON object with any members.
type FreeObject map[string]any

// Schema says so to huma.
func (FreeObject) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
}

// EventChoice is which events a step or a series means.
type EventChoice struct{}

// Schema says what forms it has.
func (EventChoice) Schema(huma.Registry) *huma.Schema {
	name := &huma.Schema{Type: huma.TypeString, Description: "One event type."}
	return &huma.Schema{
		OneOf: []*huma.Schema{
			name,
			{Type: "null", Description: "Any event."},
			{Type: huma.TypeObject, Required: []string{"any_of"}, AdditionalProperties: false, Properties: map[string]*huma.Schema{
				"any_of": {Type: huma.TypeArray, Items: name, Description: "Several event types."}}},
		},
		Examples: []any{"purchase"},
	}
}

// QueryRange is what all questions share.
type QueryRange struct {
	From      string `json:"from,omitempty" default:"-30d" doc:"Start, included: a time, a date, or relative." example:"-7d"`
	To        string `json:"to,omitempty" default:"now" doc:"End, excluded: a time, a date, or relative." example:"2026-01-01"`
	Timezone  string `json:"timezone,omitempty" default:"UTC" doc:"IANA name; dates and buckets are local to it." example:"Asia/Kolkata"`
	Where     string `json:"where,omitempty" doc:"An expression over the fields of the event, its properties.x, and the traits user.x of its user." example:"country = \"IN\" and properties.amount > 100"`
	Interval  string `json:"interval,omitempty" enum:"minute,10m,hour,day,week,month" default:"day" doc:"Size of a bucket: a local calendar unit."`
	WeekStart string `json:"week_start,omitempty" enum:"monday,sunday" default:"monday" doc:"First day of a week."`
}

// QueryBreakdown splits an answer.
type QueryBreakdown struct {
	Property string `json:"property" doc:"A field of the event or its context, properties.x, or user.x: a trait." example:"country"`
	Limit    int    `json:"limit,omitempty" default:"10" minimum:"1" maximum:"250" doc:"Largest values shown; the rest are (other)."`
}

// TrendsQuery asks for numbers over time.
type TrendsQuery struct {
	QueryRange
	Kind       string          `json:"kind" enum:"trends"`
	Series     []TrendSeries   `json:"series" minItems:"1" maxItems:"20" doc:"One line each."`
	Breakdown  *QueryBreakdown `json:"breakdown,omitempty" doc:"Splits each line by the values of a property."`
	Formulas   []Formula       `json:"formulas,omitempty" doc:"Lines computed from the series."`
	Compare    string          `json:"compare,omitempty" enum:"previous" doc:"Adds the values of the range before."`
	Cumulative bool            `json:"cumulative,omitempty" doc:"Each bucket includes those before it."`
}

// TrendSeries is one line of a trends question.
type TrendSeries struct {
	Name     string      `json:"name,omitempty" doc:"Shown in the answer." example:"orders"`
	Event    EventChoice `json:"event,omitempty" doc:"Which events count; null means any."`
	Where    string      `json:"where,omitempty" doc:"An expression beside that of the question."`
	Measure  string      `json:"measure,omitempty" enum:"total,users,new_users,weekly_active,monthly_active,sessions,unique,sum,avg,min,max,median,p90,p95,p99" default:"total" doc:"What is counted."`
	Per      string      `json:"per,omitempty" enum:"event,user,session" default:"event" doc:"user first counts or sums per user, then takes the measure over users."`
	Property string      `json:"property,omitempty" doc:"What sum, avg, unique and the others are taken of." example:"amount"`
}

// Formula is a line computed from others.
type Formula struct {
	Name string `json:"name" example:"rate"`
	Expr string `json:"expr" example:"B / A"`
}

// TrendsAnswer is the answer to a trends question.
type TrendsAnswer struct {
	Kind   string       `json:"kind" enum:"trends"`
	Result TrendsResult `json:"result"`
	Meta   AnswerMeta   `json:"meta"`
}

// TrendsResult holds one list of values per series and breakdown.
type TrendsResult struct {
	Buckets    []time.Time    `json:"buckets" doc:"Start of each bucket; every bucket of the range is present."`
	Series     []AnswerSeries `json:"series"`
	Incomplete []int          `json:"incomplete" doc:"Indexes of buckets that the range cuts or that may still change."`
}

// AnswerSeries is one line of a trends answer.
type AnswerSeries struct {
	Name          string     `json:"name"`
	Breakdown     string     `json:"breakdown,omitempty" doc:"The value of the breakdown's property; (none) and (other) are shown."`
	Values        []*float64 `json:"values" doc:"One per bucket. Counts and sums of nothing are 0, averages and percentiles of nothing are null."`
	Total         *float64   `json:"total" doc:"Over the whole range; users count once."`
	Previous      []*float64 `json:"previous,omitempty" doc:"The range before, where asked for."`
	PreviousTotal *float64   `json:"previous_total,omitempty" nullable:"true" doc:"The range before as a whole, where asked for."`
}

// AnswerMeta says what was read and how complete the answer is.
type AnswerMeta struct {
	Semantics   string     `json:"semantics" doc:"Version of the rules that the numbers follow." example:"1"`
	From        time.Time  `json:"from"`
	To          time.Time  `json:"to"`
	Timezone    string     `json:"timezone" example:"UTC"`
	StoredUntil *time.Time `json:"stored_until" doc:"Everything that the broker accepted before this instant is included; null while unknown."`
	Watermark   *time.Time `json:"watermark" doc:"Buckets after this event time may still change."`
	ElapsedMS   float64    `json:"elapsed_ms"`
	RowsRead    uint64     `json:"rows_read"`
	BytesRead   uint64     `json:"bytes_read"`
	Cached      bool       `json:"cached"`
	Estimated   bool       `json:"estimated" doc:"Whether a number is an estimate."`
	SQL         []string   `json:"sql" doc:"What was asked of ClickHouse."`
	Warnings    []string   `json:"warnings" doc:"What the figures leave out."`
}

// LiveFigures is one message of the live stream.
type LiveFigures struct {
	At              time.Time    `json:"at" doc:"When this was counted, by the server's clock."`
	EventsTotal     uint64       `json:"events_total" doc:"Events stored, ever."`
	EventsPerSecond float64      `json:"events_per_second" doc:"Stored, mean of the last ten seconds."`
	Series          []LiveSecond `json:"series" doc:"The last 60 seconds by the time of storing, every second present."`
	WindowSeconds   int64        `json:"window_seconds" doc:"How far back the figures below look, by event time." example:"86400"`
	Users           uint64       `json:"users" doc:"Different users in the window."`
	Funnel          []LiveStep   `json:"funnel" doc:"view, add_to_cart, purchase, in this order, within the window."`
	TopEvents       []LiveEvent  `json:"top_events" doc:"The ten most frequent types in the window."`
	Revenue         []LiveMoney  `json:"revenue" doc:"Purchases in the window, by currency."`
	StoredUntil     *time.Time   `json:"stored_until" doc:"Everything that the broker accepted before this instant is counted; null while unknown."`
	LagRecords      int64        `json:"lag_records" doc:"Records accepted and not yet stored."`
}

// LiveSecond is one second of the live series.
type LiveSecond struct {
	At     time.Time `json:"at"`
	Events uint64    `json:"events"`
}

// LiveStep is one step of the live funnel.
type LiveStep struct {
	Event string `json:"event" example:"view"`
	Users uint64 `json:"users"`
}

// LiveEvent is one of the most frequent types.
type LiveEvent struct {
	Type  string `json:"type" example:"view"`
	Count uint64 `json:"count"`
}

// LiveMoney is the revenue of one currency.
type LiveMoney struct {
	Currency string `json:"currency" example:"USD"`
	Amount   string `json:"amount" doc:"A decimal." example:"123.45"`
	Orders   uint64 `json:"orders"`
}
