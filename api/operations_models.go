package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// This file describes the routes about models for the OpenAPI document.

const tagModels = "Models"

const exampleChurnQuestion = `{"user_id":"user_123"}`

func postPredictOperation(path, id string, registry huma.Registry) *huma.Operation {
	return &huma.Operation{
		Method: http.MethodPost, Path: path, OperationID: id, Tags: []string{tagModels},
		Summary: "How likely a user is to stay away, and why",
		Description: "Answered from what is kept of active users, renewed every quarter of an hour; of others it is estimated from their statistics, and `features_from` says so. " +
			"409 while no version of the model is in use, with what to do.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: schemaOf[ChurnQuestion](registry), Example: json.RawMessage(exampleChurnQuestion)},
		}},
		Responses: responses(registry, http.StatusOK, "The prediction with its reasons.", jsonContent(schemaOf[ChurnPrediction](registry)),
			http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType,
			http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusGatewayTimeout),
	}
}

func getChurnOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/churn", OperationID: "list-churn", Tags: []string{tagModels},
		Summary:     "The users at risk",
		Description: "Users who were active lately, by falling probability that they stay away. In pages: send `next_cursor` back as `cursor`.",
	}
}

func getModelsOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/models", OperationID: "list-models", Tags: []string{tagModels},
		Summary: "Every model with its versions, and how its training is doing",
	}
}

func postTrainOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodPost, Path: "/v1/models/{name}/train", OperationID: "train-model", Tags: []string{tagModels},
		Summary: "Train a model", DefaultStatus: http.StatusAccepted,
		Description: "Starts a training and answers at once; GET /v1/models shows how it is doing. The new version is put to use where it is better than the one in use.",
	}
}

func getModelVersionOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/models/{name}/versions/{version}", OperationID: "get-model-version", Tags: []string{tagModels},
		Summary:     "One version: metrics, calibration, parameters, drift",
		Description: "Drift is the population stability index of each feature and of the score since the training.",
	}
}

func postPromoteOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodPost, Path: "/v1/models/{name}/versions/{version}/promote", OperationID: "promote-model", Tags: []string{tagModels},
		Summary: "Put a version to use", Description: "A new one, or an old one again: that is how a version is restored. The scores follow within seconds to minutes.",
	}
}
