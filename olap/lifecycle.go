package olap

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// lifecycle asks who of the active users of each bucket is new, who came back,
// and who stayed away.
type lifecycle struct {
	common
	Kind_ string      `json:"kind"`
	Event eventChoice `json:"event"`
}

func parseLifecycle(data []byte) (Query, error) {
	l := &lifecycle{common: defaultCommon()}
	if err := decodeStrict(data, l); err != nil {
		return nil, err
	}
	if err := checkRange(l.common, l.frame); err != nil {
		return nil, err
	}
	return l, nil
}

// Kind is "lifecycle".
func (l *lifecycle) Kind() string { return "lifecycle" }

// lifeState is what a user is to a bucket.
type lifeState string

const (
	stateNew          lifeState = "new"          // the bucket of the first event ever
	stateReturning    lifeState = "returning"    // active, and in the bucket before too
	stateResurrecting lifeState = "resurrecting" // active, and otherwise
	stateDormant      lifeState = "dormant"      // active in the bucket before, not in this one
)

func (s *lifeState) decodeJSON(raw json.RawMessage, pointer string) error {
	return decodeChoice(raw, pointer, s, lifeStates()...)
}

// lifeStates lists the states by their number in SQL, from 0.
func lifeStates() []lifeState {
	return []lifeState{stateNew, stateReturning, stateResurrecting, stateDormant}
}

// LifecycleResult is the answer to a question about the lifecycle. New,
// Returning and Resurrecting together are the active users of a bucket.
type LifecycleResult struct {
	// Buckets are the beginnings of the buckets, RFC 3339 in the question's zone.
	Buckets      []string `json:"buckets"`
	New          []int64  `json:"new"`
	Returning    []int64  `json:"returning"`
	Resurrecting []int64  `json:"resurrecting"`
	// Dormant is negative, for it is drawn below the axis.
	Dormant []int64 `json:"dormant"`
	// Incomplete lists the indexes of buckets that the range cuts or that may
	// still change because the watermark has not passed their end.
	Incomplete []int `json:"incomplete"`
}

func (*LifecycleResult) result() {}

func (l *lifecycle) answer(ctx context.Context, r *run) (Result, error) {
	f, err := l.frame(r.now)
	if err != nil {
		return nil, err
	}
	r.describe(f)
	st, err := l.counts(f)
	if err != nil {
		return nil, err
	}
	figures := make([][]int64, len(lifeStates()))
	for state := range figures {
		figures[state] = make([]int64, f.buckets())
	}
	err = r.each(ctx, st, func(rows driver.Rows) error {
		var move int64
		var users uint64
		err := rows.Scan(&move, &users)
		if err == nil {
			figures[move%4][move/4-1] = int64(users)
		}
		return err
	})
	dormant := figures[3]
	for i := range dormant {
		dormant[i] = -dormant[i]
	}
	return &LifecycleResult{
		Buckets: f.stamps(), Incomplete: f.incomplete(r.watermark),
		New: figures[0], Returning: figures[1], Resurrecting: figures[2], Dormant: dormant,
	}, err
}

// counts renders how many users each move has.
func (l *lifecycle) counts(f frame) (*statement, error) {
	st := newStatement()
	st.text("SELECT move, count() AS users\nFROM\n(\n")
	err := l.moves(st, f)
	st.text("\n)\nGROUP BY move")
	return st, err
}

// moves renders a row per user and bucket in which the user is anything: a
// number that holds the bucket, counted from 1, and the state (bucket * 4 + state).
//
// Bucket 0 is the one before the range. Where the range cuts its first bucket,
// events in front of the cut count for what came before, never in the figures.
func (l *lifecycle) moves(st *statement, f frame) error {
	selected, err := selection(st, f.clock, l.Event, l.Where)
	if err != nil {
		return err
	}
	wide := f
	wide.bounds = slices.Insert(slices.Clone(f.bounds), 0, f.calendar.start(f.bounds[0].Add(-time.Millisecond)))
	since := "timestamp >= " + st.bind(wide.bounds[0])
	opens, shown := "", "b > 0"
	if f.bounds[0].Before(f.from) {
		opens = ",\n            countIf(timestamp >= " + st.bind(f.from) + " AND timestamp < " + st.bind(f.bounds[1]) + ") > 0 AS opens"
		shown = "(b > 1 OR b = 1 AND opens)"
	}
	st.text("    SELECT user_id, arrayJoin(arrayConcat(",
		"\n        arrayFilter(m -> m >= 0, arrayMap((b, before, nth) -> multiIf(NOT ", shown, ", -1, nth = 1 AND fresh, b * 4, before = b - 1, b * 4 + 1, b * 4 + 2),",
		"\n            active, arrayPushFront(arrayPopBack(active), toInt64(-2)), arrayEnumerate(active))),",
		"\n        arrayFilter(m -> m >= 0, arrayMap((b, after) -> if(after != b + 1 AND b < ", st.bind(int64(f.buckets())), ", b * 4 + 7, -1),",
		"\n            active, arrayPushBack(arrayPopFront(active), toInt64(-2)))))) AS move",
		"\n    FROM\n    (\n        SELECT user_id, min(timestamp) >= ", st.bind(wide.bounds[0]), " AS fresh,",
		"\n            arraySort(groupUniqArrayIf(", wide.bucket(st, "toUnixTimestamp64Milli(timestamp)"), ", ", since, ")) AS active", opens,
		"\n        FROM events\n        WHERE ", allOf("timestamp < "+st.bind(f.to), selected),
		"\n        GROUP BY user_id\n        HAVING notEmpty(active)\n    )")
	return nil
}

// lifecycleCell is one number of the answer:
// {"bucket":"2026-01-01T00:00:00Z","state":"dormant"}.
type lifecycleCell struct {
	of     *lifecycle
	Bucket moment    `json:"bucket"`
	State  lifeState `json:"state"`
}

func (l *lifecycle) parseCell(raw json.RawMessage) (cell, error) {
	c := &lifecycleCell{of: l}
	if err := decodeStrict(raw, c); err != nil {
		return nil, err
	}
	switch {
	case !c.Bucket.given:
		return nil, faultf(CodeMissingField, "/bucket", `say which bucket is meant, as the answer names it: "bucket":"2026-01-01T00:00:00Z"`)
	case c.State == "":
		return nil, faultf(CodeMissingField, "/state", `say which users are meant: "state":"new", or one of %s`, words(lifeStates()[1:]))
	}
	return c, nil
}

func (c *lifecycleCell) people(_ context.Context, r *run) (*statement, error) {
	f, err := c.of.frame(r.now)
	if err != nil {
		return nil, err
	}
	r.describe(f)
	bucket, err := f.bucketAt(c.Bucket)
	if err != nil {
		return nil, err
	}
	st := newStatement()
	st.text("SELECT user_id\nFROM\n(\n")
	err = c.of.moves(st, f)
	st.text("\n)\nWHERE move = ", st.bind(int64((bucket+1)*4+slices.Index(lifeStates(), c.State))))
	return st, err
}
