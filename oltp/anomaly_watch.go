package oltp

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// AnomalyWatch is what the search for incidents has learned by the windows that
// it has seen. The zero value has seen none.
type AnomalyWatch struct {
	Version  int64  // of the row; SaveAnomalies counts it up
	Settings string // JSON; a watch with others begins anew
	// Since is the start of the first window, HoursUntil and DaysUntil the ends of
	// the last.
	Since, HoursUntil, DaysUntil time.Time
	Events                       int64 // that the windows held when they were seen
	Series                       int
	Hours, Days                  []byte // the state of each grid
}

// ErrAnomalyWatchMoved means that another process has continued the watch.
var ErrAnomalyWatchMoved = errors.New("another process has looked for incidents meanwhile")

// AnomalyWatch returns what the last [Store.SaveAnomalies] has kept, zero before
// the first.
func (s *Store) AnomalyWatch(ctx context.Context) (AnomalyWatch, error) {
	return s.readWatch(ctx, "SELECT version, settings, since, hours_until, days_until, events, series, hours, days FROM anomaly_watch")
}

// AnomalyProgress is AnomalyWatch without the states, which may be megabytes.
func (s *Store) AnomalyProgress(ctx context.Context) (AnomalyWatch, error) {
	return s.readWatch(ctx, "SELECT version, settings, since, hours_until, days_until, events, series, NULL::bytea, NULL::bytea FROM anomaly_watch")
}

func (s *Store) readWatch(ctx context.Context, sql string) (AnomalyWatch, error) {
	var w AnomalyWatch
	err := s.pool.QueryRow(ctx, sql).
		Scan(&w.Version, &w.Settings, &w.Since, &w.HoursUntil, &w.DaysUntil, &w.Events, &w.Series, &w.Hours, &w.Days)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return AnomalyWatch{}, wrap("read the watch of anomalies", err)
	}
	w.Since, w.HoursUntil, w.DaysUntil = w.Since.UTC(), w.HoursUntil.UTC(), w.DaysUntil.UTC()
	return w, nil
}

// SaveAnomalies keeps a watch and, in the same transaction, makes the table hold
// the incidents that it knows of the time since an instant, whatever it held
// before: one that is there already keeps its id, one that is no longer known is
// withdrawn. The watch must follow on the stored one, else nothing is written and
// the error is ErrAnomalyWatchMoved: a window is never seen twice. The new
// version is returned.
func (s *Store) SaveAnomalies(ctx context.Context, found []Anomaly, knownSince time.Time, w AnomalyWatch) (version int64, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := moveWatch(ctx, tx, w); err != nil {
			return err
		}
		return replaceAnomalies(ctx, tx, found, knownSince)
	})
	if err != nil {
		return 0, wrap("save anomalies", err)
	}
	return w.Version + 1, nil
}

// moveWatch takes the row's lock, which also makes writers take turns.
func moveWatch(ctx context.Context, tx pgx.Tx, w AnomalyWatch) error {
	const move = `INSERT INTO anomaly_watch AS old (version, settings, since, hours_until, days_until, events, series, hours, days)
VALUES ($1::bigint + 1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (one) DO UPDATE SET (version, settings, since, hours_until, days_until, events, series, hours, days, updated_at)
    = (excluded.version, excluded.settings, excluded.since, excluded.hours_until, excluded.days_until, excluded.events, excluded.series, excluded.hours, excluded.days, now())
WHERE old.version = $1`
	moved, err := tx.Exec(ctx, move, w.Version, w.Settings, w.Since, w.HoursUntil, w.DaysUntil, w.Events, w.Series, w.Hours, w.Days)
	if err == nil && moved.RowsAffected() == 0 {
		return ErrAnomalyWatchMoved
	}
	return err
}

func replaceAnomalies(ctx context.Context, tx pgx.Tx, found []Anomaly, knownSince time.Time) error {
	stored, err := readAnomalies(ctx, tx, "SELECT "+anomalyColumns+" FROM anomalies WHERE ended_at >= $1 ORDER BY withdrawn, created_at, id", knownSince)
	if err != nil {
		return err
	}
	named := nameAnomalies(found, stored)
	ids := make([]string, len(named))
	for i := range named {
		ids[i] = named[i].ID
		if err := upsertAnomaly(ctx, tx, &named[i]); err != nil {
			return err
		}
	}
	const withdraw = "UPDATE anomalies SET withdrawn = true, updated_at = now() WHERE NOT withdrawn AND ended_at >= $2 AND id <> ALL($1)"
	_, err = tx.Exec(ctx, withdraw, ids, knownSince)
	return err
}
