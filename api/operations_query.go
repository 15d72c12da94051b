package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// This file describes the routes that ask something for the OpenAPI document.

const (
	exampleTrends = `{"kind":"trends","from":"-30d","to":"now","interval":"day",` +
		`"series":[{"name":"orders","event":"purchase"},{"name":"buyers","event":"purchase","measure":"users"}]}`
	exampleFunnel = `{"kind":"funnel","from":"-30d","to":"now","window":"1d","steps":[{"event":"view"},{"event":"add_to_cart"},{"event":"purchase"}]}`
	exampleText   = `{"kind":"text","q":"funnel view > add_to_cart > purchase within 1d last 30d"}`
	exampleUsers  = `{"query":` + exampleFunnel + `,"cell":{"step":2,"outcome":"dropped"},"limit":100}`
)

// questionContent describes a question as a request's body.
func questionContent(registry huma.Registry) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {
			Schema:   oneOfKind(questionSchemas(registry)),
			Examples: questionExamples(),
		},
	}}
}

// askingProblems are the errors that whoever asks something can get.
func askingProblems() []int {
	return []int{http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity,
		http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
}

func postQueryOperation(registry huma.Registry) *huma.Operation {
	return &huma.Operation{
		Method: http.MethodPost, Path: "/v1/query", OperationID: "ask", Tags: []string{tagAsking},
		Summary: "Ask one question",
		Description: "Questions are told apart by `kind`. Unknown fields are refused with the nearest name that exists. " +
			"An answer that was computed before, and whose data have not changed, comes from memory (`meta.cached`). " +
			"422 means that it would read more than the caller may, with the estimate and what would fit; 429 and 503 that too many questions wait.",
		RequestBody: questionContent(registry),
		Responses:   responses(registry, http.StatusOK, "The answer.", jsonContent(oneOfKind(answerSchemas(registry))), askingProblems()...),
	}
}

func getQueryOperation(registry huma.Registry) *huma.Operation {
	return &huma.Operation{
		Method: http.MethodGet, Path: "/v1/query", OperationID: "ask-in-a-line", Tags: []string{tagAsking},
		Summary:     "Ask one question as a line of text",
		Description: "Faults name the column.",
		Parameters: []*huma.Param{{
			Name: "q", In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
			Description: "The question in the query language.", Example: "funnel view > add_to_cart > purchase within 1d last 30d",
		}},
		Responses: responses(registry, http.StatusOK, "The answer.", jsonContent(oneOfKind(answerSchemas(registry))), askingProblems()...),
	}
}

func postPreviewOperation(registry huma.Registry) *huma.Operation {
	return &huma.Operation{
		Method: http.MethodPost, Path: "/v1/query/preview", OperationID: "preview-question", Tags: []string{tagAsking},
		Summary:     "What a question would read",
		Description: "The SQL, and rows, bytes and marks by the index's estimate. No rows are read.",
		RequestBody: questionContent(registry),
		Responses:   responses(registry, http.StatusOK, "The estimate.", jsonContent(schemaOf[QueryPreview](registry)), askingProblems()...),
	}
}

func postQueryUsersOperation(registry huma.Registry) *huma.Operation {
	return &huma.Operation{
		Method: http.MethodPost, Path: "/v1/query/users", OperationID: "list-users-behind", Tags: []string{tagAsking},
		Summary:     "The users behind one number of an answer",
		Description: "In pages, by the bytes of their ids: send `next_cursor` back as `cursor` for the page after. `total` is the number itself.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: schemaOf[QueryUsersRequest](registry), Example: json.RawMessage(exampleUsers)},
		}},
		Responses: responses(registry, http.StatusOK, "One page of users.", jsonContent(schemaOf[QueryUsers](registry)), askingProblems()...),
	}
}

func getSchemaOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/schema", OperationID: "get-schema", Tags: []string{tagAsking},
		Summary: "Which events and properties are stored",
		Description: "Events are counted exactly, properties come from a sample of the rows. For completing names and values as they are typed, narrow it down. " +
			"The whole of it is looked at anew after a moment that grows with what looking took.",
	}
}
