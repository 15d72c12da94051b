package oltp

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// JudgedPurchase is what a model of fraud can learn from.
type JudgedPurchase struct {
	EventTime time.Time
	Features  []float32
}

// JudgedPurchases returns the latest purchases judged since an instant, at most
// limit, in the order in which they were judged.
func (s *Store) JudgedPurchases(ctx context.Context, since time.Time, limit int) ([]JudgedPurchase, error) {
	const latest = `SELECT event_time, features FROM
		(SELECT event_time, features, scored_at, topic, partition, "offset" FROM fraud_scores WHERE scored_at >= $1 ORDER BY scored_at DESC LIMIT $2)
		ORDER BY scored_at, topic, partition, "offset"`
	rows, err := s.pool.Query(ctx, latest, since, limit)
	if err != nil {
		return nil, wrap("read judged purchases", err)
	}
	purchases, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p JudgedPurchase, err error) {
		err = row.Scan(&p.EventTime, &p.Features)
		p.EventTime = p.EventTime.UTC()
		return p, err
	})
	if err != nil {
		return nil, wrap("read judged purchases", err)
	}
	return purchases, nil
}
