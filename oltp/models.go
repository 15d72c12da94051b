package oltp

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var (
	//go:embed model_save.sql
	saveModelSQL string
	//go:embed model_list.sql
	listModelsSQL string
)

var (
	// ErrNoModel means that no version of the model is in use yet.
	ErrNoModel = errors.New("no model is in use")
	// ErrUnknownModel means that there is no such version of the model.
	ErrUnknownModel = errors.New("unknown model")
)

// Model is one trained version of a model. It never changes once saved.
type Model struct {
	Name string
	// Version counts from 1 per name; SaveModel gives it.
	Version int
	// CreatedAt is when the version was saved.
	CreatedAt time.Time
	// TrainedFrom and TrainedUntil bound the events it learnt from, [from, until).
	TrainedFrom, TrainedUntil time.Time
	// CodeVersion is the millrace that trained it.
	CodeVersion string
	// Parameters are what it needs to predict, in a form of the model's own. They
	// may be large, so [Store.Models] leaves them out.
	Parameters json.RawMessage
	// Metrics are what was measured of it, in a form of the model's own.
	Metrics json.RawMessage
	// PromotedAt is when the version was put to use last; zero where it never was.
	PromotedAt time.Time
	// Current tells the one version of its name that is in use.
	Current bool
}

// Promotion is one change of the version in use.
type Promotion struct {
	Name    string
	Version int
	At      time.Time
	// Reason is a sentence for people: why this version.
	Reason string
}

// SaveModel keeps a new version and returns it with its number and time. The new
// version is not in use until it is promoted.
func (s *Store) SaveModel(ctx context.Context, m Model) (Model, error) {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		// Two trainings that end together get two numbers.
		const lock = "SELECT pg_advisory_xact_lock(hashtextextended('millrace models ' || $1, 0))"
		if _, err := tx.Exec(ctx, lock, m.Name); err != nil {
			return err
		}
		return tx.QueryRow(ctx, saveModelSQL, m.Name, m.TrainedFrom, m.TrainedUntil, m.CodeVersion,
			m.Parameters, m.Metrics).Scan(&m.Version, &m.CreatedAt)
	})
	if err != nil {
		return Model{}, wrap(fmt.Sprintf("save model %q", m.Name), err)
	}
	m.CreatedAt, m.PromotedAt, m.Current = m.CreatedAt.UTC(), time.Time{}, false
	return m, nil
}

// CurrentModel returns the version in use, or [ErrNoModel].
func (s *Store) CurrentModel(ctx context.Context, name string) (Model, error) {
	models, err := s.listModels(ctx, modelFilter{name: name, onlyCurrent: true, parameters: true})
	if err == nil && len(models) == 0 {
		err = fmt.Errorf("model %q: %w", name, ErrNoModel)
	}
	if err != nil {
		return Model{}, err
	}
	return models[0], nil
}

// Model returns one version, or [ErrUnknownModel].
func (s *Store) Model(ctx context.Context, name string, version int) (Model, error) {
	models, err := s.listModels(ctx, modelFilter{name: name, version: version, parameters: true})
	if err == nil && len(models) == 0 {
		err = fmt.Errorf("model %q, version %d: %w", name, version, ErrUnknownModel)
	}
	if err != nil {
		return Model{}, err
	}
	return models[0], nil
}

// Models returns every version of a name, or of all names where name is empty,
// by name and then the newest first, without their parameters.
func (s *Store) Models(ctx context.Context, name string) ([]Model, error) {
	return s.listModels(ctx, modelFilter{name: name})
}

// modelFilter says which versions are meant; the zero value means all.
type modelFilter struct {
	name        string
	version     int
	onlyCurrent bool
	parameters  bool
}

func (s *Store) listModels(ctx context.Context, f modelFilter) ([]Model, error) {
	rows, err := s.pool.Query(ctx, listModelsSQL, f.name, f.version, f.onlyCurrent, f.parameters)
	if err != nil {
		return nil, wrap("read models", err)
	}
	models, err := pgx.CollectRows(rows, scanModel)
	if err != nil {
		return nil, wrap("read models", err)
	}
	return models, nil
}

func scanModel(row pgx.CollectableRow) (Model, error) {
	var m Model
	var promotedAt *time.Time
	err := row.Scan(&m.Name, &m.Version, &m.CreatedAt, &m.TrainedFrom, &m.TrainedUntil, &m.CodeVersion,
		&m.Parameters, &m.Metrics, &promotedAt, &m.Current)
	if promotedAt != nil {
		m.PromotedAt = promotedAt.UTC()
	}
	m.CreatedAt, m.TrainedFrom, m.TrainedUntil = m.CreatedAt.UTC(), m.TrainedFrom.UTC(), m.TrainedUntil.UTC()
	return m, err
}

// PromoteModel puts a version to use in place of the one before it; an old
// version is restored the same way. A version that does not exist is
// [ErrUnknownModel].
func (s *Store) PromoteModel(ctx context.Context, name string, version int, reason string) (Promotion, error) {
	p := Promotion{Name: name, Version: version, Reason: reason}
	const insert = "INSERT INTO model_promotions (name, version, reason) VALUES ($1, $2, $3) RETURNING promoted_at"
	err := s.pool.QueryRow(ctx, insert, name, version, reason).Scan(&p.At)
	if isForeignKey(err) {
		return Promotion{}, fmt.Errorf("model %q, version %d: %w", name, version, ErrUnknownModel)
	}
	if err != nil {
		return Promotion{}, wrap("promote a model", err)
	}
	p.At = p.At.UTC()
	return p, nil
}

// Promotions returns the changes of a name's version in use, the newest first.
func (s *Store) Promotions(ctx context.Context, name string) ([]Promotion, error) {
	const list = "SELECT name, version, promoted_at, reason FROM model_promotions WHERE name = $1 ORDER BY id DESC"
	rows, err := s.pool.Query(ctx, list, name)
	if err != nil {
		return nil, wrap("read promotions", err)
	}
	promotions, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Promotion, error) {
		var p Promotion
		err := row.Scan(&p.Name, &p.Version, &p.At, &p.Reason)
		p.At = p.At.UTC()
		return p, err
	})
	if err != nil {
		return nil, wrap("read promotions", err)
	}
	return promotions, nil
}

// isForeignKey recognises SQLSTATE 23503: the row pointed at does not exist.
func isForeignKey(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == "23503"
}
