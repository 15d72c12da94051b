package oltp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrScoringMoved means that somebody else has written scores of the partition,
// or erased profiles of it, since the step was begun: the state it was made from
// is no longer the latest.
var ErrScoringMoved = errors.New("the scoring of the partition has moved on")

// FraudScore is the judgement of one purchase.
type FraudScore struct {
	EventID   string
	UserID    string
	EventTime time.Time
	// AmountMicros is in millionths of Currency; nil where the event has none.
	AmountMicros *int64
	Currency     string
	Country      string
	// Score is from 0, usual, to 1.
	Score    float64
	Decision string // allow, review, block
	// Base is the log-odds that the reasons' effects are added to.
	Base float64
	// Reasons is a JSON array of objects with reason, effect and detail.
	Reasons  []byte
	Features []float32
	// Model is the version of the model that judged.
	Model      int
	Topic      string
	Partition  int32
	Offset     int64
	ReceivedAt time.Time
	ScoredAt   time.Time // set by the database
}

// ScoringState says how far the scoring of a partition has come.
type ScoringState struct {
	// Next is the offset that comes next; -1 where nothing was scored yet.
	Next int64
	// ReceivedAt is the last event's.
	ReceivedAt time.Time
	Population []byte
	// Erasures counts how often profiles of the partition were erased: what
	// somebody remembers from before may be among them.
	Erasures int64
}

// UserProfile is what the scoring remembers of one user.
type UserProfile struct {
	UserID string
	State  []byte
}

// ScoringStep takes a partition from one state to the next.
type ScoringStep struct {
	Topic     string
	Partition int32
	// From is the Next of the state that the step was made from.
	From int64
	// To is the state behind it, with the Erasures of the state before.
	To ScoringState
	// History tells that the topic holds history: profiles from it count for users
	// who have no other.
	History  bool
	Scores   []FraudScore
	Profiles []UserProfile // those that have changed
}

// ScoringState returns how far a partition has come.
func (s *Store) ScoringState(ctx context.Context, topic string, partition int32) (ScoringState, error) {
	const read = "SELECT next_offset, received_at, population, erasures FROM scoring_state WHERE topic = $1 AND partition = $2"
	var state ScoringState
	err := s.pool.QueryRow(ctx, read, topic, partition).Scan(&state.Next, &state.ReceivedAt, &state.Population, &state.Erasures)
	if errors.Is(err, pgx.ErrNoRows) {
		return ScoringState{Next: -1}, nil
	}
	if err != nil {
		return state, wrap("read the scoring state", err)
	}
	return state, nil
}

// HasScored tells whether anybody has ever scored purchases.
func (s *Store) HasScored(ctx context.Context) (scored bool, err error) {
	if err := s.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM scoring_state)").Scan(&scored); err != nil {
		return false, wrap("read the scoring state", err)
	}
	return scored, nil
}

// UserProfiles returns the profiles that exist of these users in a partition, in
// no particular order.
func (s *Store) UserProfiles(ctx context.Context, topic string, partition int32, users []string) ([]UserProfile, error) {
	const read = "SELECT user_id, state FROM user_profiles WHERE user_id = ANY($1) AND topic = $2 AND partition = $3"
	rows, err := s.pool.Query(ctx, read, users, topic, partition)
	if err != nil {
		return nil, wrap("read user profiles", err)
	}
	profiles, err := pgx.CollectRows(rows, pgx.RowToStructByPos[UserProfile])
	if err != nil {
		return nil, wrap("read user profiles", err)
	}
	return profiles, nil
}

// SaveScoring writes a step whole, or nothing of it. It returns
// [ErrScoringMoved] where the partition's state is not the one the step was made
// from; so of several processes that score a partition at once, one gets ahead,
// and the others write nothing. A purchase that has a score keeps it.
func (s *Store) SaveScoring(ctx context.Context, step ScoringStep) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := moveScoring(ctx, tx, step); err != nil {
			return err
		}
		if err := insertScores(ctx, tx, step.Scores); err != nil {
			return err
		}
		return upsertProfiles(ctx, tx, step)
	})
	if err != nil {
		return wrap(fmt.Sprintf("save the scoring of %s/%d from %d", step.Topic, step.Partition, step.From), err)
	}
	return nil
}

// moveScoring takes the row's lock first, so that others wait or fail.
func moveScoring(ctx context.Context, tx pgx.Tx, step ScoringStep) error {
	const (
		begin = `INSERT INTO scoring_state (topic, partition, next_offset, received_at, population, history) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT DO NOTHING`
		move = `UPDATE scoring_state SET next_offset = $3, received_at = $4, population = $5, updated_at = now()
			WHERE topic = $1 AND partition = $2 AND next_offset = $6 AND erasures = $7`
	)
	sql, args := begin, []any{step.Topic, step.Partition, step.To.Next, step.To.ReceivedAt, step.To.Population, step.History}
	if step.From >= 0 {
		sql, args = move, append(args[:5], step.From, step.To.Erasures)
	}
	tag, err := tx.Exec(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("move the state: %w", err)
	}
	if tag.RowsAffected() != 1 {
		return ErrScoringMoved
	}
	return nil
}

const insertScoresSQL = `INSERT INTO fraud_scores (event_id, user_id, event_time, amount, currency, country, score, decision, base,
		reasons, features, model, topic, partition, "offset", received_at)
	SELECT event_id, user_id, event_time, amount::numeric / 1000000, currency, country, score, decision, base,
		reasons::jsonb, features::real[], model, topic, partition, "offset", received_at
	FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[], $5::text[], $6::text[], $7::float8[], $8::text[], $9::float8[],
		$10::text[], $11::text[], $12::int[], $13::text[], $14::int[], $15::bigint[], $16::timestamptz[])
		AS rows (event_id, user_id, event_time, amount, currency, country, score, decision, base,
			reasons, features, model, topic, partition, "offset", received_at)
	ON CONFLICT DO NOTHING`

// insertScores writes all rows with one statement.
func insertScores(ctx context.Context, tx pgx.Tx, scores []FraudScore) error {
	if len(scores) == 0 {
		return nil
	}
	var c scoreColumns
	for i := range scores {
		c.append(&scores[i])
	}
	if _, err := tx.Exec(ctx, insertScoresSQL, c.args()...); err != nil {
		return fmt.Errorf("write %d scores: %w", len(scores), err)
	}
	return nil
}

// upsertProfiles writes the changed profiles with one statement, which touches a
// row once: the step has each user once.
func upsertProfiles(ctx context.Context, tx pgx.Tx, step ScoringStep) error {
	const upsert = `INSERT INTO user_profiles (user_id, topic, partition, state)
		SELECT user_id, $2, $3, state FROM unnest($1::text[], $4::bytea[]) AS rows (user_id, state)
		ON CONFLICT (user_id, topic, partition) DO UPDATE SET state = excluded.state, updated_at = now()`
	if len(step.Profiles) == 0 {
		return nil
	}
	users, states := make([]string, len(step.Profiles)), make([][]byte, len(step.Profiles))
	for i, p := range step.Profiles {
		users[i], states[i] = p.UserID, p.State
	}
	if _, err := tx.Exec(ctx, upsert, users, step.Topic, step.Partition, states); err != nil {
		return fmt.Errorf("write %d profiles: %w", len(users), err)
	}
	return nil
}
