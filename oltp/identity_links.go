package oltp

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// IdentityScope says where an id was found: the same text may be the anonymous id
// of one person and the user id of another.
type IdentityScope string

// The scopes of an id.
const (
	ScopeAnonymous IdentityScope = "anonymous" // anonymous_id of events without user_id
	ScopeUser      IdentityScope = "user"      // user_id
)

// Identity is an id as events carry it.
type Identity struct {
	Scope IdentityScope
	ID    string
}

// IdentityLink says that an id means a user from now on.
type IdentityLink struct {
	From Identity
	To   string // a user id, which may itself be linked
}

// LinkOutcome says how recording a link ended.
type LinkOutcome string

// The outcomes of a link.
const (
	LinkMade     LinkOutcome = "linked"   // the id means the user from now on
	LinkKnown    LinkOutcome = "known"    // it did already
	LinkConflict LinkOutcome = "conflict" // it means another user: the first link stays
	LinkCycle    LinkOutcome = "cycle"    // the user is known under this very id
	LinkRefused  LinkOutcome = "refused"  // Postgres cannot hold one of the ids
)

// LinkResult is the outcome of one link, and the user that the id means now; User
// is empty where the link was refused.
type LinkResult struct {
	Outcome LinkOutcome
	User    string
}

// LinkIdentities records links, in order, all of them or, after an error, none.
// Chains end at their last user: after a→b and b→c, a means c. The first link of
// an id stays.
func (s *Store) LinkIdentities(ctx context.Context, links []IdentityLink) ([]LinkResult, error) {
	results := make([]LinkResult, len(links))
	batch := &pgx.Batch{}
	for i, l := range links {
		if !storable(l.From.ID) || !storable(l.To) {
			results[i].Outcome = LinkRefused
			continue
		}
		batch.Queue("SELECT outcome, root FROM link_identity($1, $2, $3)", string(l.From.Scope), l.From.ID, l.To).
			QueryRow(func(row pgx.Row) error { return row.Scan(&results[i].Outcome, &results[i].User) })
	}
	if batch.Len() == 0 {
		return results, nil
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() })
	if err != nil {
		return nil, wrap(fmt.Sprintf("record %d identity links", len(links)), err)
	}
	return results, nil
}

// LookupIdentities returns the users that ids mean. An id that is not in the map
// means itself.
func (s *Store) LookupIdentities(ctx context.Context, ids []Identity) (map[Identity]string, error) {
	scopes, texts := make([]string, 0, len(ids)), make([]string, 0, len(ids))
	for _, id := range ids {
		if storable(id.ID) {
			scopes, texts = append(scopes, string(id.Scope)), append(texts, id.ID)
		}
	}
	const find = `SELECT l.scope, l.from_id, l.to_id FROM unnest($1::text[], $2::text[]) AS asked (scope, id)
		JOIN identity_links l ON l.scope = asked.scope AND l.from_id = asked.id`
	rows, err := s.pool.Query(ctx, find, scopes, texts)
	if err != nil {
		return nil, wrap("look identities up", err)
	}
	found := map[Identity]string{}
	var id Identity
	var to string
	if _, err := pgx.ForEachRow(rows, []any{&id.Scope, &id.ID, &to}, func() error {
		found[id] = to
		return nil
	}); err != nil {
		return nil, wrap("look identities up", err)
	}
	return found, nil
}
