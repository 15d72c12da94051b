package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// This file describes the routes about delivery for the OpenAPI document.

const tagDelivery = "Delivery"

const exampleReplay = `{"filter":{"reason":["unknown_field"],"field":"/userId"},"patch":[{"op":"move","from":"/userId","path":"/user_id"}],"dry_run":true}`

func getDeadLettersOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/dead-letters", OperationID: "list-dead-letters", Tags: []string{tagDelivery},
		Summary: "Records that could not become events, newest first",
		Description: "Each with its reason, the field at fault and its payload, and whether it was replayed; beside them the counts by reason. " +
			"In pages: send `next_cursor` back as `cursor`.",
	}
}

func postReplayOperation(registry huma.Registry) *huma.Operation {
	return &huma.Operation{
		Method: http.MethodPost, Path: "/v1/dead-letters/replay", OperationID: "replay-dead-letters", Tags: []string{tagDelivery},
		Summary: "Correct dead letters and send them again",
		Description: "The letters, by ids or by a filter, are corrected by a JSON Patch (RFC 6902), or replaced whole where the payload is not JSON. " +
			"What is an event then goes to the broker like any other; what is not is listed in `rejected`. `dry_run` shows it first. " +
			"Sent twice, it counts once: an event keeps its id, or gets one made of the letter's place.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: schemaOf[ReplayRequest](registry), Example: json.RawMessage(exampleReplay)},
		}},
		Responses: responses(registry, http.StatusOK, "What became of each letter.", jsonContent(schemaOf[ReplayReceipt](registry)),
			http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusServiceUnavailable, http.StatusGatewayTimeout),
	}
}

func getLedgerOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/ledger", OperationID: "get-ledger", Tags: []string{tagDelivery},
		Summary: "What the broker accepted against what is stored, by hour",
		Description: "Computed from the broker's offsets and the store's rows, not from counters. An hour is a range of offsets in each partition; " +
			"the rows of exactly these offsets are compared.",
	}
}
