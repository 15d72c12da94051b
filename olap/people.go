package olap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// drillable is a question behind whose numbers the users can be listed.
type drillable interface {
	Query
	// parseCell reads which number of the answer is meant: an object in the
	// question's own words, such as {"step":2,"outcome":"dropped"}.
	parseCell(raw json.RawMessage) (cell, error)
}

// cell is one number of an answer.
type cell interface {
	// people renders a SELECT with one column, user_id, that has every user
	// behind the number exactly once. Its order does not matter.
	people(ctx context.Context, r *run) (*statement, error)
}

// People is a page of the users behind one number.
type People struct {
	// Users are ids in the order of their bytes.
	Users []string `json:"users"`
	// Total is how many there are on all pages: the number itself.
	Total uint64 `json:"total"`
	// NextCursor leads to the page after; null on the last.
	NextCursor *string `json:"next_cursor"`
	Meta       Meta    `json:"meta"`
}

// People lists the users behind one number of a question's answer, at most
// limit of them whose ids come after the given one. Faults point below /query or
// /cell, as in a request that holds both.
func (s *Store) People(ctx context.Context, q Query, rawCell json.RawMessage, after string, limit int) (*People, error) {
	return s.people(ctx, q, rawCell, after, limit, Budget{})
}

func (s *Store) people(ctx context.Context, q Query, rawCell json.RawMessage, after string, limit int, budget Budget) (*People, error) {
	asked, ok := q.(drillable)
	if !ok {
		return nil, faultf(CodeInvalidValue, "/query/kind", "the users behind a number of %s cannot be listed", q.Kind())
	}
	chosen, err := asked.parseCell(rawCell)
	if err != nil {
		return nil, within("/cell", err)
	}
	page := &People{Users: []string{}}
	page.Meta, err = s.running(ctx, func(ctx context.Context, r *run) error {
		r.budget = budget
		st, err := chosen.people(ctx, r)
		if err != nil {
			return err
		}
		return r.page(ctx, st, after, limit, page)
	})
	if err != nil {
		return nil, placePeople(q, rawCell, err)
	}
	return page, nil
}

// placePeople tells faults of the cell, whose values may turn out wrong only once
// the range is known, from those of the question.
func placePeople(q Query, rawCell json.RawMessage, err error) error {
	var fault *QueryError
	if !errors.As(err, &fault) || fault.Field == "" {
		return err
	}
	var cell map[string]json.RawMessage
	first, _, _ := strings.Cut(fault.Field[1:], "/")
	if json.Unmarshal(rawCell, &cell) == nil && cell[first] != nil {
		return within("/cell", err)
	}
	if placed := q.source().place(err); placed != err {
		return within("/query/q", placed)
	}
	return within("/query", err)
}

// within puts a fault of a part of a request where the part stands.
func within(pointer string, err error) error {
	var fault *QueryError
	if errors.As(err, &fault) {
		return fault.at(pointer + fault.Field)
	}
	return err
}

// page cuts one page out of what st selects, and counts all of it in the same
// pass.
func (r *run) page(ctx context.Context, st *statement, after string, limit int, page *People) error {
	all := st.Builder.String()
	st.Reset()
	st.text("SELECT count() AS total, ", fmt.Sprintf("groupArraySortedIf(%d)", limit+1), "(user_id, user_id > ", st.bind(after), ") AS users\nFROM\n(\n", all, "\n)")
	err := r.each(ctx, st, func(rows driver.Rows) error { return rows.Scan(&page.Total, &page.Users) })
	if err == nil && len(page.Users) > limit {
		page.Users = page.Users[:limit]
		page.NextCursor = &page.Users[limit-1]
	}
	return err
}
