package api

import (
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// The questions about funnels. As in schema.go, nothing is decoded into these
// types.

// FunnelQuery asks how many users did one thing after the other.
type FunnelQuery struct {
	QueryRange
	Kind             string                 `json:"kind" enum:"funnel"`
	Steps            []FunnelStep           `json:"steps" minItems:"1" maxItems:"20" doc:"In order."`
	Order            string                 `json:"order,omitempty" enum:"ordered,strict,unordered" default:"ordered" doc:"ordered: one event per step, times never decreasing, other events do not matter. strict: nothing else between two steps. unordered: as many steps as can be done within the window."`
	Window           string                 `json:"window,omitempty" default:"14d" doc:"Longest time from the first step to the last, inclusive." example:"1d"`
	Exclusions       []FunnelExclusion      `json:"exclusions,omitempty" doc:"Events that spoil an attempt. Not with unordered."`
	CountBy          string                 `json:"count_by,omitempty" enum:"user,session" default:"user" doc:"Who is counted."`
	Breakdown        *FunnelBreakdownChoice `json:"breakdown,omitempty" doc:"A funnel for each value of a property."`
	FinishAfterRange bool                   `json:"finish_after_range,omitempty" doc:"Counts steps after the range too, within the window of an entry in it."`
	View             string                 `json:"view,omitempty" enum:"steps,time_to_convert,trend" default:"steps" doc:"What the answer holds."`
	FromStep         int                    `json:"from_step,omitempty" minimum:"1" doc:"Of time_to_convert: the step that times begin with; the first where left out."`
	ToStep           int                    `json:"to_step,omitempty" minimum:"2" doc:"Of time_to_convert: the step that they end with; the last required one where left out."`
	Bins             int                    `json:"bins,omitempty" minimum:"1" maximum:"1000" doc:"Of time_to_convert: how many bins of one width hold the times; 20 where left out."`
	Explain          FunnelExplainChoice    `json:"explain,omitempty" doc:"Which properties go with the loss at a step. Only in the view steps."`
}

// FunnelExclusion is an event that spoils an attempt between two of its steps.
type FunnelExclusion struct {
	Event    EventChoice `json:"event" doc:"Which events do."`
	Where    string      `json:"where,omitempty" doc:"An expression beside that of the question."`
	FromStep int         `json:"from_step,omitempty" default:"1" minimum:"1" doc:"After this step of the attempt,"`
	ToStep   int         `json:"to_step,omitempty" minimum:"2" doc:"and before this one; the last where left out."`
}

// FunnelExplainChoice asks for an explanation: true, or of which step by which
// properties.
type FunnelExplainChoice struct{}

// Schema says what forms it has.
func (FunnelExplainChoice) Schema(huma.Registry) *huma.Schema {
	one := 1.0
	return &huma.Schema{OneOf: []*huma.Schema{
		{Type: huma.TypeBoolean, Description: "The step that most users were lost before, by what their events carry."},
		{Type: huma.TypeObject, AdditionalProperties: false, Properties: map[string]*huma.Schema{
			"step":       {Type: huma.TypeInteger, Minimum: &one, Description: "The step that users were lost before, from 2."},
			"properties": {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}, Description: "At most 50, such as country, properties.plan or user.plan."}}},
	}}
}

// FunnelBreakdownChoice splits a funnel.
type FunnelBreakdownChoice struct {
	QueryBreakdown

	Attribution string `json:"attribution,omitempty" enum:"first,last,all,step" default:"first" doc:"Whose value counts: that of the first or last event that has one, of a named step, or each value on its own."`
	Step        int    `json:"step,omitempty" minimum:"1" doc:"The step meant by attribution step, from 1."`
}

// FunnelStep is one step of a funnel question.
type FunnelStep struct {
	Event EventChoice `json:"event" doc:"Which events do; null means any."`
	Where string      `json:"where,omitempty" doc:"An expression beside that of the question."`
	Name  string      `json:"name,omitempty" doc:"Shown in the answer."`

	Optional bool `json:"optional,omitempty" doc:"May be skipped, and changes no other figure. Ordered only, not the first."`
}

// FunnelAnswer is the answer to a funnel question.
type FunnelAnswer struct {
	Kind   string     `json:"kind" enum:"funnel"`
	Result FunnelView `json:"result"`
	Meta   AnswerMeta `json:"meta"`
}

// FunnelView is what the view of the question asked for.
type FunnelView struct{}

// Schema says what forms it has.
func (FunnelView) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{schemaOf[FunnelResult](r), schemaOf[FunnelTimes](r), schemaOf[FunnelTrend](r)}}
}

