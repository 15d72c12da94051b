package olap

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Erasee is one person, by the ids that mean him.
type Erasee struct {
	// Erasure names the erasure. It takes the place of what is erased where the
	// ledger has to count it.
	Erasure string
	// Users are ids of nobody else: every row that carries one of them goes.
	Users []string
	// Visitors are ids of visitors that somebody else has as his user id too: of
	// these only events go that came without a user.
	Visitors []string
}

// PlaceCount is how many rows of a table tell of somebody.
type PlaceCount struct {
	Table string
	Rows  int64
}

// erasureMark is the stored_offset of rows in duplicates that stand for an erased
// event: they have no event id, but that of the erasure, and keep the ledger whole.
const erasureMark = -1

// erasedIn counts the rows of one of the ledger's tables that stand for an erased
// event.
func erasedIn(table string) string {
	if table == "duplicates" {
		return "countIf(stored_offset = " + strconv.Itoa(erasureMark) + ")"
	}
	return "0"
}

// place is a table with rows about a person.
type place struct {
	table string
	where func(*statement, *Erasee)
}

// erasedPlaces are all tables that hold something about one user, by whom it can
// be found. Rollups are not among them: they hold counts, and hashes of ids.
func erasedPlaces() []place {
	return []place{
		{"events", writeTheirEvents},
		{"user_traits", writeTheirs},
		{"user_scores", writeTheirs},
		{"duplicates", writeTheirRepeats},
		{"dead_letters", writeTheirLetters},
		{"dead_letter_replays", writeTheirReplays},
	}
}

// SharedVisitors returns which of these ids of visitors are also somebody's user
// id: events carry them that did not come from that visitor.
func (s *Store) SharedVisitors(ctx context.Context, visitors []string) ([]string, error) {
	q := newStatement()
	q.text("SELECT DISTINCT user_id FROM events WHERE user_id IN (SELECT arrayJoin(", q.bind(visitors), ")) AND anonymous_id != user_id ORDER BY user_id")
	var shared []string
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var id string
		err := scan(&id)
		shared = append(shared, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for ids that two share: %w", err)
	}
	return shared, nil
}

// CountErasee counts the rows that tell of somebody, by table.
func (s *Store) CountErasee(ctx context.Context, e Erasee) ([]PlaceCount, error) {
	var counts []PlaceCount
	for _, p := range erasedPlaces() {
		q := newStatement()
		q.text("SELECT toInt64(count()) FROM ", p.table, " WHERE ")
		p.where(q, &e)
		c := PlaceCount{Table: p.table}
		if err := s.eachRow(ctx, q, func(scan func(...any) error) error { return scan(&c.Rows) }); err != nil {
			return nil, fmt.Errorf("count what %s has of a user: %w", p.table, err)
		}
		counts = append(counts, c)
	}
	return counts, nil
}

// Erase removes somebody's events and everything that was made of them, but the
// counts in the rollups, and returns when no part of a table holds it any more. It
// may be called again after an error, or after a death: each step finds what the
// one before has left. Events that come in meanwhile stay.
//
// For the ledger's sake the records stay countable: an erased event leaves a mark
// in duplicates with the place of its record, a repeat loses its event id, and a
// dead letter its content.
//
// What [Store.EraseScores] erases is for later: whoever computes scores may still
// hold the events.
func (s *Store) Erase(ctx context.Context, e Erasee) error {
	steps := []struct {
		doing string
		write func(*statement)
	}{
		{"forget corrections", func(q *statement) {
			q.text("ALTER TABLE dead_letter_replays UPDATE event_id = '', correction = '' WHERE ")
			writeTheirReplays(q, &e)
		}},
		{"empty dead letters", func(q *statement) {
			q.text("ALTER TABLE dead_letters UPDATE payload = '', field = '', detail = 'The record was erased with its user.' WHERE ")
			writeTheirLetters(q, &e)
		}},
		{"forget repeats", func(q *statement) {
			q.text("ALTER TABLE duplicates UPDATE event_id = '' WHERE ")
			writeTheirRepeats(q, &e)
		}},
		{"mark the records", func(q *statement) {
			q.text("INSERT INTO duplicates (event_id, stored_offset, received_at, kafka_topic, kafka_partition, kafka_offset) SELECT ", q.bind(e.Erasure), ", ",
				strconv.Itoa(erasureMark), ", received_at, kafka_topic, kafka_partition, kafka_offset FROM events WHERE ")
			writeTheirEvents(q, &e)
			q.text(" AND (kafka_topic, kafka_partition, kafka_offset) NOT IN ")
			writeMarks(q, &e)
		}},
		{"remove events", func(q *statement) {
			q.text("ALTER TABLE events DELETE WHERE ")
			writeTheirEvents(q, &e)
			q.text(" AND (kafka_topic, kafka_partition, kafka_offset) IN ") // no event goes without its mark
			writeMarks(q, &e)
		}},
		{"remove traits", func(q *statement) {
			q.text("ALTER TABLE user_traits DELETE WHERE ")
			writeTheirs(q, &e)
		}},
		{"keep the traits of events that came in meanwhile", func(q *statement) {
			q.text("INSERT INTO user_traits SELECT user_id, (timestamp, event_id, properties) FROM events WHERE type = 'identify' AND ")
			writeTheirs(q, &e)
		}},
	}
	for _, step := range steps {
		if err := s.change(ctx, step.write); err != nil {
			return fmt.Errorf("%s: %w", step.doing, err)
		}
	}
	return nil
}

