package api

import (
	"encoding/json"

	"github.com/danielgtaylor/huma/v2"
)

// The kinds of questions as the OpenAPI document shows them: one line each for
// the question, its answer and an example.

func questionSchemas(registry huma.Registry) map[string]*huma.Schema {
	return map[string]*huma.Schema{
		"trends":     schemaOf[TrendsQuery](registry),
		"funnel":     schemaOf[FunnelQuery](registry),
		"retention":  schemaOf[RetentionQuery](registry),
		"lifecycle":  schemaOf[LifecycleQuery](registry),
		"stickiness": schemaOf[StickinessQuery](registry),
		"paths":      schemaOf[PathsQuery](registry),
		"sessions":   schemaOf[SessionsQuery](registry),
		"revenue":    schemaOf[RevenueQuery](registry),
		"video":      schemaOf[VideoQuery](registry),
		"windows":    schemaOf[WindowsQuery](registry),
		"text":       schemaOf[TextQuery](registry),
	}
}

// answerSchemas has no text: a question in text is answered as its own kind.
func answerSchemas(registry huma.Registry) map[string]*huma.Schema {
	return map[string]*huma.Schema{
		"trends":     schemaOf[TrendsAnswer](registry),
		"funnel":     schemaOf[FunnelAnswer](registry),
		"retention":  schemaOf[RetentionAnswer](registry),
		"lifecycle":  schemaOf[LifecycleAnswer](registry),
		"stickiness": schemaOf[StickinessAnswer](registry),
		"paths":      schemaOf[PathsAnswer](registry),
		"sessions":   schemaOf[SessionsAnswer](registry),
		"revenue":    schemaOf[RevenueAnswer](registry),
		"video":      schemaOf[VideoAnswer](registry),
		"windows":    schemaOf[WindowsAnswer](registry),
	}
}

func questionExamples() map[string]*huma.Example {
	return map[string]*huma.Example{
		"trends":     {Summary: "Purchases and buyers per day", Value: json.RawMessage(exampleTrends)},
		"funnel":     {Summary: "View, cart, purchase within a day", Value: json.RawMessage(exampleFunnel)},
		"retention":  {Summary: "New users who purchase in the weeks after", Value: json.RawMessage(exampleRetention)},
		"lifecycle":  {Summary: "New, returning and lost users per week", Value: json.RawMessage(exampleLifecycle)},
		"stickiness": {Summary: "On how many days people view something", Value: json.RawMessage(exampleStickiness)},
		"paths":      {Summary: "Where people go from the home page", Value: json.RawMessage(examplePaths)},
		"sessions":   {Summary: "Sessions per day and platform", Value: json.RawMessage(exampleSessions)},
		"revenue":    {Summary: "Revenue per week and category", Value: json.RawMessage(exampleRevenue)},
		"video":      {Summary: "The most played videos", Value: json.RawMessage(exampleVideo)},
		"windows":    {Summary: "The 10-minute windows of the last six hours", Value: json.RawMessage(exampleWindows)},
		"text":       {Summary: "The same funnel as a line of the language", Value: json.RawMessage(exampleText)},
	}
}