// FunnelResult holds the steps, whole and per value of the breakdown.
type FunnelResult struct {
	Steps     []AnswerStep      `json:"steps"`
	Breakdown []FunnelBreakdown `json:"breakdown,omitempty" doc:"Largest first, then (other) and (none)."`
	StillOpen FunnelOpen        `json:"still_open" doc:"Who may yet get further."`

	Explain *FunnelExplanation `json:"explain,omitempty" doc:"Where asked for."`
}

// FunnelExplanation sets the users lost at a step beside those who did it.
type FunnelExplanation struct {
	Step   int            `json:"step" doc:"The step that is explained."`
	Users  uint64         `json:"users" doc:"Users who got to the required step before."`
	Lost   uint64         `json:"lost" doc:"Of them, those who got no further."`
	Tested int            `json:"tested" doc:"Values that were compared."`
	Values []FunnelReason `json:"values" nullable:"false" doc:"Those that lose more than the others do: significant ones first, then those that explain most; at most 20."`
}

// FunnelReason is one value of a property, beside all other users.
type FunnelReason struct {
	Property         string   `json:"property" example:"platform"`
	Value            string   `json:"value" example:"android" doc:"(none): the event does not carry the property."`
	Users            uint64   `json:"users"`
	Lost             uint64   `json:"lost"`
	LossRate         *float64 `json:"loss_rate" doc:"lost by users."`
	LossRateOfOthers *float64 `json:"loss_rate_of_others"`
	ShareOfLoss      *float64 `json:"share_of_loss" doc:"The part of all lost users that has the value."`
	Explains         *float64 `json:"explains" doc:"The part of the loss that would not be if these users were lost as often as the others."`
	PValue           *float64 `json:"p_value" doc:"Of a two-proportion z test."`
	PAdjusted        *float64 `json:"p_adjusted" doc:"After Benjamini and Hochberg, over all values tested."`
	Significant      bool     `json:"significant" doc:"p_adjusted is below 0.05."`
}

// FunnelTimes is the view time_to_convert.
type FunnelTimes struct {
	FromStep       int         `json:"from_step"`
	ToStep         int         `json:"to_step"`
	Count          uint64      `json:"count" doc:"Users who got to to_step."`
	AverageSeconds *float64    `json:"average_seconds"`
	MedianSeconds  *float64    `json:"median_seconds"`
	Bins           []FunnelBin `json:"bins" nullable:"false" doc:"All times, without gaps; empty where nobody got there."`
}

// FunnelBin counts the times from from_seconds to below to_seconds.
type FunnelBin struct {
	FromSeconds int64  `json:"from_seconds"`
	ToSeconds   int64  `json:"to_seconds"`
	Count       uint64 `json:"count"`
}

// FunnelTrend is the view trend, by the bucket of entry.
type FunnelTrend struct {
	Buckets    []time.Time `json:"buckets" doc:"Start of each bucket."`
	Entered    []uint64    `json:"entered" doc:"Users with an attempt that entered in the bucket."`
	Converted  []uint64    `json:"converted" doc:"Those with one that did all required steps."`
	Rate       []*float64  `json:"rate" doc:"Null where nobody entered."`
	Incomplete []int       `json:"incomplete" doc:"Indexes of buckets that the range cuts, or whose entries could still convert."`
}

// FunnelOpen counts those whose window has not ended.
type FunnelOpen struct {
	Count       uint64     `json:"count" doc:"Have not finished, and still could."`
	EnteredFrom *time.Time `json:"entered_from" doc:"Earliest entry that is still open; null where none could be."`
}

// FunnelBreakdown is a funnel of one value.
type FunnelBreakdown struct {
	Value string       `json:"value" example:"IN"`
	Steps []AnswerStep `json:"steps"`
}

// AnswerStep is one step of a funnel answer.
type AnswerStep struct {
	Step             int         `json:"step" doc:"From 1."`
	Name             string      `json:"name,omitempty" doc:"As asked."`
	Event            EventChoice `json:"event" doc:"As asked."`
	Count            uint64      `json:"count" doc:"Users who came at least this far."`
	RateFromFirst    *float64    `json:"rate_from_first" example:"0.4"`
	RateFromPrevious *float64    `json:"rate_from_previous" example:"0.4"`
	MedianSeconds    *float64    `json:"median_seconds" doc:"From the previous step to this one."`
	AverageSeconds   *float64    `json:"average_seconds" doc:"From the previous step to this one."`
}
