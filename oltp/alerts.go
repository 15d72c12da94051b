package oltp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Alert is one episode of a rule's condition, for one key.
type Alert struct {
	ID       string
	RuleID   string
	Rule     string // its name at the time
	Kind     string
	Key      string
	Severity string
	State    string // pending, firing, resolved
	Told     string // the state that the channels were told last; empty for none
	Value    *float64
	Summary  string
	Labels   map[string]string
	// Action is a JSON object or nil.
	Action []byte
	// Zero where it has not come to that.
	StartedAt, SeenAt, FiredAt, ClearSince, ResolvedAt time.Time
}

// AlertStep is what is written in one transaction.
type AlertStep struct {
	// Alerts are new or changed; Gone are the ids of those that were none.
	Alerts     []Alert
	Gone       []string
	Deliveries []AlertDelivery
}

const alertColumns = `id, rule_id, rule, kind, key, severity, state, told, value, summary, labels, action,
	started_at, seen_at, fired_at, clear_since, resolved_at`

func scanAlert(row pgx.CollectableRow) (Alert, error) {
	var a Alert
	err := row.Scan(&a.ID, &a.RuleID, &a.Rule, &a.Kind, &a.Key, &a.Severity, &a.State, &a.Told, &a.Value, &a.Summary, &a.Labels, &a.Action,
		(*instant)(&a.StartedAt), (*instant)(&a.SeenAt), (*instant)(&a.FiredAt), (*instant)(&a.ClearSince), (*instant)(&a.ResolvedAt))
	return a, err
}

// StepAlerts gives the open alerts of a rule to step and writes what it returns,
// and the note, in one transaction that holds the rule. It returns
// [ErrUnknownRule] where the rule is gone.
func (s *Store) StepAlerts(ctx context.Context, ruleID, note string, step func(open []Alert) (AlertStep, error)) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "UPDATE alert_rules SET looked_at = now(), note = $2 WHERE id = $1", ruleID, cleanText(note))
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrUnknownRule
		}
		rows, err := tx.Query(ctx, "SELECT "+alertColumns+" FROM alerts WHERE rule_id = $1 AND state <> 'resolved'", ruleID)
		if err != nil {
			return err
		}
		open, err := pgx.CollectRows(rows, scanAlert)
		if err != nil {
			return err
		}
		result, err := step(open)
		if err != nil {
			return err
		}
		return writeAlerts(ctx, tx, result)
	})
	if errors.Is(err, ErrUnknownRule) {
		return ErrUnknownRule
	}
	if err != nil {
		return wrap("move the alerts of a rule on", err)
	}
	return nil
}

