package oltp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// FraudFilter chooses scores; what is zero chooses all.
type FraudFilter struct {
	// Decisions are allow, review and block; empty for all.
	Decisions []string
	UserID    string
	// From and To bound the event time: from From, before To.
	From, To time.Time
	// MinScore is the least score.
	MinScore float64
	// Before continues a list behind the row that it names.
	Before FraudCursor
}

// FraudCursor names a row of the list. Its zero value is before all.
type FraudCursor struct {
	EventTime time.Time
	EventID   string
	UserID    string
}

// Cursor names the row in the list.
func (f *FraudScore) Cursor() FraudCursor { return FraudCursor{f.EventTime, f.EventID, f.UserID} }

const fraudColumns = `event_id, user_id, event_time, (amount * 1000000)::bigint, currency, country, score, decision, base,
	reasons, features, model, topic, partition, "offset", received_at, scored_at`

// FraudScores lists up to limit scores, by event time, newest first.
func (s *Store) FraudScores(ctx context.Context, f FraudFilter, limit int) ([]FraudScore, error) {
	where, args := f.where()
	args = append(args, limit)
	sql := fmt.Sprintf("SELECT %s FROM fraud_scores %s ORDER BY event_time DESC, event_id DESC, user_id DESC LIMIT $%d", fraudColumns, where, len(args))
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, wrap("list fraud scores", err)
	}
	scores, err := pgx.CollectRows(rows, scanScore)
	if err != nil {
		return nil, wrap("list fraud scores", err)
	}
	return scores, nil
}

func scanScore(row pgx.CollectableRow) (FraudScore, error) {
	var f FraudScore
	err := row.Scan(&f.EventID, &f.UserID, &f.EventTime, &f.AmountMicros, &f.Currency, &f.Country, &f.Score, &f.Decision, &f.Base,
		&f.Reasons, &f.Features, &f.Model, &f.Topic, &f.Partition, &f.Offset, &f.ReceivedAt, &f.ScoredAt)
	f.EventTime, f.ReceivedAt, f.ScoredAt = f.EventTime.UTC(), f.ReceivedAt.UTC(), f.ScoredAt.UTC()
	return f, err
}

// where renders the conditions; every value is bound.
func (f *FraudFilter) where() (sql string, args []any) {
	var conditions []string
	add := func(condition string, values ...any) {
		numbers := make([]any, len(values))
		for i, v := range values {
			args = append(args, v)
			numbers[i] = len(args)
		}
		conditions = append(conditions, fmt.Sprintf(condition, numbers...))
	}
	if len(f.Decisions) > 0 {
		add("decision = ANY($%d)", f.Decisions)
		if !slices.Contains(f.Decisions, "allow") {
			conditions = append(conditions, "decision <> 'allow'") // which has an index of its own
		}
	}
	if f.UserID != "" {
		add("user_id = $%d", cleanText(f.UserID))
	}
	if !f.From.IsZero() {
		add("event_time >= $%d", f.From)
	}
	if !f.To.IsZero() {
		add("event_time < $%d", f.To)
	}
	if f.MinScore > 0 {
		add("score >= $%d", f.MinScore)
	}
	if !f.Before.EventTime.IsZero() {
		add("(event_time, event_id, user_id) < ($%d, $%d, $%d)", f.Before.EventTime, cleanText(f.Before.EventID), cleanText(f.Before.UserID))
	}
	if len(conditions) == 0 {
		return "", nil
	}
	return "WHERE " + strings.Join(conditions, " AND "), args
}

// FraudProfile returns what the scoring remembers of a user, and the population
// of his partition: that of the partition which has seen him last, and of history
// only where no other has. Of somebody new the profile is nil, and the population
// that of the partition which was written last; it is nil too where nothing was
// ever scored.
func (s *Store) FraudProfile(ctx context.Context, userID string) (state, population []byte, err error) {
	const known = `SELECT p.state, s.population FROM user_profiles p JOIN scoring_state s USING (topic, partition)
		WHERE p.user_id = $1 ORDER BY s.history, p.updated_at DESC LIMIT 1`
	if storable(userID) {
		err = s.pool.QueryRow(ctx, known, userID).Scan(&state, &population)
		if err == nil {
			return state, population, nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return nil, nil, wrap("read a user's profile", err)
		}
	}
	const anybody = "SELECT population FROM scoring_state ORDER BY history, updated_at DESC LIMIT 1"
	err = s.pool.QueryRow(ctx, anybody).Scan(&population)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, nil, wrap("read the population", err)
	}
	return nil, population, nil
}

// Amount is the amount as a decimal, nil where the event has none.
func (f *FraudScore) Amount() *string {
	if f.AmountMicros == nil {
		return nil
	}
	text := decimalOf(*f.AmountMicros)
	return &text
}

// decimalOf writes millionths as a decimal without needless zeros.
func decimalOf(micros int64) string {
	sign, n := "", uint64(micros)
	if micros < 0 {
		sign, n = "-", -n
	}
	text := fmt.Sprintf("%s%d.%06d", sign, n/1_000_000, n%1_000_000)
	end := len(text)
	for text[end-1] == '0' {
		end--
	}
	if text[end-1] == '.' {
		end--
	}
	return text[:end]
}
