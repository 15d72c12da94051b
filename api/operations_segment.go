package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

const exampleCloudEvent = `{"specversion":"1.0","id":"A234-1234","source":"/shop","type":"purchase","subject":"u1","time":"2026-01-02T03:04:05.678Z",` +
	`"datacontenttype":"application/json","data":{"amount":"499.00","currency":"INR"}}`

// CloudEvent is an event in the JSON format of CloudEvents 1.0. Extension
// attributes become properties.
type CloudEvent struct {
	SpecVersion     string `json:"specversion" enum:"1.0"`
	ID              string `json:"id" doc:"Becomes event_id: unique over all sources."`
	Source          string `json:"source" doc:"Becomes properties.$source." example:"/shop"`
	Type            string `json:"type" example:"purchase"`
	Subject         string `json:"subject,omitempty" doc:"The user, unless data has user_id or anonymous_id."`
	Time            string `json:"time,omitempty" doc:"RFC 3339; the time of receipt where absent." example:"2026-01-02T03:04:05.678Z"`
	DataContentType string `json:"datacontenttype,omitempty" example:"application/json"`
	DataSchema      string `json:"dataschema,omitempty" doc:"Becomes properties.$dataschema."`
	Data            any    `json:"data,omitempty" doc:"An object becomes the properties; anything else becomes properties.data."`
	DataBase64      string `json:"data_base64,omitempty" doc:"data as base64."`
}

// SegmentCall is a call of Segment's HTTP tracking API, as its libraries send it.
type SegmentCall struct {
	Type        string     `json:"type,omitempty" enum:"track,page,screen,identify,alias,group" doc:"Which call it is; only within a batch."`
	MessageID   string     `json:"messageId,omitempty" doc:"Becomes event_id."`
	UserID      string     `json:"userId,omitempty" doc:"This or anonymousId is required." example:"u1"`
	AnonymousID string     `json:"anonymousId,omitempty"`
	Event       string     `json:"event,omitempty" doc:"track: becomes the type." example:"purchase"`
	Name        string     `json:"name,omitempty" doc:"page, screen: becomes properties.name."`
	Category    string     `json:"category,omitempty" doc:"page, screen: becomes properties.page_category or screen_category."`
	PreviousID  string     `json:"previousId,omitempty" doc:"alias: the id that means userId from now on."`
	GroupID     string     `json:"groupId,omitempty" doc:"group: becomes properties.group_id."`
	Timestamp   string     `json:"timestamp,omitempty" doc:"When it happened, by the client's clock."`
	SentAt      string     `json:"sentAt,omitempty" doc:"When it was sent, by the client's clock."`
	Properties  FreeObject `json:"properties,omitempty" doc:"track, page, screen."`
	Traits      FreeObject `json:"traits,omitempty" doc:"identify, group: become the properties."`
	Context     FreeObject `json:"context,omitempty"`
}

// SegmentBatch is many calls in one request.
type SegmentBatch struct {
	Batch    []SegmentCall `json:"batch"`
	Context  FreeObject    `json:"context,omitempty" doc:"Shared by all calls; their own members come first."`
	SentAt   string        `json:"sentAt,omitempty" doc:"When it was sent, by the client's clock."`
	WriteKey string        `json:"writeKey,omitempty" doc:"Any, for there are no keys yet; or the user of HTTP's basic authentication."`
}

// segmentExamples are bodies that the documentation shows.
func segmentExamples() map[string]string {
	return map[string]string{
		"track":    `{"userId":"u1","event":"purchase","properties":{"amount":499,"currency":"INR"}}`,
		"page":     `{"anonymousId":"a1","name":"Pricing","properties":{"url":"https://shop.example/pricing?utm_source=news"}}`,
		"screen":   `{"userId":"u1","name":"Cart","context":{"device":{"type":"ios","model":"iPhone15,4"}}}`,
		"identify": `{"anonymousId":"a1","userId":"u1","traits":{"plan":"pro"}}`,
		"alias":    `{"previousId":"old","userId":"u1"}`,
		"group":    `{"userId":"u1","groupId":"acme","traits":{"employees":42}}`,
		"batch":    `{"batch":[{"type":"track","userId":"u1","event":"view"},{"type":"identify","anonymousId":"a1","userId":"u1"}],"sentAt":"2026-01-02T03:04:05.678Z"}`,
	}
}

func postSegmentBatchOperation(registry huma.Registry) *huma.Operation {
	return segmentOperation("batch", "Segment: many calls at once", schemaOf[SegmentBatch](registry), registry)
}

func postSegmentOperation(kind string, registry huma.Registry) *huma.Operation {
	return segmentOperation(kind, "Segment: one "+kind+" call", schemaOf[SegmentCall](registry), registry)
}

// segmentOperation describes one of Segment's routes.
func segmentOperation(name, summary string, body *huma.Schema, registry huma.Registry) *huma.Operation {
	return &huma.Operation{
		Method: http.MethodPost, Path: "/v1/" + name, OperationID: "segment-" + name, Tags: []string{tagSegment},
		Summary: summary,
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: body, Example: json.RawMessage(segmentExamples()[name])},
		}},
		Responses: responses(registry, http.StatusOK, "Everything was taken, or `rejected` says what was not.", jsonContent(schemaOf[SegmentReceipt](registry)),
			http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusTooManyRequests, http.StatusServiceUnavailable),
	}
}