// writeAlerts sends all rows in one round trip.
func writeAlerts(ctx context.Context, tx pgx.Tx, step AlertStep) error {
	const upsert = `INSERT INTO alerts (` + alertColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, told = excluded.told, value = excluded.value, summary = excluded.summary,
			action = excluded.action, started_at = excluded.started_at, seen_at = excluded.seen_at, fired_at = excluded.fired_at,
			clear_since = excluded.clear_since, resolved_at = excluded.resolved_at`
	var batch pgx.Batch
	for i := range step.Alerts {
		a := &step.Alerts[i]
		labels, err := json.Marshal(a.Labels)
		if err != nil {
			return err
		}
		batch.Queue(upsert, a.ID, a.RuleID, a.Rule, a.Kind, cleanText(a.Key), a.Severity, a.State, a.Told, a.Value, cleanText(a.Summary), labels,
			jsonOrNull(a.Action), a.StartedAt, a.SeenAt, orNull(a.FiredAt), orNull(a.ClearSince), orNull(a.ResolvedAt))
	}
	if len(step.Gone) > 0 {
		batch.Queue("DELETE FROM alerts WHERE id = ANY($1)", step.Gone)
	}
	queueDeliveries(&batch, step.Deliveries)
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("write %d alerts and %d deliveries: %w", len(step.Alerts), len(step.Deliveries), err)
	}
	return nil
}

// jsonOrNull is text for a jsonb column; nil is NULL.
func jsonOrNull(text []byte) *string {
	if len(text) == 0 {
		return nil
	}
	s := string(text)
	return &s
}

// TakeFoundPurchases gives up to limit purchases that nobody has taken yet, in
// their order, and the rules that watch purchases to step, and writes what it
// returns in the transaction that takes them. It returns how many there were.
func (s *Store) TakeFoundPurchases(ctx context.Context, limit int, step func([]AlertRule, []FraudScore) (AlertStep, error)) (int, error) {
	taken := 0
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		scores, err := takePurchases(ctx, tx, limit)
		if taken = len(scores); err != nil || taken == 0 {
			return err
		}
		rows, err := tx.Query(ctx, "SELECT "+ruleColumns+" FROM alert_rules WHERE kind = 'fraud' ORDER BY name FOR SHARE")
		if err != nil {
			return err
		}
		rules, err := pgx.CollectRows(rows, scanRule)
		if err != nil {
			return err
		}
		result, err := step(rules, scores)
		if err != nil {
			return err
		}
		return writeAlerts(ctx, tx, result)
	})
	if err != nil {
		return 0, wrap("take found purchases", err)
	}
	return taken, nil
}

func takePurchases(ctx context.Context, tx pgx.Tx, limit int) ([]FraudScore, error) {
	const take = `WITH taken AS (
			DELETE FROM alert_purchases WHERE seq IN (SELECT seq FROM alert_purchases ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED)
			RETURNING seq, event_id, user_id)
		SELECT ` + fraudColumns + ` FROM taken JOIN fraud_scores USING (event_id, user_id) ORDER BY seq`
	rows, err := tx.Query(ctx, take, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanScore)
}

// AlertFilter chooses alerts; what is empty chooses all.
type AlertFilter struct {
	States, Severities []string
	RuleID             string
	// Before continues a list behind the alert that it names.
	Before AlertCursor
}

// AlertCursor names an alert of the list. Its zero value is before all.
type AlertCursor struct {
	StartedAt time.Time
	ID        string
}

// Alerts lists up to limit alerts by when they started, the newest first.
func (s *Store) Alerts(ctx context.Context, f AlertFilter, limit int) ([]Alert, error) {
	const find = "SELECT " + alertColumns + ` FROM alerts
		WHERE (cardinality($1::text[]) = 0 OR state = ANY($1)) AND (cardinality($2::text[]) = 0 OR severity = ANY($2))
			AND ($3 = '' OR rule_id = $3) AND ($4::timestamptz IS NULL OR (started_at, id) < ($4, $5))
		ORDER BY started_at DESC, id DESC LIMIT $6`
	states, severities := append([]string{}, f.States...), append([]string{}, f.Severities...)
	rows, err := s.pool.Query(ctx, find, states, severities, cleanText(f.RuleID), orNull(f.Before.StartedAt), cleanText(f.Before.ID), limit)
	if err != nil {
		return nil, wrap("list alerts", err)
	}
	alerts, err := pgx.CollectRows(rows, scanAlert)
	if err != nil {
		return nil, wrap("list alerts", err)
	}
	return alerts, nil
}

// AnomaliesForRule returns the incidents that a rule of this age has to look at:
// those that go on or were found since, and have no alert of the rule, and those
// whose alert is open. What was withdrawn is not among them.
func (s *Store) AnomaliesForRule(ctx context.Context, ruleID string, since time.Time) ([]Anomaly, error) {
	const find = "SELECT " + anomalyColumns + ` FROM anomalies i WHERE NOT withdrawn AND (
			EXISTS (SELECT FROM alerts a WHERE a.rule_id = $1 AND a.key = i.id AND a.state <> 'resolved')
			OR (ongoing OR created_at >= $2) AND NOT EXISTS (SELECT FROM alerts a WHERE a.rule_id = $1 AND a.key = i.id))
		ORDER BY started_at, id`
	found, err := readAnomalies(ctx, s.pool, find, ruleID, since)
	if err != nil {
		return nil, wrap("find incidents for a rule", err)
	}
	return found, nil
}

// ForgetAlerts removes alerts that were resolved before, and deliveries that were
// done before.
func (s *Store) ForgetAlerts(ctx context.Context, before time.Time) error {
	// An alert stays as long as its deliveries: it says whom they are about.
	const alerts = `DELETE FROM alerts a WHERE state = 'resolved' AND resolved_at < $1 AND NOT EXISTS (SELECT FROM alert_deliveries d WHERE d.alert_id = a.id)`
	_, err := s.pool.Exec(ctx, "DELETE FROM alert_deliveries WHERE coalesce(delivered_at, dead_at) < $1", before)
	if err == nil {
		_, err = s.pool.Exec(ctx, alerts, before)
	}
	if err != nil {
		return wrap("remove old alerts", err)
	}
	return nil
}
