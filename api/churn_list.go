package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"millrace/internal/churn"
	"millrace/oltp"
)

// ChurnList is the answer of GET /v1/churn.
type ChurnList struct {
	Model      ModelUsed   `json:"model"`
	Total      int         `json:"total" doc:"Users within min and max, on all pages."`
	Users      []ChurnUser `json:"users" nullable:"false" doc:"By falling probability."`
	NextCursor *string     `json:"next_cursor" doc:"Send it back as cursor for the next page; null on the last."`
}

// ChurnUser is one user at risk.
type ChurnUser struct {
	UserID           string        `json:"user_id"`
	ChurnProbability float64       `json:"churn_probability"`
	AsOf             time.Time     `json:"as_of" doc:"Events before this instant were looked at."`
	Reasons          []ChurnReason `json:"reasons" nullable:"false" doc:"The features with the strongest effect."`
}

type churnListInput struct {
	Min    float64 `query:"min" default:"0.5" minimum:"0" maximum:"1" doc:"Least probability."`
	Max    float64 `query:"max" default:"1" minimum:"0" maximum:"1" doc:"Greatest probability."`
	Limit  int     `query:"limit" default:"100" minimum:"1" maximum:"10000" doc:"Users on the page."`
	Cursor string  `query:"cursor" maxLength:"3000" doc:"next_cursor of the page before."`
}

// getChurn lists the users at risk.
func (s *Server) getChurn(ctx context.Context, in *churnListInput) (*answer[ChurnList], error) {
	after, err := parseRank(in.Cursor)
	if err != nil {
		return nil, badParameter("cursor", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	version, err := s.deps.Models.CurrentVersion(ctx, churn.Name)
	if err != nil {
		return nil, err
	}
	total, err := s.deps.Scores.CountPredictions(ctx, churn.Name, in.Min, in.Max)
	if err != nil {
		return nil, err
	}
	filter := oltp.PredictionFilter{Min: in.Min, Max: in.Max, After: after, Limit: in.Limit + 1} // one more tells whether this page is the last
	found, err := s.deps.Scores.Predictions(ctx, churn.Name, filter)
	if err != nil {
		return nil, err
	}
	list := ChurnList{Model: ModelUsed{churn.Name, version}, Total: total}
	if len(found) > in.Limit {
		found = slices.Clip(found[:in.Limit])
		last := found[in.Limit-1]
		cursor := rankText(oltp.Rank{Score: last.Score, UserID: last.UserID})
		list.NextCursor = &cursor
	}
	list.Users = convert(found, churnUser)
	return &answer[ChurnList]{Body: list}, nil
}

func churnUser(p oltp.Prediction) ChurnUser {
	var details ChurnDetails
	_ = json.Unmarshal(p.Details, &details) // without reasons the user is still at risk
	return ChurnUser{UserID: p.UserID, ChurnProbability: p.Score, AsOf: milliseconds(p.AsOf), Reasons: append([]ChurnReason{}, details.Reasons...)}
}

// rankText is a place in the list as a cursor: the score to its last bit, and the
// user.
func rankText(r oltp.Rank) string {
	return strconv.FormatUint(math.Float64bits(r.Score), 16) + "." + base64.RawURLEncoding.EncodeToString([]byte(r.UserID))
}

// parseRank reads what rankText has written; empty text is the start of the list.
func parseRank(text string) (oltp.Rank, error) {
	if text == "" {
		return oltp.Rank{}, nil
	}
	bits, user, _ := strings.Cut(text, ".")
	score, err1 := strconv.ParseUint(bits, 16, 64)
	id, err2 := base64.RawURLEncoding.DecodeString(user)
	if errors.Join(err1, err2) != nil || len(id) == 0 {
		return oltp.Rank{}, errors.New("not a cursor; send next_cursor of the page before, unchanged")
	}
	return oltp.Rank{Score: math.Float64frombits(score), UserID: string(id)}, nil
}
