package olap

import (
	"cmp"
	"context"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// revenueKey is a line of the answer: a currency, and in it the group of a
// breakdown. Groups are numbered as in [groups]: 1 and up for the values, 0 for
// the others, -1 for none.
type revenueKey struct {
	currency string
	slot     int64
}

// revenueRow is one bucket, or the whole range, of one line.
type revenueRow struct {
	revenueKey
	bucket         int64
	whole          bool
	gross, refunds money
	orders, priced uint64 // purchases, and those that carry an amount
	unpriced       uint64 // refunds that carry none
	customers      uint64
}

// revenueLines are lines under construction.
type revenueLines struct {
	plan  *revenuePlan
	byKey map[revenueKey]*RevenueLine
	left  revenueRow // sums what the figures leave out
}

func (p *revenuePlan) newLines() *revenueLines {
	return &revenueLines{plan: p, byKey: map[revenueKey]*RevenueLine{}}
}

// lines reads every line of the answer, in its order.
func (p *revenuePlan) lines(ctx context.Context, r *run) ([]RevenueLine, error) {
	l := p.newLines()
	done, err := p.linesByValue(ctx, r, l)
	if !done && err == nil {
		err = p.linesBySlot(ctx, r, l)
	}
	if err != nil {
		return nil, err
	}
	warnRevenue(r, l.left)
	return l.inOrder(r), nil
}

// linesBySlot ranks the values first, and asks for the lines of those then.
func (p *revenuePlan) linesBySlot(ctx context.Context, r *run, l *revenueLines) error {
	var err error
	if p.values, err = p.topValues(ctx, r); err != nil {
		return err
	}
	p.statement = newStatement()
	if err := p.render(); err != nil {
		return err
	}
	return l.read(ctx, r)
}

// read runs the plan's statement, whose rows name their groups by number.
func (l *revenueLines) read(ctx context.Context, r *run) error {
	return r.each(ctx, l.plan.statement, func(cursor driver.Rows) error {
		var row revenueRow
		if err := row.scan(cursor, &row.slot); err != nil {
			return err
		}
		l.count(row)
		return l.add(row)
	})
}

func (l *revenueLines) add(row revenueRow) error {
	if l.byKey[row.revenueKey] == nil {
		l.byKey[row.revenueKey] = l.plan.newLine(row.revenueKey)
	}
	l.byKey[row.revenueKey].set(row)
	return l.plan.checkSize(len(l.byKey))
}

// count takes the whole range of one line into what the figures leave out.
func (l *revenueLines) count(row revenueRow) {
	if row.whole {
		l.left.orders, l.left.priced, l.left.unpriced = l.left.orders+row.orders, l.left.priced+row.priced, l.left.unpriced+row.unpriced
	}
}

// scan reads a row; group takes its second column, a number or a value.
func (row *revenueRow) scan(cursor driver.Rows, group any) error {
	var whole uint8
	var gross, refunds string
	err := cursor.Scan(&row.currency, group, &row.bucket, &whole, &gross, &refunds, &row.orders, &row.priced, &row.unpriced, &row.customers)
	row.whole, row.gross, row.refunds = whole == 1, parseMoney(gross), parseMoney(refunds)
	return err
}

// checkSize bounds what an answer holds, before it holds it.
func (p *revenuePlan) checkSize(lines int) error {
	if lines <= maxRevenueLines && lines*p.frame.buckets() <= maxRevenueCells {
		return nil
	}
	return faultf(CodeTooExpensive, "", "the answer has %d or more lines of %d buckets; %d lines and %d figures of a sort are the most. Name a currency, lower the breakdown's limit, or choose a coarser interval",
		lines, p.frame.buckets(), maxRevenueLines, maxRevenueCells)
}

func warnRevenue(r *run, left revenueRow) {
	if n := left.orders - left.priced; n > 0 {
		r.warn("purchases without an amount: %d; they count as orders and add nothing to gross", n)
	}
	if left.unpriced > 0 {
		r.warn("refunds without an amount: %d; they are left out", left.unpriced)
	}
}

// inOrder sorts lines: currencies with most orders first, then their values.
func (l *revenueLines) inOrder(r *run) []RevenueLine {
	orders := map[string]uint64{}
	keys := make([]revenueKey, 0, len(l.byKey))
	for key, line := range l.byKey {
		orders[key.currency] += line.Total.Orders
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b revenueKey) int {
		return cmp.Or(cmp.Compare(orders[b.currency], orders[a.currency]), cmp.Compare(a.currency, b.currency), cmp.Compare(lineOrder(a.slot), lineOrder(b.slot)))
	})
	lines := make([]RevenueLine, len(keys))
	for i, key := range keys {
		if lines[i] = *l.byKey[key]; lines[i].Total.Refunds.negative() {
			r.warn("refunds in %s add up to less than nothing; the amount of a refund should be above zero", currencyText(key.currency))
		}
	}
	return lines
}

// lineOrder puts the named values first, then the others, then none.
func lineOrder(slot int64) int64 {
	if slot < 1 {
		return maxBreakdown*maxRevenueLines - slot
	}
	return slot
}

func currencyText(currency string) string {
	if currency == "" {
		return "no currency"
	}
	return currency
}

// currencyOf is how an answer writes a currency: null where there is none.
func currencyOf(currency string) *string {
	if currency == "" {
		return nil
	}
	return &currency
}

// newLine is a line in which nothing has happened.
func (p *revenuePlan) newLine(key revenueKey) *RevenueLine {
	n := p.frame.buckets()
	l := &RevenueLine{
		Currency: currencyOf(key.currency), Breakdown: p.label(key.slot),
		Gross: make([]money, n), Refunds: make([]money, n), Net: make([]money, n), Orders: make([]uint64, n), Customers: make([]uint64, n),
		AverageOrder: make([]money, n), PerCustomer: make([]money, n),
	}
	nothing := revenueRow{gross: money{"0"}, refunds: money{"0"}}.figures()
	for i := range n {
		l.put(int64(i), nothing)
	}
	return l
}

func (l *RevenueLine) set(row revenueRow) {
	if row.whole {
		l.Total = row.figures()
		return
	}
	l.put(row.bucket, row.figures())
}

func (l *RevenueLine) put(i int64, f RevenueFigures) {
	l.Gross[i], l.Refunds[i], l.Net[i] = f.Gross, f.Refunds, f.Net
	l.Orders[i], l.Customers[i] = f.Orders, f.Customers
	l.AverageOrder[i], l.PerCustomer[i] = f.AverageOrder, f.PerCustomer
}

func (row revenueRow) figures() RevenueFigures {
	return RevenueFigures{
		Gross: row.gross, Refunds: row.refunds, Net: row.gross.minus(row.refunds), Orders: row.orders, Customers: row.customers,
		AverageOrder: row.gross.per(row.priced), PerCustomer: row.gross.per(row.customers),
	}
}