// EraseScores removes what models have said of somebody.
func (s *Store) EraseScores(ctx context.Context, e Erasee) error {
	err := s.change(ctx, func(q *statement) {
		q.text("ALTER TABLE user_scores DELETE WHERE ")
		writeTheirs(q, &e)
	})
	if err != nil {
		return fmt.Errorf("remove scores: %w", err)
	}
	return nil
}

// change runs a statement that changes rows, and waits for it. No deadline of ours
// ends it: one that was cut off would go on in the store.
func (s *Store) change(ctx context.Context, write func(*statement)) error {
	q := newStatement()
	write(q)
	settings := clickhouse.WithSettings(clickhouse.Settings{"mutations_sync": 2})
	return s.conn.Exec(clickhouse.Context(ctx, settings, q.parameters()), q.String())
}

// all are the ids of either kind.
func (e *Erasee) all() []string { return slices.Concat(e.Users, e.Visitors) }

func writeTheirs(q *statement, e *Erasee) {
	q.text("user_id IN ", q.bind(e.Users))
}

func writeTheirEvents(q *statement, e *Erasee) {
	// The first condition is for the index; the second takes nothing from others.
	q.text("user_id IN ", q.bind(e.all()), " AND (user_id IN ", q.bind(e.Users), " OR anonymous_id = user_id)")
}

func writeTheirRepeats(q *statement, e *Erasee) {
	q.text("event_id != '' AND stored_offset >= 0 AND (kafka_topic, kafka_partition, stored_offset) IN (SELECT kafka_topic, kafka_partition, kafka_offset FROM events WHERE ")
	writeTheirEvents(q, e)
	q.text(")")
}

func writeMarks(q *statement, e *Erasee) {
	q.text("(SELECT kafka_topic, kafka_partition, kafka_offset FROM duplicates WHERE stored_offset = ", strconv.Itoa(erasureMark), " AND event_id = ", q.bind(e.Erasure), ")")
}

// writeTheirLetters finds records that name one of the ids where an event does.
// One that cannot be read is theirs if an id is in it as JSON or Protobuf would
// write it.
func writeTheirLetters(q *statement, e *Erasee) {
	ids := q.bind(e.all())
	q.text("payload != '' AND if(isValidJSON(payload), ")
	for i, path := range []string{"$.user_id", "$.anonymous_id", "$.userId", "$.anonymousId", "$.data.user_id", "$.data.anonymous_id"} {
		if i > 0 {
			q.text(" OR ")
		}
		q.text("has(", ids, ", JSON_VALUE(payload, '", path, "'))")
	}
	q.text(", arrayExists(text -> position(payload, text) > 0, ", q.bind(e.traces()), ")")
	q.text(" OR arrayExists(id -> endsWith(payload, '\"' || id), ", ids, "))") // cut off behind the id
}

// writeTheirReplays finds corrections that name one of the ids, and those that
// made one of the events.
func writeTheirReplays(q *statement, e *Erasee) {
	q.text("(arrayExists(text -> position(correction, text) > 0, ", q.bind(e.traces()), ") OR event_id != '' AND event_id IN (SELECT event_id FROM events WHERE ")
	writeTheirEvents(q, e)
	q.text(") OR (event_id != '' OR correction != '') AND (kafka_topic, kafka_partition, kafka_offset) IN (SELECT kafka_topic, kafka_partition, kafka_offset FROM dead_letters WHERE ")
	writeTheirLetters(q, e)
	q.text("))")
}

// traces are the ids as they stand in records: in JSON between quotes, in Protobuf
// behind their length.
func (e *Erasee) traces() []string {
	var traces []string
	for _, id := range e.all() {
		quoted, _ := json.Marshal(id) // of a string: it cannot fail
		traces = append(traces, string(quoted), `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(id)+`"`)
		if n := len(id); n < 128 {
			traces = append(traces, string(rune(n))+id)
		}
	}
	slices.Sort(traces)
	return slices.Compact(traces)
}
