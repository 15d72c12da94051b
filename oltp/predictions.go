package oltp

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

var (
	//go:embed predictions_upsert.sql
	upsertPredictionsSQL string
	//go:embed predictions_list.sql
	listPredictionsSQL string
)

// Prediction is what a model says of one user.
type Prediction struct {
	UserID string
	// Version of the model that said it.
	Version int
	// AsOf is the instant before which events were looked at.
	AsOf time.Time
	// Score is the figure that users are sorted by; for churn the probability.
	Score float64
	// Details are whatever else the model says, one JSON object; nil is {}.
	Details json.RawMessage
}

// SavePredictions puts the users' predictions of a model in the place of those
// before, all or none. A user whose id Postgres cannot hold is left out; skipped
// counts those.
func (s *Store) SavePredictions(ctx context.Context, model string, predictions []Prediction) (skipped int, err error) {
	predictions, skipped = inLockOrder(predictions, func(p Prediction) string { return p.UserID })
	var users, details []string
	var versions []int32
	var asOf []time.Time
	var scores []float64
	for _, p := range predictions {
		users, versions, asOf, scores = append(users, p.UserID), append(versions, int32(p.Version)), append(asOf, p.AsOf), append(scores, p.Score)
		details = append(details, cmp.Or(string(p.Details), "{}"))
	}
	if _, err := s.pool.Exec(ctx, upsertPredictionsSQL, model, users, versions, asOf, scores, details); err != nil {
		return skipped, wrap(fmt.Sprintf("write %d predictions", len(users)), err)
	}
	return skipped, nil
}

// inLockOrder keeps the last row of each user that Postgres can hold, by user:
// one statement may touch a row only once, and writers that lock in one order
// cannot deadlock.
func inLockOrder[T any](rows []T, user func(T) string) (kept []T, skipped int) {
	kept = slices.Clone(rows)
	slices.Reverse(kept)
	slices.SortStableFunc(kept, func(a, b T) int { return cmp.Compare(user(a), user(b)) })
	kept = slices.CompactFunc(kept, func(a, b T) bool { return user(a) == user(b) })
	all := len(kept)
	kept = slices.DeleteFunc(kept, func(row T) bool { return !storable(user(row)) })
	return kept, all - len(kept)
}

// DropPredictions removes a model's predictions that look at less than those of
// asOf: of users whom it says nothing of any more.
func (s *Store) DropPredictions(ctx context.Context, model string, asOf time.Time) error {
	if _, err := s.pool.Exec(ctx, "DELETE FROM predictions WHERE model = $1 AND as_of < $2", model, asOf); err != nil {
		return wrap("remove old predictions", err)
	}
	return nil
}

// Prediction returns what a model says of a user, or [ErrUnknownUser] where it
// says nothing.
func (s *Store) Prediction(ctx context.Context, model, userID string) (Prediction, error) {
	if !storable(userID) {
		return Prediction{}, ErrUnknownUser
	}
	const get = "SELECT user_id, version, as_of, score, details FROM predictions WHERE model = $1 AND user_id = $2"
	rows, err := s.pool.Query(ctx, get, model, userID)
	if err != nil {
		return Prediction{}, wrap("read a prediction", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, scanPrediction)
	if errors.Is(err, pgx.ErrNoRows) {
		return Prediction{}, ErrUnknownUser
	}
	if err != nil {
		return Prediction{}, wrap("read a prediction", err)
	}
	return p, nil
}

// PredictionFilter chooses predictions of a model.
type PredictionFilter struct {
	// Min and Max bound the score, both included.
	Min, Max float64
	// After continues a list behind this user and score; an empty user starts it.
	After Rank
	// Limit is the most that are returned.
	Limit int
}

// Rank is a place in a list of predictions.
type Rank struct {
	Score  float64
	UserID string
}

// Predictions lists a model's predictions by falling score, equal ones by user.
func (s *Store) Predictions(ctx context.Context, model string, f PredictionFilter) ([]Prediction, error) {
	rows, err := s.pool.Query(ctx, listPredictionsSQL, model, f.Min, f.Max, f.After.UserID, f.After.Score, f.Limit)
	if err != nil {
		return nil, wrap("read predictions", err)
	}
	predictions, err := pgx.CollectRows(rows, scanPrediction)
	if err != nil {
		return nil, wrap("read predictions", err)
	}
	return predictions, nil
}

// CountPredictions counts a model's predictions with a score in [minimum, maximum].
func (s *Store) CountPredictions(ctx context.Context, model string, minimum, maximum float64) (n int, err error) {
	const count = "SELECT count(*) FROM predictions WHERE model = $1 AND score >= $2 AND score <= $3"
	if err := s.pool.QueryRow(ctx, count, model, minimum, maximum).Scan(&n); err != nil {
		return 0, wrap("count predictions", err)
	}
	return n, nil
}

func scanPrediction(row pgx.CollectableRow) (Prediction, error) {
	var p Prediction
	err := row.Scan(&p.UserID, &p.Version, &p.AsOf, &p.Score, &p.Details)
	p.AsOf = p.AsOf.UTC()
	return p, err
}
