package oltp

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrTraining means that somebody trains the same model already.
var ErrTraining = errors.New("a training of this model is under way already")

// LockTraining lets one training of a model run at a time, among all processes
// that use this database. It does not wait: where one is under way it returns
// [ErrTraining]. The lock ends with unlock, and with the process.
func (s *Store) LockTraining(ctx context.Context, name string) (unlock func(), err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, wrap("lock a training", err)
	}
	const key = "hashtextextended('millrace training ' || $1, 0)"
	var free bool
	if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock("+key+")", name).Scan(&free); err != nil {
		conn.Release()
		return nil, wrap("lock a training", err)
	}
	if !free {
		conn.Release()
		return nil, fmt.Errorf("model %q: %w", name, ErrTraining)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock("+key+")", name); err != nil {
			_ = conn.Conn().Close(ctx) // which unlocks
		}
		conn.Release()
	}, nil
}

// CurrentVersion returns the number of the version in use, or [ErrNoModel]. It is
// cheap enough to be asked before each use.
func (s *Store) CurrentVersion(ctx context.Context, name string) (version int, err error) {
	const latest = "SELECT coalesce((SELECT version FROM model_promotions WHERE name = $1 ORDER BY id DESC LIMIT 1), 0)"
	if err := s.pool.QueryRow(ctx, latest, name).Scan(&version); err != nil {
		return 0, wrap("read which model is in use", err)
	}
	if version == 0 {
		return 0, fmt.Errorf("model %q: %w", name, ErrNoModel)
	}
	return version, nil
}
