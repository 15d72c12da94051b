package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// This file describes the routes for the OpenAPI document and GET /docs.

const (
	tagEvents  = "Taking events"
	tagSegment = "Segment's API"
	tagAsking  = "Asking"
	tagUsers   = "Users"
	tagLooking = "Looking after it"
)

const (
	examplePurchase = `{"event_id":"0190a2b4-7c1e-7f2a-9d3b-5e6f7a8b9c0d","type":"purchase","user_id":"u1","session_id":"s1","timestamp":"2026-01-02T03:04:05.678Z",` +
		`"properties":{"amount":"499.00","currency":"INR","product_id":"p9","category":"books"},"context":{"country":"IN","page":"/cart","platform":"ios"}}`
)

// openAPIDocument is the frame of the document; the routes fill it.
func openAPIDocument(version string, registry huma.Registry) *huma.OpenAPI {
	if version == "" {
		version = "dev"
	}
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title:   "Millrace",
			Version: version,
			Description: "Product analytics: events in, answers out. JSON is snake_case, times are RFC 3339, money is a decimal string. " +
				"Errors are application/problem+json (RFC 9457) with a stable `code`, a `detail` that helps, the JSON pointer of the field at fault, and a `request_id`.",
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Tags: []*huma.Tag{
			{Name: tagEvents, Description: "Send what happened. An event is answered for once: it is counted in `accepted` or listed in `rejected`."},
			{Name: tagSegment, Description: "Segment's HTTP tracking API: its client libraries work with only their host changed."},
			{Name: tagAsking, Description: "Trends and funnels over everything stored. Every answer says how complete it is in `meta`."},
			{Name: tagUsers, Description: "One user: statistics and timeline."},
			{Name: tagFraud, Description: "Purchases judged: in the stream, and before they are made."},
			{Name: tagModels, Description: "What is likely, with its reasons: who will stay away, and the models that say so."},
			{Name: tagAlerts, Description: "Rules that watch figures, users, purchases and stages, what they have found, and whom they have told."},
			{Name: tagDelivery, Description: "What became of every record: dead letters, and the ledger."},
			{Name: tagLooking, Description: "Is it alive, is it ready, which stage is behind."},
		},
		Components: &huma.Components{Schemas: registry},
	}
}

func postEventsOperation(cfg Config, registry huma.Registry) *huma.Operation {
	one := schemaOf[EventInput](registry)
	many := &huma.Schema{Type: huma.TypeArray, Items: one}
	lines := &huma.Schema{Type: huma.TypeString, Description: "One event to a line."}
	return &huma.Operation{
		Method: http.MethodPost, Path: "/v1/events", OperationID: "send-events", Tags: []string{tagEvents},
		Summary: "Send events",
		Description: "One object, an array, or NDJSON, or CloudEvents 1.0 in structured, batched or binary mode; the body may be gzip or zstd (`Content-Encoding`). " +
			"202 means that the broker holds the accepted events on all in-sync replicas. " +
			"After a 503 some events may have arrived: send everything again with the same `event_id`s, which tell a repeat from a new event. " +
			fmt.Sprintf("A body has at most %s, %s after decompression, and %d events.", sizeText(cfg.MaxBodyBytes), sizeText(cfg.MaxInflatedBytes), cfg.MaxEvents),
		Parameters: []*huma.Param{{
			Name: headerSentAt, In: "header", Schema: &huma.Schema{Type: huma.TypeString, Format: "date-time"},
			Description: "When the client sent this, by the clock of its timestamps. They are then corrected by what that clock is off, which is noted as `$clock_skew_ms`.",
		}},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {
				Schema: &huma.Schema{OneOf: []*huma.Schema{one, many}},
				Examples: map[string]*huma.Example{
					"one":     {Summary: "One event", Value: json.RawMessage(examplePurchase)},
					"several": {Summary: "Several events", Value: json.RawMessage(`[{"type":"view","user_id":"u1"},` + examplePurchase + `]`)},
				},
			},
			typeCloudEvent:         {Schema: schemaOf[CloudEvent](registry), Example: json.RawMessage(exampleCloudEvent)},
			typeCloudEvents:        {Schema: &huma.Schema{Type: huma.TypeArray, Items: schemaOf[CloudEvent](registry)}},
			"application/x-ndjson": {Schema: lines, Example: `{"type":"view","user_id":"u1"}` + "\n" + `{"type":"add_to_cart","user_id":"u1"}` + "\n"},
		}},
		Responses: responses(registry, http.StatusAccepted, "At least one event was taken.", jsonContent(schemaOf[Receipt](registry)),
			http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusTooManyRequests, http.StatusServiceUnavailable),
	}
}

func getUserOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/users/{id}", OperationID: "get-user", Tags: []string{tagUsers},
		Summary:     "Statistics of one user",
		Description: "Kept in Postgres and copied from the events about once a second, so an event shows here a moment after it is stored.",
	}
}

func getUserEventsOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/users/{id}/events", OperationID: "get-user-events", Tags: []string{tagUsers},
		Summary: "Timeline of one user", Description: "Newest first, in pages: send `next_cursor` back as `cursor` for the page before.",
	}
}

func getLiveOperation(registry huma.Registry) *huma.Operation {
	return &huma.Operation{
		Method: http.MethodGet, Path: pathLive, OperationID: "follow-live", Tags: []string{tagAsking},
		Summary: "The dashboard's figures, each second",
		Description: "Server-sent events. `event: figures` carries the object below; `event: problem` carries an error while the figures cannot be computed. " +
			"All clients share one computation.",
		Responses: responses(registry, http.StatusOK, "A stream that ends when the server stops.", map[string]*huma.MediaType{
			"text/event-stream": {Schema: schemaOf[LiveFigures](registry)}}, http.StatusServiceUnavailable),
	}
}

func getStatusOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/status", OperationID: "get-status", Tags: []string{tagLooking},
		Summary: "Which stage is behind or stuck, and since when",
	}
}

func getHealthOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/healthz", OperationID: "get-health", Tags: []string{tagLooking},
		Summary: "The process is alive", Description: "It says nothing about databases: a restart would not mend those.",
	}
}

func getReadinessOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/readyz", OperationID: "get-readiness", Tags: []string{tagLooking},
		Summary: "Everything it needs answers", Description: "503 with the reasons until then, and while the server stops.",
	}
}

func getMetricsOperation() *huma.Operation {
	return pageOperation("/metrics", "get-metrics", "Metrics for Prometheus", "text/plain")
}

func getOpenAPIOperation() *huma.Operation {
	return pageOperation("/openapi.json", "get-openapi", "This interface as OpenAPI 3.1", "application/json")
}

func getDocsOperation() *huma.Operation {
	return pageOperation("/docs", "get-docs", "This interface as a page", "text/html")
}

func pageOperation(path, id, summary, contentType string) *huma.Operation {
	return &huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: id, Tags: []string{tagLooking}, Summary: summary,
		Responses: map[string]*huma.Response{"200": {Description: summary + ".", Content: map[string]*huma.MediaType{contentType: {}}}},
	}
}

// responses are the good answer and the errors that the operation can give.
func responses(registry huma.Registry, status int, description string, content map[string]*huma.MediaType, problems ...int) map[string]*huma.Response {
	all := problemResponses(registry, problems...)
	all[strconv.Itoa(status)] = &huma.Response{Description: description, Content: content}
	return all
}

func problemResponses(registry huma.Registry, statuses ...int) map[string]*huma.Response {
	all := map[string]*huma.Response{}
	for _, status := range statuses {
		r := &huma.Response{Description: http.StatusText(status), Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: schemaOf[Problem](registry)}}}
		if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
			r.Headers = map[string]*huma.Param{"Retry-After": {
				Description: "Seconds to wait.", Schema: &huma.Schema{Type: huma.TypeInteger}}}
		}
		all[strconv.Itoa(status)] = r
	}
	return all
}

func jsonContent(schema *huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: schema}}
}

// schemaOf is a reference to T's schema.
func schemaOf[T any](registry huma.Registry) *huma.Schema {
	t := reflect.TypeFor[T]()
	return registry.Schema(t, true, t.Name())
}

// oneOfKind is a choice told apart by the field kind.
func oneOfKind(kinds map[string]*huma.Schema) *huma.Schema {
	choice := &huma.Schema{Discriminator: &huma.Discriminator{PropertyName: "kind", Mapping: map[string]string{}}}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		choice.OneOf = append(choice.OneOf, kinds[kind])
		choice.Discriminator.Mapping[kind] = kinds[kind].Ref
	}
	return choice
}

// forgetUnusedSchemas removes huma's own error model: ours takes its place.
func forgetUnusedSchemas(registry huma.Registry) {
	delete(registry.Map(), "ErrorModel")
	delete(registry.Map(), "ErrorDetail")
}

// sizeText is a number of bytes for people.
func sizeText(bytes int) string {
	if bytes >= 1<<20 && bytes%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d bytes", bytes)
}
