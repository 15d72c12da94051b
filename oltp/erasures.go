package oltp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrUnknownErasure means that there is no erasure of this id.
var ErrUnknownErasure = errors.New("unknown erasure")

// LinkedUserError means that the id was linked to a user: it is that user who can
// be erased.
type LinkedUserError struct{ ID, User string }

func (e *LinkedUserError) Error() string { return fmt.Sprintf("%q means the user %q", e.ID, e.User) }

// The states of an erasure.
const (
	ErasureWaiting = "waiting" // for what was accepted before it to be stored and scored
	ErasureErasing = "erasing" // under way
	ErasureDone    = "done"    // nothing is left, and nobody remembers of whom
)

// Erasure is a user who is to be erased, or one who was.
type Erasure struct {
	ID string
	// UserID is empty once the erasure is done.
	UserID      string
	State       string
	RequestedAt time.Time
	FinishedAt  time.Time // zero before
	// Note says what it waits for, or what went wrong last.
	Note string
	// IDs is how many ids meant the user.
	IDs int
	// Before and After count rows by store and table; nil where not counted yet.
	Before, After map[string]int64
}

const erasureColumns = `id, coalesce(user_id, ''), state, requested_at, finished_at, note, ids, before, after`

func scanErasure(row pgx.CollectableRow) (Erasure, error) {
	var e Erasure
	err := row.Scan(&e.ID, &e.UserID, &e.State, (*instant)(&e.RequestedAt), (*instant)(&e.FinishedAt), &e.Note, &e.IDs, &e.Before, &e.After)
	return e, err
}

// RequestErasure writes down that a user is to be erased, under this id, or
// returns the erasure of the user that is not done yet. It returns a
// [*LinkedUserError] for an id that means another user, and [ErrUnknownUser] for
// one that Postgres cannot hold.
func (s *Store) RequestErasure(ctx context.Context, id, userID string) (Erasure, error) {
	if !storable(userID) {
		return Erasure{}, ErrUnknownUser
	}
	links, err := s.LookupIdentities(ctx, []Identity{{ScopeUser, userID}})
	if err != nil {
		return Erasure{}, err
	}
	if user, linked := links[Identity{ScopeUser, userID}]; linked {
		return Erasure{}, &LinkedUserError{ID: userID, User: user}
	}
	const request = `INSERT INTO erasures (id, user_id) VALUES ($1, $2)
		ON CONFLICT (user_id) WHERE state <> 'done' DO UPDATE SET user_id = excluded.user_id RETURNING ` + erasureColumns
	return s.oneErasure(ctx, "request an erasure", request, id, userID)
}

// Erasure returns one erasure, or [ErrUnknownErasure].
func (s *Store) Erasure(ctx context.Context, id string) (Erasure, error) {
	if !storable(id) {
		return Erasure{}, ErrUnknownErasure
	}
	return s.oneErasure(ctx, "read an erasure", "SELECT "+erasureColumns+" FROM erasures WHERE id = $1", id)
}

func (s *Store) oneErasure(ctx context.Context, doing, sql string, args ...any) (Erasure, error) {
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		return Erasure{}, wrap(doing, err)
	}
	e, err := pgx.CollectExactlyOneRow(rows, scanErasure)
	if errors.Is(err, pgx.ErrNoRows) {
		return Erasure{}, ErrUnknownErasure
	}
	if err != nil {
		return Erasure{}, wrap(doing, err)
	}
	return e, nil
}

// OpenErasures lists those that are not done, the oldest first.
func (s *Store) OpenErasures(ctx context.Context) ([]Erasure, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+erasureColumns+" FROM erasures WHERE state <> 'done' ORDER BY requested_at, id")
	if err != nil {
		return nil, wrap("list erasures", err)
	}
	open, err := pgx.CollectRows(rows, scanErasure)
	if err != nil {
		return nil, wrap("list erasures", err)
	}
	return open, nil
}

// NoteErasure keeps what an erasure waits for, or what went wrong.
func (s *Store) NoteErasure(ctx context.Context, id, note string) error {
	if _, err := s.pool.Exec(ctx, "UPDATE erasures SET note = $2 WHERE id = $1 AND note <> $2", id, cleanText(note)); err != nil {
		return wrap("note how an erasure goes", err)
	}
	return nil
}

// BeginErasure keeps how many rows there were before anything is removed. Where
// that was noted before, the first count stays.
func (s *Store) BeginErasure(ctx context.Context, id string, ids int, before map[string]int64) error {
	const begin = `UPDATE erasures SET state = 'erasing', note = '', ids = $2, before = $3 WHERE id = $1 AND state = 'waiting'`
	counts, err := json.Marshal(before)
	if err != nil {
		return err
	}
	if _, err := s.pool.Exec(ctx, begin, id, ids, string(counts)); err != nil {
		return wrap("begin an erasure", err)
	}
	return nil
}

// FinishErasure removes the links of these ids and ends the erasure, which from
// then on does not say who it was. after is what the other store has left.
func (s *Store) FinishErasure(ctx context.Context, id string, p Person, after map[string]int64) error {
	const finish = `UPDATE erasures SET state = 'done', user_id = NULL, finished_at = now(), note = '', after = $2 WHERE id = $1`
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := removeLinks(ctx, tx, p); err != nil {
			return err
		}
		left, err := countPerson(ctx, tx, p)
		if err != nil {
			return err
		}
		for table, rows := range after {
			left[table] = rows
		}
		counts, err := json.Marshal(left)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, finish, id, string(counts))
		return err
	})
	if err != nil {
		return wrap("finish an erasure", err)
	}
	return nil
}

// removeLinks tells those who remember a link, too.
func removeLinks(ctx context.Context, tx pgx.Tx, p Person) error {
	const remove = `WITH gone AS (DELETE FROM identity_links WHERE ` + linksOfPerson + ` RETURNING scope, from_id)
		SELECT count(pg_notify('millrace_identity_links', json_build_object('scope', scope, 'id', from_id)::text)) FROM gone`
	var n int
	if err := tx.QueryRow(ctx, remove, p.Users, texts(p.Visitors)).Scan(&n); err != nil {
		return fmt.Errorf("remove identity links: %w", err)
	}
	return nil
}
