package oltp

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Person is somebody by the ids that mean him.
type Person struct {
	// Users are ids of nobody else.
	Users []string
	// Visitors are ids of visitors that somebody else may have as his user id: of
	// these only the links tell of the person.
	Visitors []string
}

// PersonOf returns the ids that mean a user: his own, those that were linked to
// him as a user's, and among Visitors those that were as a visitor's.
func (s *Store) PersonOf(ctx context.Context, userID string) (Person, error) {
	const find = `SELECT scope, from_id FROM identity_links WHERE to_id = $1 ORDER BY scope, from_id`
	p := Person{Users: []string{userID}}
	rows, err := s.pool.Query(ctx, find, userID)
	if err != nil {
		return p, wrap("read a user's ids", err)
	}
	var scope IdentityScope
	var id string
	_, err = pgx.ForEachRow(rows, []any{&scope, &id}, func() error {
		if scope == ScopeUser {
			p.Users = append(p.Users, id)
		} else if id != userID {
			p.Visitors = append(p.Visitors, id)
		}
		return nil
	})
	if err != nil {
		return p, wrap("read a user's ids", err)
	}
	return p, nil
}

// WithShared makes ids of visitors the person's own, but for those that are
// shared.
func (p Person) WithShared(shared []string) Person {
	own := Person{Users: slices.Clone(p.Users)}
	for _, id := range p.Visitors {
		if slices.Contains(shared, id) {
			own.Visitors = append(own.Visitors, id)
		} else {
			own.Users = append(own.Users, id)
		}
	}
	return own
}

// Which rows tell of a person; $1 are the users, $2 the visitors.
const (
	linksOfPerson  = `to_id = ANY($1) AND from_id = ANY($1 || $2)`
	alertsOfPerson = `(user_id = ANY($1) OR kind = 'query' AND key = ANY($1) AND NOT EXISTS (
		SELECT FROM alert_rules r WHERE r.id = alerts.rule_id AND r.definition::text NOT LIKE '%user_id%' AND r.definition::text NOT LIKE '%anonymous_id%'))`
)

// personPlace is a table with rows about a person.
type personPlace struct{ table, where string }

// personPlaces are all tables that hold something about one user.
func personPlaces() []personPlace {
	theirs := "user_id = ANY($1)"
	return []personPlace{
		{"user_stats", theirs}, {"predictions", theirs}, {"churn_features", theirs}, {"user_profiles", theirs}, {"fraud_scores", theirs},
		{"alert_purchases", theirs}, {"alerts", alertsOfPerson}, {"identity_links", linksOfPerson},
		{"alert_deliveries", "alert_id IN (SELECT id FROM alerts WHERE " + alertsOfPerson + ")"},
	}
}

// CountPerson counts the rows that tell of somebody, by "postgres." and the table.
func (s *Store) CountPerson(ctx context.Context, p Person) (map[string]int64, error) {
	counts, err := countPerson(ctx, s.pool, p)
	if err != nil {
		return nil, wrap("count what is known of a user", err)
	}
	return counts, nil
}

func countPerson(ctx context.Context, db querier, p Person) (map[string]int64, error) {
	counts := map[string]int64{}
	for _, place := range personPlaces() {
		// Both parameters are named, so that their types are known.
		const form = "SELECT count(*) FROM %s WHERE (%s) AND $2::text[] IS NOT NULL AND $1::text[] IS NOT NULL"
		rows, err := db.Query(ctx, fmt.Sprintf(form, place.table, place.where), p.Users, texts(p.Visitors))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place.table, err)
		}
		n, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[int64])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place.table, err)
		}
		counts["postgres."+place.table] = n
	}
	return counts, nil
}

// texts is never nil, which Postgres would take for NULL.
func texts(list []string) []string { return append([]string{}, list...) }

// EraseStatistics removes somebody's statistics, after his events are gone. The
// sync may have read them and not written yet, so it is waited for; and it reads
// again from since on, for a user whose new events it has copied meanwhile.
func (s *Store) EraseStatistics(ctx context.Context, p Person, since time.Time) error {
	return s.erase(ctx, "remove user statistics", func(tx pgx.Tx) error {
		const again = "UPDATE sync_state SET stored_before = least(stored_before, $1) WHERE name = 'user_stats'" // waits for a pass under way
		if _, err := tx.Exec(ctx, again, since); err != nil {
			return err
		}
		return execEach(ctx, tx, p.Users, "DELETE FROM user_stats WHERE user_id = ANY($1)")
	})
}

// EraseScoring removes the profile and the scores of somebody's purchases. Who
// scores a partition that had a profile has to read again what he remembers
// before he can write: so the profile does not come back from memory, nor from the
// history, which is in the partition of the same number of another topic.
func (s *Store) EraseScoring(ctx context.Context, p Person) error {
	return s.erase(ctx, "remove a profile and scores", func(tx pgx.Tx) error {
		// A step under way is written whole before, or fails behind.
		if _, err := tx.Exec(ctx, "SELECT FROM scoring_state ORDER BY topic, partition FOR UPDATE"); err != nil {
			return err
		}
		const profiles = `WITH gone AS (DELETE FROM user_profiles WHERE user_id = ANY($1) RETURNING topic, partition)
			UPDATE scoring_state SET erasures = erasures + 1 WHERE partition IN (SELECT partition FROM gone)`
		return execEach(ctx, tx, p.Users, profiles, "DELETE FROM alert_purchases WHERE user_id = ANY($1)", "DELETE FROM fraud_scores WHERE user_id = ANY($1)")
	})
}

// ErasePredictions removes what models know and say of somebody, once every pass
// that may have read his events has ended.
func (s *Store) ErasePredictions(ctx context.Context, p Person) error {
	if err := s.await(ctx, ScoringOfUsers); err != nil {
		return err
	}
	return s.erase(ctx, "remove predictions", func(tx pgx.Tx) error {
		return execEach(ctx, tx, p.Users, "DELETE FROM predictions WHERE user_id = ANY($1)", "DELETE FROM churn_features WHERE user_id = ANY($1)")
	})
}

// EraseAlerts removes alerts about somebody and what was told of them, delivered
// or not, once every look that may have seen his figures has ended.
func (s *Store) EraseAlerts(ctx context.Context, p Person) error {
	if err := s.await(ctx, LookingAtRules); err != nil {
		return err
	}
	return s.erase(ctx, "remove alerts", func(tx pgx.Tx) error {
		return execEach(ctx, tx, p.Users,
			"DELETE FROM alert_deliveries WHERE alert_id IN (SELECT id FROM alerts WHERE "+alertsOfPerson+")", "DELETE FROM alerts WHERE "+alertsOfPerson)
	})
}

func (s *Store) erase(ctx context.Context, doing string, do func(pgx.Tx) error) error {
	if err := pgx.BeginFunc(ctx, s.pool, do); err != nil {
		return wrap(doing, err)
	}
	return nil
}

// execEach runs statements whose $1 are users.
func execEach(ctx context.Context, tx pgx.Tx, users []string, statements ...string) error {
	for _, sql := range statements {
		if _, err := tx.Exec(ctx, sql, users); err != nil {
			return err
		}
	}
	return nil
}
