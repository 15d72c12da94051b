package olap

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Query is a question that [ParseQuery] understood. It is immutable.
type Query interface {
	// Kind is the word that tells questions apart, such as "trends".
	Kind() string
	// JSON is the question as a JSON object, without what was null in it.
	JSON() []byte
	// Text is the question as one line of the language; false where the language
	// has no words for a part of it.
	Text() (string, bool)
	source() *asked
	span(now time.Time) (frame, error)
	answer(ctx context.Context, r *run) (Result, error)
}

// Ask answers a question. The error is a [*QueryError] where the question is at
// fault (a range that is empty once relative times are known), and wraps the
// driver's otherwise.
//
// It neither queues nor remembers: many clients ask through a [Guard].
func (s *Store) Ask(ctx context.Context, q Query) (*Answer, error) { return s.ask(ctx, q, Budget{}) }

func (s *Store) ask(ctx context.Context, q Query, budget Budget) (*Answer, error) {
	answer := &Answer{Kind: q.Kind()}
	var err error
	answer.Meta, err = s.running(ctx, func(ctx context.Context, r *run) (err error) {
		r.budget, r.first = budget, looksAtFirsts(q)
		answer.Result, err = q.answer(ctx, r)
		return err
	})
	if err != nil {
		return nil, q.source().place(err)
	}
	return answer, nil
}

// running gives work a run, within the time that a question may take, and says
// afterwards how its answer came about.
func (s *Store) running(ctx context.Context, work func(context.Context, *run) error) (Meta, error) {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	r := &run{store: s, now: s.now(), meta: Meta{Semantics: Semantics, SQL: []string{}, Warnings: []string{}}}
	err := r.completeness(ctx)
	if err == nil {
		err = work(ctx, r)
	}
	if err != nil {
		return r.meta, r.cut(err, time.Since(started))
	}
	r.meta.RowsRead, r.meta.BytesRead = r.rows.Load(), r.bytes.Load()
	r.meta.ElapsedMS = float64(time.Since(started).Microseconds()) / 1000
	return r.meta, nil
}

// run is one question under way. It is used by one goroutine; the driver adds
// progress from its own.
type run struct {
	store       *Store
	now         time.Time
	storedUntil *time.Time
	watermark   *time.Time
	missing     []timeRange // months whose windows are not complete
	meta        Meta
	frame       frame // the range, once it is known
	budget      Budget
	first       bool // the question asks for first events of all time
	rows, bytes atomic.Uint64
	ahead       atomic.Uint64 // rows that the statements run so far mean to read

	// collecting is for a question that is only looked at: its statements are kept
	// here and not run.
	collecting bool
	statements []*statement
}

// completeness reads how far the store has got, before any row of the answer is
// read: the statement must hold for what follows.
func (r *run) completeness(ctx context.Context) error {
	r.storedUntil = r.store.storedUntil()
	var err error
	if r.missing, err = r.store.missingWindows(ctx); err != nil {
		return err
	}
	newest, ok, err := r.store.newestEvent(ctx)
	if err != nil || !ok {
		return err
	}
	if newest.After(r.now) {
		newest = r.now
	}
	watermark := newest.Add(-r.store.cfg.Lateness).Truncate(time.Millisecond)
	r.watermark = &watermark
	return nil
}

// storedUntil is the instant up to which everything is stored; nil while that is
// not known.
func (s *Store) storedUntil() *time.Time {
	if s.cfg.StoredUntil == nil {
		return nil
	}
	t, ok := s.cfg.StoredUntil()
	if !ok {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	return &t
}

// newestEvent is the latest event time that is stored, read from the parts'
// bookkeeping; false while nothing is stored.
func (s *Store) newestEvent(ctx context.Context) (time.Time, bool, error) {
	ctx, cancel := s.reading(ctx)
	defer cancel()
	var n uint64
	var newest time.Time
	if err := s.conn.QueryRow(ctx, "SELECT count(), max(timestamp) FROM events").Scan(&n, &newest); err != nil {
		return newest, false, fmt.Errorf("read the newest event time: %w", err)
	}
	return newest.UTC(), n > 0, nil
}

// describe fills the part of meta that the range decides.
func (r *run) describe(f frame) {
	r.frame = f
	zone := f.calendar.zone
	r.meta.From, r.meta.To, r.meta.Timezone = stamp(f.from.In(zone)), stamp(f.to.In(zone)), zone.String()
	r.meta.StoredUntil, r.meta.Watermark = stampOf(r.storedUntil, zone), stampOf(r.watermark, zone)
	r.warnOfTheForgotten(f)
}

func (r *run) warn(format string, args ...any) {
	r.meta.Warnings = append(r.meta.Warnings, fmt.Sprintf(format, args...))
}

// each runs a statement and calls scan for every row.
func (r *run) each(ctx context.Context, st *statement, scan func(driver.Rows) error) error {
	r.meta.SQL = append(r.meta.SQL, st.explained())
	if r.collecting {
		r.statements = append(r.statements, st)
		return nil
	}
	settings := r.store.settings()
	r.budget.limit(settings)
	ctx, cancel := r.store.reading(ctx, st.parameters(), clickhouse.WithSettings(settings), clickhouse.WithProgress(func(p *clickhouse.Progress) {
		r.rows.Add(p.Rows)
		r.bytes.Add(p.Bytes)
		r.ahead.Add(p.TotalRows)
	}))
	defer cancel()
	rows, err := r.store.conn.Query(ctx, st.String())
	if err != nil {
		return r.failure(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("read the answer of clickhouse: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return r.failure(err)
	}
	return nil
}
