package oltp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ChurnFeatures are the features of one user at one instant.
type ChurnFeatures struct {
	UserID string
	// AsOf is the instant before which events were looked at.
	AsOf time.Time
	// StoredBefore is the store's time before which events were looked at: what was
	// stored since is not known of.
	StoredBefore time.Time
	// Features are the values by name. One that is 0 need not be there.
	Features map[string]float64
}

// SaveChurnFeatures puts the users' features in the place of those before, all or
// none. A user whose id Postgres cannot hold is left out. Values of 0 are not
// stored: most users never did most things.
func (s *Store) SaveChurnFeatures(ctx context.Context, rows []ChurnFeatures) error {
	rows, _ = inLockOrder(rows, func(f ChurnFeatures) string { return f.UserID })
	var users, features []string
	var asOf, stored []time.Time
	for _, r := range rows {
		text, err := json.Marshal(withoutZeros(r.Features))
		if err != nil {
			return fmt.Errorf("features of user %q: %w", r.UserID, err)
		}
		users, features = append(users, r.UserID), append(features, string(text))
		asOf, stored = append(asOf, r.AsOf), append(stored, r.StoredBefore)
	}
	const upsert = `INSERT INTO churn_features (user_id, as_of, stored_before, features)
		SELECT user_id, as_of, stored_before, features::jsonb
		FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::text[]) AS t (user_id, as_of, stored_before, features)
		ON CONFLICT (user_id) DO UPDATE SET as_of = excluded.as_of, stored_before = excluded.stored_before, features = excluded.features`
	if _, err := s.pool.Exec(ctx, upsert, users, asOf, stored, features); err != nil {
		return wrap(fmt.Sprintf("write churn features of %d users", len(users)), err)
	}
	return nil
}

func withoutZeros(features map[string]float64) map[string]float64 {
	kept := make(map[string]float64, len(features))
	for name, value := range features {
		if value != 0 {
			kept[name] = value
		}
	}
	return kept
}

// DropChurnFeatures removes features of before asOf: of users who are no longer
// looked at.
func (s *Store) DropChurnFeatures(ctx context.Context, asOf time.Time) error {
	if _, err := s.pool.Exec(ctx, "DELETE FROM churn_features WHERE as_of < $1", asOf); err != nil {
		return wrap("remove old churn features", err)
	}
	return nil
}

// ChurnFeatures returns a user's features without those that are 0, or
// [ErrUnknownUser].
func (s *Store) ChurnFeatures(ctx context.Context, userID string) (ChurnFeatures, error) {
	if !storable(userID) {
		return ChurnFeatures{}, ErrUnknownUser
	}
	f := ChurnFeatures{UserID: userID}
	err := s.pool.QueryRow(ctx, "SELECT as_of, stored_before, features FROM churn_features WHERE user_id = $1", userID).Scan(&f.AsOf, &f.StoredBefore, &f.Features)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return ChurnFeatures{}, ErrUnknownUser
	case err != nil:
		return ChurnFeatures{}, wrap("read churn features", err)
	}
	f.AsOf, f.StoredBefore = f.AsOf.UTC(), f.StoredBefore.UTC()
	return f, nil
}
