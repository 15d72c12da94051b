package oltp

import (
	"context"
	"time"
)

// ChurnPass is what the latest pass over all active users knew of everybody.
type ChurnPass struct {
	// AsOf is the instant before which events were looked at; zero where there was
	// no pass.
	AsOf time.Time
	// AveragePurchase is what one is worth, by currency code.
	AveragePurchase map[string]float64
}

// SaveChurnPass puts a pass in the place of the one before.
func (s *Store) SaveChurnPass(ctx context.Context, p ChurnPass) error {
	const upsert = `INSERT INTO churn_passes (as_of, average_purchase) VALUES ($1, $2)
		ON CONFLICT (one) DO UPDATE SET as_of = excluded.as_of, average_purchase = excluded.average_purchase`
	if _, err := s.pool.Exec(ctx, upsert, p.AsOf, p.AveragePurchase); err != nil {
		return wrap("note a pass over the users", err)
	}
	return nil
}

// ChurnPass returns the latest pass, and the instant before which stored events
// are part of the user statistics.
func (s *Store) ChurnPass(ctx context.Context) (p ChurnPass, statsStoredBefore time.Time, err error) {
	const get = `SELECT stored_before, as_of, average_purchase FROM sync_state LEFT JOIN churn_passes ON true WHERE name = 'user_stats'`
	var asOf *time.Time
	if err := s.pool.QueryRow(ctx, get).Scan(&statsStoredBefore, &asOf, &p.AveragePurchase); err != nil {
		return ChurnPass{}, time.Time{}, wrap("read the latest pass over the users", err)
	}
	if asOf != nil {
		p.AsOf = asOf.UTC()
	}
	return p, statsStoredBefore.UTC(), nil
}
