package oltp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var (
	// ErrUnknownRule means that there is no alert rule of this id.
	ErrUnknownRule = errors.New("unknown alert rule")
	// ErrRuleName means that another rule has the name.
	ErrRuleName = errors.New("another alert rule has this name")
	// ErrUnknownAlert means that there is no alert of this id.
	ErrUnknownAlert = errors.New("unknown alert")
)

// AlertRule is a rule as it is kept.
type AlertRule struct {
	ID   string
	Name string
	// Kind is what it watches.
	Kind string
	// Definition is all that the rule says, in the alert stage's form. It holds
	// secrets.
	Definition json.RawMessage
	// Every is the time between two looks.
	Every time.Duration
	// SilencedUntil is zero where the rule is not silenced.
	SilencedUntil time.Time
	// LookedAt is zero before the first look; Note says why the latest failed.
	LookedAt time.Time
	Note     string
	// CreatedAt and UpdatedAt are set by the database.
	CreatedAt, UpdatedAt time.Time
}

const ruleColumns = `id, name, kind, definition, every_seconds, silenced_until, looked_at, note, created_at, updated_at`

func scanRule(row pgx.CollectableRow) (AlertRule, error) {
	var r AlertRule
	err := row.Scan(r.places()...)
	return r, err
}

// places is where the columns of ruleColumns go.
func (r *AlertRule) places() []any {
	return []any{
		&r.ID, &r.Name, &r.Kind, &r.Definition, (*seconds)(&r.Every), (*instant)(&r.SilencedUntil), (*instant)(&r.LookedAt), &r.Note,
		(*instant)(&r.CreatedAt), (*instant)(&r.UpdatedAt),
	}
}

// seconds reads a duration that is kept in seconds.
type seconds time.Duration

func (s *seconds) Scan(value any) error {
	v, ok := value.(float64)
	if !ok {
		return fmt.Errorf("%T is no number of seconds", value)
	}
	*s = seconds(v * float64(time.Second))
	return nil
}

// instant reads a time that may be NULL, which is the zero time.
type instant time.Time

func (i *instant) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*i = instant{}
	case time.Time:
		*i = instant(v.UTC())
	default:
		return fmt.Errorf("%T is no time", value)
	}
	return nil
}

// orNull is a time, or NULL for the zero time.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// CreateAlertRule keeps a new rule; [ErrRuleName] where its name is taken.
func (s *Store) CreateAlertRule(ctx context.Context, r AlertRule) (AlertRule, error) {
	const create = `INSERT INTO alert_rules (id, name, kind, definition, every_seconds) VALUES ($1, $2, $3, $4, $5) RETURNING ` + ruleColumns
	return s.oneRule(ctx, "create an alert rule", create, r.ID, cleanText(r.Name), r.Kind, r.Definition, r.Every.Seconds())
}

// UpdateAlertRule changes what a rule says. Its open alerts go on under the new
// terms, its silence stays.
func (s *Store) UpdateAlertRule(ctx context.Context, r AlertRule) (AlertRule, error) {
	const change = `UPDATE alert_rules SET name = $2, kind = $3, definition = $4, every_seconds = $5, note = '', next_look_at = now(), updated_at = now()
		WHERE id = $1 RETURNING ` + ruleColumns
	return s.oneRule(ctx, "change an alert rule", change, r.ID, cleanText(r.Name), r.Kind, r.Definition, r.Every.Seconds())
}

// ReplaceAlertDefinition writes what a rule says in another way, unless it has
// changed meanwhile.
func (s *Store) ReplaceAlertDefinition(ctx context.Context, id string, was, now json.RawMessage) error {
	if _, err := s.pool.Exec(ctx, "UPDATE alert_rules SET definition = $3 WHERE id = $1 AND definition = $2", id, was, now); err != nil {
		return wrap("rewrite an alert rule", err)
	}
	return nil
}

// SilenceAlertRule tells nobody that the rule's alerts fire before until; the
// zero time ends a silence.
func (s *Store) SilenceAlertRule(ctx context.Context, id string, until time.Time) (AlertRule, error) {
	const silence = `UPDATE alert_rules SET silenced_until = $2, updated_at = now() WHERE id = $1 RETURNING ` + ruleColumns
	return s.oneRule(ctx, "silence an alert rule", silence, id, orNull(until))
}

// AlertRule returns one rule, or [ErrUnknownRule].
func (s *Store) AlertRule(ctx context.Context, id string) (AlertRule, error) {
	return s.oneRule(ctx, "read an alert rule", "SELECT "+ruleColumns+" FROM alert_rules WHERE id = $1", id)
}

func (s *Store) oneRule(ctx context.Context, doing, sql string, args ...any) (AlertRule, error) {
	if !storable(args[0].(string)) {
		return AlertRule{}, ErrUnknownRule
	}
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return AlertRule{}, wrap(doing, err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, scanRule)
	var server *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return AlertRule{}, ErrUnknownRule
	case errors.As(err, &server) && server.ConstraintName == "alert_rules_name_key":
		return AlertRule{}, ErrRuleName
	case err != nil:
		return AlertRule{}, wrap(doing, err)
	}
	return r, nil
}

// AlertRules lists all rules by name.
func (s *Store) AlertRules(ctx context.Context) ([]AlertRule, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+ruleColumns+" FROM alert_rules ORDER BY name")
	if err != nil {
		return nil, wrap("list alert rules", err)
	}
	rules, err := pgx.CollectRows(rows, scanRule)
	if err != nil {
		return nil, wrap("list alert rules", err)
	}
	return rules, nil
}

// DeleteAlertRule removes a rule. Its alerts stay in the list; those that were
// open are over, and nobody is told.
func (s *Store) DeleteAlertRule(ctx context.Context, id string) error {
	if !storable(id) {
		return ErrUnknownRule
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "DELETE FROM alert_rules WHERE id = $1", id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrUnknownRule
		}
		if _, err := tx.Exec(ctx, "DELETE FROM alerts WHERE rule_id = $1 AND state = 'pending'", id); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE alerts SET state = 'resolved', resolved_at = now() WHERE rule_id = $1 AND state = 'firing'", id)
		return err
	})
	if errors.Is(err, ErrUnknownRule) {
		return ErrUnknownRule
	}
	if err != nil {
		return wrap("delete an alert rule", err)
	}
	return nil
}

// DueAlertRule is a rule with the keys of its open alerts.
type DueAlertRule struct {
	AlertRule
	Open []string
}

// TakeDueAlertRules returns up to limit rules whose next look is due, each to one
// caller, and sets when the one after is. Rules that watch purchases are never due.
func (s *Store) TakeDueAlertRules(ctx context.Context, limit int) ([]DueAlertRule, error) {
	const take = `UPDATE alert_rules r SET next_look_at = now() + every_seconds * interval '1 second'
		WHERE id IN (SELECT id FROM alert_rules WHERE kind <> 'fraud' AND next_look_at <= now() ORDER BY next_look_at LIMIT $1 FOR UPDATE SKIP LOCKED)
		RETURNING ` + ruleColumns + `, ARRAY(SELECT key FROM alerts a WHERE a.rule_id = r.id AND a.state <> 'resolved')`
	rows, err := s.pool.Query(ctx, take, limit)
	if err != nil {
		return nil, wrap("take due alert rules", err)
	}
	due, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (DueAlertRule, error) {
		var d DueAlertRule
		err := row.Scan(append(d.places(), &d.Open)...)
		return d, err
	})
	if err != nil {
		return nil, wrap("take due alert rules", err)
	}
	return due, nil
}
