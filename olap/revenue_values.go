package olap

import (
	"cmp"
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Breakdowns at once
//
// Which values brought most is known once every value has been summed. Where
// windows can answer there are few values: all of their lines are read in one
// statement and ranked here. Only if there are more than the answer names, the
// others are read once more, as one line. A breakdown with so many values that
// their lines would not fit is ranked first, in a statement of its own.

// maxValueRows bounds the rows (a value and a bucket each) that are read so.
const maxValueRows = 20_000

// linesByValue fills the lines; false where there are too many values.
func (p *revenuePlan) linesByValue(ctx context.Context, r *run, l *revenueLines) (bool, error) {
	if p.Breakdown == nil || !p.fromWindows() {
		return false, nil
	}
	rows, err := p.rowsByValue(ctx, r)
	if err != nil || len(rows) > maxValueRows {
		return false, err
	}
	p.values = p.rank(rows)
	slots := map[revenueValue]int64{}
	for i, v := range p.values {
		slots[v] = int64(i + 1)
	}
	others := false
	for _, row := range rows {
		l.count(row.revenueRow)
		row.slot = slots[revenueValue{row.currency, row.value}]
		if row.value == "" {
			row.slot = -1
		}
		if row.slot == 0 {
			others = true
		} else if err := l.add(row.revenueRow); err != nil {
			return true, err
		}
	}
	if others {
		err = p.otherLines(ctx, r, l)
	}
	return true, err
}

// valueRow is a row of one value, empty for events without one.
type valueRow struct {
	revenueRow
	value string
}

func (p *revenuePlan) rowsByValue(ctx context.Context, r *run) ([]valueRow, error) {
	p.statement = newStatement()
	if err := p.renderByValue(); err != nil {
		return nil, err
	}
	var rows []valueRow
	err := r.each(ctx, p.statement, func(cursor driver.Rows) error {
		var row valueRow
		err := row.scan(cursor, &row.value)
		rows = append(rows, row)
		return err
	})
	return rows, err
}

func (p *revenuePlan) renderByValue() error {
	err := p.perWindow(p.Breakdown.Property.property.text(p.statement), "")
	p.text("\nLIMIT ", p.bind(int64(maxValueRows+1)))
	return err
}

// rank finds, in each currency, the values that brought most, as ranking does.
func (p *revenuePlan) rank(rows []valueRow) []revenueValue {
	var totals []valueRow
	for _, row := range rows {
		if row.whole && row.value != "" {
			totals = append(totals, row)
		}
	}
	slices.SortFunc(totals, func(a, b valueRow) int {
		return cmp.Or(cmp.Compare(a.currency, b.currency), b.gross.compare(a.gross), cmp.Compare(b.orders, a.orders), cmp.Compare(a.value, b.value))
	})
	var values []revenueValue
	named := 0
	for i, row := range totals {
		if i > 0 && row.currency != totals[i-1].currency {
			named = 0
		}
		if named++; named <= p.Breakdown.Limit {
			values = append(values, revenueValue{row.currency, row.value})
		}
	}
	return values
}

// otherLines reads the lines of the values that are not named. What they leave out
// was counted with the values.
func (p *revenuePlan) otherLines(ctx context.Context, r *run, l *revenueLines) error {
	p.statement = newStatement()
	if err := p.perWindow(p.slot(), "\nWHERE slot = 0"); err != nil {
		return err
	}
	left := l.left
	err := l.read(ctx, r)
	l.left = left
	return err
}
