package oltp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Drift tells how far today's users are from those that a version of a model was
// trained on, as population stability indexes.
type Drift struct {
	Name    string
	Version int
	// AsOf is the instant before which events were looked at.
	AsOf time.Time
	// Users is how many were compared.
	Users int
	// Score is the index of the model's score, Features that of each feature.
	Score    float64
	Features map[string]float64
}

// SaveDrift puts a measurement in the place of the version's one before.
func (s *Store) SaveDrift(ctx context.Context, d Drift) error {
	const upsert = `INSERT INTO model_drift (name, version, as_of, users, score, features) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (name, version) DO UPDATE SET
			as_of = excluded.as_of, users = excluded.users, score = excluded.score, features = excluded.features`
	_, err := s.pool.Exec(ctx, upsert, d.Name, d.Version, d.AsOf, d.Users, d.Score, d.Features)
	if isForeignKey(err) {
		return fmt.Errorf("model %q, version %d: %w", d.Name, d.Version, ErrUnknownModel)
	}
	if err != nil {
		return wrap("write a model's drift", err)
	}
	return nil
}

// Drift returns the latest measurement of a version; known is false where there
// is none.
func (s *Store) Drift(ctx context.Context, name string, version int) (d Drift, known bool, err error) {
	d = Drift{Name: name, Version: version}
	const get = "SELECT as_of, users, score, features FROM model_drift WHERE name = $1 AND version = $2"
	err = s.pool.QueryRow(ctx, get, name, version).Scan(&d.AsOf, &d.Users, &d.Score, &d.Features)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Drift{}, false, nil
	case err != nil:
		return Drift{}, false, wrap("read a model's drift", err)
	}
	d.AsOf = d.AsOf.UTC()
	return d, true, nil
}
