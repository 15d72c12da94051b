package olap

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// How revenue becomes SQL
//
// Where the question asks for nothing but time, currency and country, and its
// buckets are made of whole 10-minute windows, the rollup is read; else the raw
// events. Both give the same figures: customers are different users in either.
//
// Money sums as decimals, which lose nothing. What is not exact (averages) is
// divided in Go.

// revenuePlan renders one question about revenue.
type revenuePlan struct {
	*statement
	*revenue
	frame  frame
	values []revenueValue // of the breakdown, by name; currency by currency, best first
}

type revenueValue struct{ currency, value string }

// fromWindows tells whether the rollup can answer.
func (p *revenuePlan) fromWindows() bool {
	return (p.Breakdown == nil || p.Breakdown.Property.property.inWindows()) && p.Where.inWindows() && p.frame.onWindows()
}

// windows renders the purchases and refunds that count, by window.
func (p *revenuePlan) windows() (string, error) {
	where, err := selection(p.statement, p.frame.clock, eventChoice{}, p.Where)
	rows := p.frame.windowsOf(allOf(p.selected(typePurchase, typeRefund), where))
	rows.split, rows.money = p.Breakdown != nil || p.Where.given(), p.frame.cutAt(moneyWidth)
	return rows.render(p.statement), err
}

// selected renders which events count, the range and the question's condition
// aside.
func (p *revenuePlan) selected(types ...string) string {
	sql := eventChoice{types}.condition(p.statement)
	if p.Currency != nil {
		sql += " AND currency = " + p.bind(string(*p.Currency))
	}
	return sql
}

// where renders which raw events count.
func (p *revenuePlan) where(types ...string) (string, error) {
	where, err := selection(p.statement, p.frame.clock, eventChoice{}, p.Where)
	return allOf(p.frame.during(p.statement), p.selected(types...), where), err
}

// render gives a row per currency, group and bucket, and one per currency and
// group for the whole range; the columns are those of scanRevenue.
func (p *revenuePlan) render() error {
	purchase, refund := "type = "+p.bind(typePurchase), "type = "+p.bind(typeRefund)
	if p.fromWindows() {
		return p.perWindow(p.slot(), "")
	}
	where, err := p.where(typePurchase, typeRefund)
	if err != nil {
		return err
	}
	p.text("SELECT currency, ", p.slot(), " AS slot, ", p.frame.bucket(p.statement, "toUnixTimestamp64Milli(timestamp)"), " AS bucket, toUInt8(grouping(bucket)) AS whole,",
		"\n    toString(ifNull(sumIf(amount, ", purchase, "), 0)) AS gross, toString(ifNull(sumIf(amount, ", refund, "), 0)) AS refunds,",
		"\n    countIf(", purchase, ") AS orders, countIf(", purchase, " AND amount IS NOT NULL) AS priced, countIf(", refund, " AND amount IS NULL) AS unpriced,",
		"\n    uniqExactIf(user_id, ", purchase, ") AS customers",
		"\nFROM events\nWHERE ", where, p.grouped())
	return nil
}

// perWindow reads the rollup. Buckets and the range are grouped side by side: a
// rollup of one from the other would put the users of all buckets together once
// more, one currency after the other. more follows the source.
func (p *revenuePlan) perWindow(group, more string) error {
	purchase, refund := "type = "+p.bind(typePurchase), "type = "+p.bind(typeRefund)
	rows, err := p.windows()
	p.text("SELECT currency, ", group, " AS slot, ", p.frame.bucket(p.statement, "at"), " AS bucket, toUInt8(grouping(bucket)) AS whole,",
		"\n    toString(sumIf(revenue, ", purchase, ")) AS gross, toString(sumIf(revenue, ", refund, ")) AS refunds,",
		"\n    sumIf(events, ", purchase, ") AS orders, sumIf(amounts, ", purchase, ") AS priced, toUInt64(sumIf(events - amounts, ", refund, ")) AS unpriced,",
		"\n    toUInt64(", differentUsersIf("users", purchase), ") AS customers",
		"\nFROM ", rows, more, "\nGROUP BY GROUPING SETS ((currency, slot, bucket), (currency, slot))")
	return err
}

// grouped ends with the range as one bucket, of each currency and group.
func (p *revenuePlan) grouped() string {
	if p.Breakdown == nil {
		return "\nGROUP BY currency, bucket WITH ROLLUP\nHAVING grouping(currency) = 0"
	}
	return "\nGROUP BY currency, slot, bucket WITH ROLLUP\nHAVING grouping(slot) = 0"
}

// slot renders the group of an event. Currency and value make one key; the
// currency's length in front keeps different pairs apart.
func (p *revenuePlan) slot() string {
	if p.Breakdown == nil {
		return "toInt64(0)"
	}
	value := p.Breakdown.Property.property
	keys, slots := make([]string, len(p.values)), make([]int64, len(p.values))
	for i, v := range p.values {
		keys[i], slots[i] = fmt.Sprintf("%d:%s%s", len(v.currency), v.currency, v.value), int64(i+1)
	}
	if len(keys) == 0 {
		return fmt.Sprintf("if(%s, toInt64(0), toInt64(-1))", value.present(p.statement))
	}
	return fmt.Sprintf("if(%s, transform(concat(toString(length(currency)), ':', currency, toString(%s)), %s, %s, toInt64(0)), toInt64(-1))",
		value.present(p.statement), value.text(p.statement), p.bind(keys), p.bind(slots))
}

// label is the name of a group, nil without a breakdown.
func (p *revenuePlan) label(slot int64) *string {
	if p.Breakdown == nil {
		return nil
	}
	label := labelOther
	if slot < 0 {
		label = labelNone
	} else if slot > 0 {
		label = p.values[slot-1].value
	}
	return &label
}

// topValues finds, in each currency, the values that brought most.
func (p *revenuePlan) topValues(ctx context.Context, r *run) ([]revenueValue, error) {
	if p.Breakdown == nil {
		return nil, nil
	}
	p.statement = newStatement()
	if err := p.ranking(); err != nil {
		return nil, err
	}
	var values []revenueValue
	err := r.each(ctx, p.statement, func(rows driver.Rows) error {
		var v revenueValue
		err := rows.Scan(&v.currency, &v.value)
		values = append(values, v)
		return err
	})
	if err == nil {
		err = p.checkSize(len(values))
	}
	return values, err
}

func (p *revenuePlan) ranking() error {
	value, purchase := p.Breakdown.Property.property, "type = "+p.bind(typePurchase)
	p.text("SELECT currency, toString(", value.text(p.statement), ") AS value\nFROM ")
	if p.fromWindows() {
		rows, err := p.windows()
		if err != nil {
			return err
		}
		p.text(rows, "\nWHERE ", value.present(p.statement),
			"\nGROUP BY currency, value\nORDER BY currency, sumIf(revenue, ", purchase, ") DESC, sumIf(events, ", purchase, ")")
	} else {
		where, err := p.where(typePurchase, typeRefund)
		if err != nil {
			return err
		}
		p.text("events\nWHERE ", where, " AND ", value.present(p.statement),
			"\nGROUP BY currency, value\nORDER BY currency, ifNull(sumIf(amount, ", purchase, "), 0) DESC, countIf(", purchase, ")")
	}
	p.text(" DESC, value\nLIMIT ", p.bind(int64(p.Breakdown.Limit)), " BY currency\nLIMIT ", p.bind(int64(maxRevenueLines+1)))
	return nil
}
