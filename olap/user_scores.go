package olap

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Names of the figures that the models give users, as questions write them: alone
// or behind `user.`, and with _decile behind them for the tenth of the scored
// users that a user belongs to, 1 the largest figures.
const (
	ScoreChurn     = "churn"                  // probability to stay away, of users active lately
	ScoreAlive     = "p_alive"                // probability to buy again some day, of customers
	ScorePurchases = "expected_purchases_30d" // of customers
	ScoreValue     = "expected_value_365d"    // of customers, in the currency of the model
)

const decileSuffix = "_decile"

func scoreNames() []string { return []string{ScoreChurn, ScoreAlive, ScorePurchases, ScoreValue} }

// isScore tells a figure of a model, or its decile.
func isScore(name string) bool {
	return slices.Contains(scoreNames(), strings.TrimSuffix(name, decileSuffix))
}

// ofScore is the property behind the name of a score.
func ofScore(name string) property {
	score, decile := strings.CutSuffix(name, decileSuffix)
	// Only names of the list above come here. The tuple is read whole, as that of
	// traits is.
	source := "SELECT user_id, tupleElement(materialize(latest), 'value') AS value FROM user_scores FINAL WHERE name = '" + score +
		"' AND user_id != '' AND tupleElement(materialize(latest), 'pass') >= (SELECT max(tupleElement(latest, 'pass')) FROM user_scores WHERE name = '" + score + "' AND user_id = '')"
	if decile {
		source = "SELECT user_id, toUInt8(intDiv(10 * (row_number() OVER (ORDER BY value DESC, user_id) - 1), count() OVER ()) + 1) AS value FROM (" + source + ")"
	}
	return property{label: "user." + name, column: "value", kind: numberColumn, of: userSource(source)}
}

// scoreBatch is how many users are written with one insert.
const scoreBatch = 20_000

// ScoreWriter takes the figures of one pass over users. Until Done, questions see
// the figures of the pass before for those who have not come yet. It is not safe
// for concurrent use.
type ScoreWriter struct {
	store *Store
	names []string
	pass  uint64

	users  []string
	values [][]float64 // of each user, in the order of names
}

// NewScoreWriter begins a pass that gives each user figures of these names.
func (s *Store) NewScoreWriter(names ...string) (*ScoreWriter, error) {
	for _, name := range names {
		if !slices.Contains(scoreNames(), name) {
			return nil, fmt.Errorf("no score is called %q; there are %s", name, strings.Join(scoreNames(), ", "))
		}
	}
	return &ScoreWriter{store: s, names: names, pass: uint64(time.Now().UnixMilli())}, nil
}

// Add takes the figures of one user, in the order of the names. One that is not a
// number is left out.
func (w *ScoreWriter) Add(ctx context.Context, user string, values ...float64) error {
	if len(values) != len(w.names) {
		return fmt.Errorf("%d figures for %d names", len(values), len(w.names))
	}
	if user == "" {
		return nil // nobody; and the row of nobody is the mark of the end
	}
	w.users, w.values = append(w.users, user), append(w.values, values)
	if len(w.users) < scoreBatch {
		return nil
	}
	return w.write(ctx)
}

// Done ends the pass: who did not come is no longer scored.
func (w *ScoreWriter) Done(ctx context.Context) error {
	if err := w.write(ctx); err != nil {
		return err
	}
	w.users, w.values = append(w.users, ""), append(w.values, make([]float64, len(w.names)))
	return w.write(ctx)
}

// write stores the batch and empties it.
func (w *ScoreWriter) write(ctx context.Context) error {
	if len(w.users) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.store.cfg.WriteTimeout)
	defer cancel()
	batch, err := w.store.conn.PrepareBatch(ctx, "INSERT INTO user_scores (name, user_id, latest)")
	if err != nil {
		return fmt.Errorf("write scores of %d users: %w", len(w.users), err)
	}
	defer batch.Close()
	for n, name := range w.names {
		for i, user := range w.users {
			value := w.values[i][n]
			if math.IsNaN(value) || math.IsInf(value, 0) {
				continue
			}
			if err := batch.Append(name, user, []any{w.pass, value}); err != nil {
				return fmt.Errorf("write the score of user %q: %w", user, err)
			}
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("write scores of %d users: %w", len(w.users), err)
	}
	w.users, w.values = w.users[:0], w.values[:0]
	return nil
}
