package oltp

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// AlertDelivery is one message for one channel.
type AlertDelivery struct {
	// ID is the idempotency key.
	ID      string
	AlertID string // empty for a test
	RuleID  string
	Channel string // its name in the rule
	Kind    string
	Event   string
	// Body is what is sent, the same with every attempt.
	Body      []byte
	CreatedAt time.Time
	// Attempts counts those that were begun.
	Attempts int
}

// AlertDeliveryStatus is a delivery with how it went.
type AlertDeliveryStatus struct {
	AlertDelivery
	NextAt              time.Time // of the next attempt, or the end of the lease of the one under way
	DeliveredAt, DiedAt time.Time // zero where not
	LastFault           string
	Log                 []AlertAttempt
}

// AlertAttempt is one attempt that has ended.
type AlertAttempt struct {
	Attempt      int       `json:"attempt"`
	At           time.Time `json:"at"`
	Milliseconds float64   `json:"elapsed_ms"`
	// Fault is empty where the receiver has acknowledged.
	Fault string `json:"fault"`
}

func queueDeliveries(batch *pgx.Batch, deliveries []AlertDelivery) {
	const insert = `INSERT INTO alert_deliveries (id, alert_id, rule_id, channel, kind, event, body, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	for i := range deliveries {
		d := &deliveries[i]
		batch.Queue(insert, d.ID, d.AlertID, d.RuleID, d.Channel, d.Kind, d.Event, d.Body, d.CreatedAt)
	}
}

// AddAlertDeliveries writes deliveries that no change of an alert has caused.
func (s *Store) AddAlertDeliveries(ctx context.Context, deliveries []AlertDelivery) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		return writeAlerts(ctx, tx, AlertStep{Deliveries: deliveries})
	})
	if err != nil {
		return wrap("write deliveries", err)
	}
	return nil
}

// DueAlertDelivery is a delivery with the definition of its rule, nil where that
// is gone.
type DueAlertDelivery struct {
	AlertDelivery
	Definition json.RawMessage
}

// TakeAlertDeliveries returns up to limit deliveries that are due, and lets nobody
// have them again before the lease is over. What is told of one alert to one
// channel goes in order: a delivery waits for those before it.
func (s *Store) TakeAlertDeliveries(ctx context.Context, limit int, lease time.Duration) ([]DueAlertDelivery, error) {
	const take = `WITH taken AS (
			UPDATE alert_deliveries SET attempts = attempts + 1, next_at = now() + $2 * interval '1 second'
			WHERE seq IN (
				SELECT seq FROM alert_deliveries d
				WHERE delivered_at IS NULL AND dead_at IS NULL AND next_at <= now()
					AND (alert_id = '' OR NOT EXISTS (SELECT FROM alert_deliveries b WHERE b.alert_id = d.alert_id AND b.channel = d.channel
						AND b.seq < d.seq AND b.delivered_at IS NULL AND b.dead_at IS NULL))
				ORDER BY next_at, seq LIMIT $1 FOR UPDATE SKIP LOCKED)
			RETURNING *)
		SELECT t.id, t.alert_id, t.rule_id, t.channel, t.kind, t.event, t.body, t.created_at, t.attempts, r.definition
		FROM taken t LEFT JOIN alert_rules r ON r.id = t.rule_id ORDER BY t.seq`
	rows, err := s.pool.Query(ctx, take, limit, lease.Seconds())
	if err != nil {
		return nil, wrap("take deliveries", err)
	}
	due, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (DueAlertDelivery, error) {
		var d DueAlertDelivery
		err := row.Scan(&d.ID, &d.AlertID, &d.RuleID, &d.Channel, &d.Kind, &d.Event, &d.Body, (*instant)(&d.CreatedAt), &d.Attempts, &d.Definition)
		return d, err
	})
	if err != nil {
		return nil, wrap("take deliveries", err)
	}
	return due, nil
}

// AlertAttemptEnd is how an attempt has ended: delivered, dead, or to be repeated
// at Next.
type AlertAttemptEnd struct {
	ID        string
	Attempt   int
	At        time.Time
	Took      time.Duration
	Delivered bool
	Dead      bool
	Next      time.Time
	Fault     string
}

// EndAlertAttempt adds an attempt to its delivery's log and moves the delivery on.
// An attempt whose lease was over, so that another was begun, only counts where it
// has delivered.
func (s *Store) EndAlertAttempt(ctx context.Context, e AlertAttemptEnd) error {
	const end = `UPDATE alert_deliveries SET log = log || $2::jsonb, last_fault = $3,
			delivered_at = CASE WHEN $4 THEN coalesce(delivered_at, now()) ELSE delivered_at END,
			dead_at = CASE WHEN $5 AND attempts = $7 AND delivered_at IS NULL THEN now() WHEN $4 THEN NULL ELSE dead_at END,
			next_at = CASE WHEN attempts = $7 AND NOT $4 AND NOT $5 THEN $6 ELSE next_at END
		WHERE id = $1`
	entry, err := json.Marshal([]AlertAttempt{{
		Attempt: e.Attempt, At: e.At.UTC().Truncate(time.Millisecond), Milliseconds: float64(e.Took.Microseconds()) / 1000, Fault: cleanText(e.Fault),
	}})
	if err != nil {
		return fmt.Errorf("end an attempt: %w", err)
	}
	if _, err := s.pool.Exec(ctx, end, e.ID, string(entry), cleanText(e.Fault), e.Delivered, e.Dead, e.Next, e.Attempt); err != nil {
		return wrap("end an attempt", err)
	}
	return nil
}

// AlertDeliveries lists the deliveries of an alert, the oldest first, or
// [ErrUnknownAlert].
func (s *Store) AlertDeliveries(ctx context.Context, alertID string) ([]AlertDeliveryStatus, error) {
	known := false
	if storable(alertID) {
		if err := s.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM alerts WHERE id = $1)", alertID).Scan(&known); err != nil {
			return nil, wrap("read an alert", err)
		}
	}
	if !known {
		return nil, ErrUnknownAlert
	}
	return s.deliveries(ctx, "WHERE alert_id = $1 ORDER BY seq", alertID)
}

// RuleDeliveries lists the newest deliveries of a rule, the newest first.
func (s *Store) RuleDeliveries(ctx context.Context, ruleID string, limit int) ([]AlertDeliveryStatus, error) {
	return s.deliveries(ctx, "WHERE rule_id = $1 ORDER BY seq DESC LIMIT $2", cleanText(ruleID), limit)
}

func (s *Store) deliveries(ctx context.Context, which string, args ...any) ([]AlertDeliveryStatus, error) {
	const read = `SELECT id, alert_id, rule_id, channel, kind, event, body, created_at, attempts, next_at, delivered_at, dead_at, last_fault, log
		FROM alert_deliveries `
	rows, err := s.pool.Query(ctx, read+which, args...)
	if err != nil {
		return nil, wrap("list deliveries", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (AlertDeliveryStatus, error) {
		var d AlertDeliveryStatus
		err := row.Scan(&d.ID, &d.AlertID, &d.RuleID, &d.Channel, &d.Kind, &d.Event, &d.Body, (*instant)(&d.CreatedAt), &d.Attempts,
			(*instant)(&d.NextAt), (*instant)(&d.DeliveredAt), (*instant)(&d.DiedAt), &d.LastFault, &d.Log)
		return d, err
	})
	if err != nil {
		return nil, wrap("list deliveries", err)
	}
	return all, nil
}

// AlertBacklog tells how many deliveries are neither acknowledged nor dead, and
// when the oldest of them was written; zero for none.
func (s *Store) AlertBacklog(ctx context.Context) (waiting int64, oldest time.Time, err error) {
	const count = "SELECT count(*), min(created_at) FROM alert_deliveries WHERE delivered_at IS NULL AND dead_at IS NULL"
	if err := s.pool.QueryRow(ctx, count).Scan(&waiting, (*instant)(&oldest)); err != nil {
		return 0, time.Time{}, wrap("count deliveries", err)
	}
	return waiting, oldest, nil
}
