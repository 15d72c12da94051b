package oltp

import (
	"context"
	"hash/fnv"

	"github.com/jackc/pgx/v5"
)

// Work is what some do together and an erasure has to wait for: it reads what is
// known of users, and writes what it makes of that later.
type Work string

// The kinds of work.
const (
	ScoringOfUsers Work = "scoring of users" // features and predictions of the models
	LookingAtRules Work = "looking at rules" // alerts about users
	erasing        Work = "erasing"          // by one at a time
)

// Hold does work of a kind. An erasure that comes while it runs waits for its
// end; work that begins while one waits, waits too, for what it would read is
// being removed. Each has a connection of its own: long work would take those of
// the pool from others.
func (s *Store) Hold(ctx context.Context, w Work, do func(context.Context) error) error {
	return s.locked(ctx, "SELECT true FROM pg_advisory_lock_shared($1)", w, do)
}

// Erase does the work of erasures, unless another process does.
func (s *Store) Erase(ctx context.Context, do func(context.Context) error) error {
	return s.locked(ctx, "SELECT pg_try_advisory_lock($1)", erasing, do)
}

// await returns when all work of a kind that runs now has ended.
func (s *Store) await(ctx context.Context, w Work) error {
	return s.locked(ctx, "SELECT true FROM pg_advisory_lock($1)", w, func(context.Context) error { return nil })
}

// locked does something while a session of its own holds a lock, if it gets it:
// whatever dies, the lock goes with it.
func (s *Store) locked(ctx context.Context, take string, w Work, do func(context.Context) error) error {
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return wrap("take the lock of "+string(w), err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var taken bool
	name := fnv.New64a()
	name.Write([]byte("millrace " + w))
	if err := conn.QueryRow(ctx, take, int64(name.Sum64())).Scan(&taken); err != nil {
		return wrap("take the lock of "+string(w), err)
	}
	if !taken {
		return nil
	}
	return do(ctx)
}
