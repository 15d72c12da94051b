package olap

import (
	"context"
	"encoding/json"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// stickiness asks in how many intervals of the range users are active.
type stickiness struct {
	common
	Kind_ string      `json:"kind"`
	Event eventChoice `json:"event"`
}

func parseStickiness(data []byte) (Query, error) {
	s := &stickiness{common: defaultCommon()}
	if err := decodeStrict(data, s); err != nil {
		return nil, err
	}
	if err := checkRange(s.common, s.frame); err != nil {
		return nil, err
	}
	return s, nil
}

// Kind is "stickiness".
func (s *stickiness) Kind() string { return "stickiness" }

// StickinessResult is the answer to a question about stickiness.
type StickinessResult struct {
	// Intervals counts from 1 to the number of intervals that the range touches.
	Intervals []int `json:"intervals"`
	// Users were active in exactly that many of them.
	Users []uint64 `json:"users"`
	// Incomplete lists every index as long as the range cuts an interval or may
	// still receive events: one more event moves a user from one figure to the
	// next. Else it is empty.
	Incomplete []int `json:"incomplete"`
}

func (*StickinessResult) result() {}

func (s *stickiness) answer(ctx context.Context, r *run) (Result, error) {
	f, err := s.frame(r.now)
	if err != nil {
		return nil, err
	}
	r.describe(f)
	st, err := s.counts(f)
	if err != nil {
		return nil, err
	}
	result := &StickinessResult{Users: make([]uint64, f.buckets()), Incomplete: []int{}}
	open := len(f.incomplete(r.watermark)) > 0
	for i := range result.Users {
		result.Intervals = append(result.Intervals, i+1)
		if open {
			result.Incomplete = append(result.Incomplete, i)
		}
	}
	err = r.each(ctx, st, func(rows driver.Rows) error {
		var intervals, users uint64
		err := rows.Scan(&intervals, &users)
		if err == nil {
			result.Users[intervals-1] = users
		}
		return err
	})
	return result, err
}

// counts renders how many users there are for each number of intervals.
func (s *stickiness) counts(f frame) (*statement, error) {
	st := newStatement()
	st.text("SELECT intervals, count() AS users\nFROM\n(\n")
	err := s.users(st, f)
	st.text("\n)\nGROUP BY intervals")
	return st, err
}

// users renders one row per user: in how many intervals they were active.
func (s *stickiness) users(st *statement, f frame) error {
	selected, err := selection(st, f.clock, s.Event, s.Where)
	if err != nil {
		return err
	}
	st.text("    SELECT user_id, uniqExact(", f.bucket(st, "toUnixTimestamp64Milli(timestamp)"), ") AS intervals",
		"\n    FROM events\n    WHERE ", allOf(f.during(st), selected), "\n    GROUP BY user_id")
	return nil
}

// stickinessCell is one number of the answer: {"intervals":3}.
type stickinessCell struct {
	of        *stickiness
	Intervals int `json:"intervals"`
}

func (s *stickiness) parseCell(raw json.RawMessage) (cell, error) {
	c := &stickinessCell{of: s}
	if err := decodeStrict(raw, c); err != nil {
		return nil, err
	}
	if c.Intervals < 1 {
		return nil, faultf(CodeMissingField, "/intervals", `say which number is meant: "intervals":3 for the users who were active in exactly 3`)
	}
	return c, nil
}

func (c *stickinessCell) people(_ context.Context, r *run) (*statement, error) {
	f, err := c.of.frame(r.now)
	if err != nil {
		return nil, err
	}
	r.describe(f)
	if c.Intervals > f.buckets() {
		return nil, faultf(CodeInvalidValue, "/intervals", "the range has %d intervals, so nobody can be active in %d; count from 1 to %d", f.buckets(), c.Intervals, f.buckets())
	}
	st := newStatement()
	st.text("SELECT user_id\nFROM\n(\n")
	err = c.of.users(st, f)
	st.text("\n)\nWHERE intervals = ", st.bind(int64(c.Intervals)))
	return st, err
}
