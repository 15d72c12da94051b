package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// This file describes the routes about fraud for the OpenAPI document.

const tagFraud = "Fraud"

const exampleTransaction = `{"user_id":"u1","amount":"500000.00","currency":"INR","context":{"country":"IN","platform":"android","device":"Pixel 9"}}`

func postScoreFraudOperation(registry huma.Registry) *huma.Operation {
	return &huma.Operation{
		Method: http.MethodPost, Path: "/v1/score/fraud", OperationID: "score-fraud", Tags: []string{tagFraud},
		Summary: "Judge a transaction that was not made yet",
		Description: "Compares it with what is known of its user, up to the events of a fraction of a second ago, and answers with a decision and its reasons. " +
			"Nothing is stored, and the user's profile stays as it is: send the purchase as an event once it is made.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: schemaOf[Transaction](registry), Example: json.RawMessage(exampleTransaction)},
		}},
		Responses: responses(registry, http.StatusOK, "The verdict.", jsonContent(schemaOf[FraudVerdict](registry)),
			http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusServiceUnavailable, http.StatusGatewayTimeout),
	}
}

func getFraudOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/fraud", OperationID: "list-fraud", Tags: []string{tagFraud},
		Summary: "Purchases to look at, newest first",
		Description: "What the scoring has found in the stream: each purchase once, with its score, decision and reasons. Without `decision`, those to review and those to block. " +
			"In pages: send `next_cursor` back as `cursor`.",
	}
}
