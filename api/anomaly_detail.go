package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"millrace/oltp"
)

// AnomalyPoints reads the figure of an incident anew, with what was expected of
// each window.
type AnomalyPoints interface {
	// AnomalyPoints covers the incident and some windows before and after it.
	AnomalyPoints(ctx context.Context, a oltp.Anomaly) ([]AnomalyPoint, error)
}

// AnomalyDetail is the answer of GET /v1/anomalies/{id}.
type AnomalyDetail struct {
	Anomaly
	Series []AnomalyPoint `json:"series" nullable:"false" doc:"The measure, of the whole or of the value of the breakdown, by windows: the incident, and some windows before and after it."`
}

// AnomalyPoint is one window of a figure.
type AnomalyPoint struct {
	At       time.Time `json:"at" doc:"Start of the window."`
	Seen     *float64  `json:"seen" doc:"In the unit of the incident; null of a share in a window without users."`
	Expected *float64  `json:"expected" doc:"What was usual by then, without the incident; null while that is not known."`
	Low      *float64  `json:"low" doc:"Of usual windows 95 % lie between low and high."`
	High     *float64  `json:"high"`
}

func getAnomalyOperation() huma.Operation {
	return huma.Operation{
		Method: http.MethodGet, Path: "/v1/anomalies/{id}", OperationID: "get-anomaly", Tags: []string{tagModels},
		Summary:     "One incident, with its figure and the band that was expected",
		Description: "The figure is counted anew, so events that came after the incident was found are in it.",
	}
}

type anomalyInput struct {
	ID string `path:"id" maxLength:"64" doc:"The incident's id."`
}

func (s *Server) getAnomaly(ctx context.Context, in *anomalyInput) (*answer[AnomalyDetail], error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	found, err := s.deps.Anomalies.Anomaly(ctx, in.ID)
	if errors.Is(err, oltp.ErrUnknownAnomaly) {
		return nil, newProblem(http.StatusNotFound, codeUnknownAnomaly, "There is no incident of this id, or events that came later have shown that it was none. GET /v1/anomalies lists those that there are.")
	}
	if err != nil {
		return nil, err
	}
	points, err := s.deps.AnomalyPoints.AnomalyPoints(ctx, found)
	if err != nil {
		return nil, err
	}
	return &answer[AnomalyDetail]{Body: AnomalyDetail{Anomaly: anomalyOf(&found), Series: append([]AnomalyPoint{}, points...)}}, nil
}
