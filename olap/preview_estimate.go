package olap

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// statements are those of a question, not run.
func (s *Store) statements(ctx context.Context, q Query) ([]*statement, error) {
	r := &run{store: s, now: s.now(), collecting: true}
	_, err := q.answer(ctx, r)
	return r.statements, err
}

// rowsOf estimates the rows that a question would read.
func (s *Store) rowsOf(ctx context.Context, q Query) (Estimate, error) {
	var sum Estimate
	statements, err := s.statements(ctx, q)
	if err != nil {
		return sum, err
	}
	for _, st := range statements {
		tables, err := s.tablesRead(ctx, st)
		if err != nil {
			return sum, err
		}
		for _, t := range tables {
			sum.add(Estimate{Rows: t.rows, Marks: t.marks})
		}
	}
	return sum, nil
}

// tableRead is what a statement would read of one table.
type tableRead struct {
	table       string
	rows, marks uint64
}

// tablesRead asks the server's index. A set of an IN over a subquery may be
// built for it; apart from that no row is read.
func (s *Store) tablesRead(ctx context.Context, st *statement) ([]tableRead, error) {
	var tables []tableRead
	err := s.explain(ctx, "EXPLAIN ESTIMATE ", st, func(rows driver.Rows) error {
		var database string
		var parts uint64
		var t tableRead
		err := rows.Scan(&database, &t.table, &parts, &t.rows, &t.marks)
		tables = append(tables, t)
		return err
	})
	return tables, err
}

func (s *Store) estimate(ctx context.Context, st *statement, sizes map[string]float64) (StatementEstimate, error) {
	e := StatementEstimate{SQL: st.explained(), Columns: []string{}}
	tables, err := s.tablesRead(ctx, st)
	if err != nil {
		return e, err
	}
	if e.Columns, err = s.columnsRead(ctx, st); err != nil {
		return e, err
	}
	// A filter that is computed while reading stands among the columns, too.
	e.Columns = slices.DeleteFunc(e.Columns, func(c string) bool { _, is := sizes[c]; return !is })
	for _, t := range tables {
		perRow := 0.0
		for _, column := range e.Columns {
			if strings.HasPrefix(column, t.table+".") {
				perRow += sizes[column]
			}
		}
		e.add(Estimate{Rows: t.rows, Marks: t.marks, Bytes: uint64(perRow * float64(t.rows))})
	}
	return e, nil
}

// explain runs a statement behind a form of EXPLAIN.
func (s *Store) explain(ctx context.Context, form string, st *statement, scan func(driver.Rows) error) error {
	ctx, cancel := s.reading(ctx, st.parameters())
	defer cancel()
	rows, err := s.conn.Query(ctx, form+st.String())
	if err != nil {
		return fmt.Errorf("estimate a question: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("read the estimate of a question: %w", err)
		}
	}
	return rows.Err()
}

// columnSizes are the mean uncompressed bytes of a row's value, by table.column.
// Small parts keep their columns in one file and do not know the size of each:
// where there are no others, each column counts as an even share of the row.
func (s *Store) columnSizes(ctx context.Context) (map[string]float64, error) {
	const sql = `SELECT concat(table, '.', column),
    if(countIf(part_type = 'Wide') > 0, sumIf(column_data_uncompressed_bytes, part_type = 'Wide') / sumIf(rows, part_type = 'Wide'),
        sum(data_uncompressed_bytes) / sum(rows) / count() OVER (PARTITION BY table))
FROM system.parts_columns WHERE active AND rows > 0 AND database = currentDatabase() GROUP BY table, column`
	ctx, cancel := s.reading(ctx)
	defer cancel()
	rows, err := s.conn.Query(ctx, sql)
	if err != nil {
		return nil, fmt.Errorf("read the sizes of columns: %w", err)
	}
	defer rows.Close()
	sizes := map[string]float64{}
	for rows.Next() {
		var column string
		var size float64
		if err := rows.Scan(&column, &size); err != nil {
			return nil, fmt.Errorf("read the sizes of columns: %w", err)
		}
		sizes[column] = size
	}
	return sizes, rows.Err()
}

// planNode is the part of the server's plan that tells which columns are read.
type planNode struct {
	Type        string       `json:"Node Type"`
	Description string       `json:"Description"`
	Header      []planColumn `json:"Header"`
	Prewhere    *struct {
		Filter struct {
			Expression struct {
				Inputs []planColumn `json:"Inputs"`
			} `json:"Prewhere filter expression"`
		} `json:"Prewhere filter"`
	} `json:"Prewhere info"`
	Plans []planNode `json:"Plans"`
}

type planColumn struct {
	Name string `json:"Name"`
}

// columnsRead asks the server's plan which columns a statement reads.
func (s *Store) columnsRead(ctx context.Context, st *statement) ([]string, error) {
	var text []byte
	err := s.explain(ctx, "EXPLAIN PLAN json = 1, header = 1, actions = 1 ", st, func(rows driver.Rows) error {
		var line string
		err := rows.Scan(&line)
		text = append(text, line...)
		return err
	})
	if err != nil {
		return nil, err
	}
	var plans []struct {
		Plan planNode `json:"Plan"`
	}
	if err := json.Unmarshal(text, &plans); err != nil {
		return nil, fmt.Errorf("read the plan of a question: %w", err)
	}
	columns := []string{}
	for _, p := range plans {
		columns = p.Plan.columns(columns)
	}
	slices.Sort(columns)
	return slices.Compact(columns), nil
}

// columns collects what the node and those below it read from tables.
func (n planNode) columns(found []string) []string {
	if n.Type == "ReadFromMergeTree" {
		table := n.Description[strings.LastIndexByte(n.Description, '.')+1:]
		read := n.Header
		if n.Prewhere != nil {
			read = append(slices.Clone(read), n.Prewhere.Filter.Expression.Inputs...)
		}
		for _, c := range read {
			found = append(found, table+"."+c.Name)
		}
	}
	for _, below := range n.Plans {
		found = below.columns(found)
	}
	return found
}

// fitting finds the longest range of whole days, ending as the question's does,
// whose estimate is within the budget. Estimates are steps, not lines: a month
// is read as a whole where users come first in the sort key. So they are asked
// for, by halving, and not computed.
func (s *Store) fitting(ctx context.Context, q Query, budget Budget) (*FittingRange, error) {
	f, err := q.span(s.now())
	if err != nil {
		return nil, err
	}
	day := calendar{interval: byDay, zone: f.calendar.zone}
	whole := int(f.to.Sub(f.from)/(24*time.Hour)) + 1
	var best *FittingRange
	low, high := 1, whole
	for low <= high {
		days := (low + high) / 2
		from := day.shift(f.to, -days)
		shorter, err := withRange(q, from, f.to)
		if err != nil {
			return nil, err
		}
		e, err := s.rowsOf(ctx, shorter)
		if err != nil {
			return nil, err
		}
		if e.Rows > budget.Rows {
			high = days - 1
			continue
		}
		best = &FittingRange{From: stamp(from), To: stamp(f.to.In(f.calendar.zone)), Days: days, Rows: e.Rows}
		low = days + 1
	}
	return best, nil
}

// withRange is the same question over another range.
func withRange(q Query, from, to time.Time) (Query, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(q.JSON(), &fields); err != nil {
		return nil, err
	}
	for name, t := range map[string]time.Time{"from": from, "to": to} {
		fields[name], _ = json.Marshal(stamp(t))
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	return ParseQuery(text)
}
