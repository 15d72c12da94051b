package olap

import (
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// The best customers
//
// Telling all who bought apart by their names costs more than the rest of the
// answer. So they are told apart by their hashes first, and ranked by what each may
// have brought at most: what came in, whatever went out again. Names and exact
// figures are read of the first of that order only. Whoever is further down has a
// net of at most the last one's bound. Where every customer of the answer has more
// than that, the answer is exact. Users who share a hash change nothing: their bound
// is the sum of theirs, so it is above the net of each of them.
//
// Where the bound does not decide (many ties, many refunds), all names are read.

const (
	// spareCustomers is how many more than the answer has are read of a currency, for
	// ties and refunds.
	spareCustomers = 100
	// maxLikelyCustomers bounds those of all currencies.
	maxLikelyCustomers = 5_000
)

// likelyCustomers are those who may be the best.
type likelyCustomers struct {
	persons []uint64
	count   map[string]int   // by currency,
	bound   map[string]money // and what the last of it brought at most
}

// topCustomers reads who brought most, per currency.
func (p *revenuePlan) topCustomers(ctx context.Context, r *run) ([]RevenueCustomer, error) {
	if *p.Top == 0 {
		return []RevenueCustomer{}, nil
	}
	if p.Where.inSecondOrder() {
		likely, err := p.likelyCustomers(ctx, r)
		if err != nil {
			return nil, err
		}
		if !r.collecting && len(likely.persons) <= maxLikelyCustomers {
			customers, err := p.customers(ctx, r, likely.persons)
			if err != nil || p.surely(customers, likely) {
				return customers, err
			}
		}
	}
	return p.customers(ctx, r, nil)
}

// likelyCustomers ranks hashes, in each currency.
func (p *revenuePlan) likelyCustomers(ctx context.Context, r *run) (likelyCustomers, error) {
	likely := likelyCustomers{persons: []uint64{}, count: map[string]int{}, bound: map[string]money{}}
	p.statement = newStatement()
	if err := p.renderLikely(); err != nil {
		return likely, err
	}
	err := r.each(ctx, p.statement, func(cursor driver.Rows) error {
		var currency, most string
		var person uint64
		err := cursor.Scan(&currency, &person, &most)
		likely.persons = append(likely.persons, person)
		likely.count[currency]++
		likely.bound[currency] = parseMoney(most)
		return err
	})
	if err != nil {
		return likely, fmt.Errorf("read the likely top customers: %w", err)
	}
	return likely, nil
}

func (p *revenuePlan) likelyLimit() int { return *p.Top + spareCustomers }

func (p *revenuePlan) renderLikely() error {
	where, err := p.where(typePurchase, typeRefund)
	if err != nil {
		return err
	}
	purchase := "type = " + p.bind(typePurchase)
	p.text("SELECT currency, person, toString(ifNull(most, 0))\nFROM\n(",
		"\n    SELECT currency, person, sum(greatest(if(", purchase, ", amount, -amount), 0)) AS most",
		"\n    FROM events\n    WHERE ", where, "\n    GROUP BY currency, person\n    HAVING countIf(", purchase, ") > 0\n)",
		"\nORDER BY currency, ifNull(most, 0) DESC\nLIMIT ", p.bind(int64(p.likelyLimit())), " BY currency\nLIMIT ", p.bind(int64(maxLikelyCustomers+1)))
	return nil
}

// customers ranks users by name; those of persons alone, unless it is nil.
func (p *revenuePlan) customers(ctx context.Context, r *run, persons []uint64) ([]RevenueCustomer, error) {
	p.statement = newStatement()
	if err := p.renderCustomers(persons); err != nil {
		return nil, err
	}
	customers := []RevenueCustomer{}
	err := r.each(ctx, p.statement, func(cursor driver.Rows) error {
		var c RevenueCustomer
		var currency, gross, refunds string
		err := cursor.Scan(&currency, &c.UserID, &gross, &refunds, &c.Orders)
		c.Currency, c.Gross, c.Refunds = currencyOf(currency), parseMoney(gross), parseMoney(refunds)
		c.Net = c.Gross.minus(c.Refunds)
		customers = append(customers, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the top customers: %w", err)
	}
	return customers, nil
}

func (p *revenuePlan) renderCustomers(persons []uint64) error {
	where, err := p.where(typePurchase, typeRefund)
	if err != nil {
		return err
	}
	if persons != nil {
		where += " AND person IN " + p.bind(persons)
	}
	purchase, refund := "type = "+p.bind(typePurchase), "type = "+p.bind(typeRefund)
	p.text("SELECT currency, user_id, toString(gross), toString(refunds), orders\nFROM\n(",
		"\n    SELECT currency, user_id, ifNull(sumIf(amount, ", purchase, "), 0) AS gross, ifNull(sumIf(amount, ", refund, "), 0) AS refunds, countIf(", purchase, ") AS orders",
		"\n    FROM events\n    WHERE ", where, "\n    GROUP BY currency, user_id\n    HAVING orders > 0\n)",
		"\nORDER BY currency, gross - refunds DESC, gross DESC, user_id\nLIMIT ", p.bind(int64(*p.Top)), " BY currency")
	return nil
}

// surely tells whether nobody else can be among the customers, or tie with them.
func (p *revenuePlan) surely(customers []RevenueCustomer, likely likelyCustomers) bool {
	above := map[string]int{}
	for _, c := range customers {
		currency := ""
		if c.Currency != nil {
			currency = *c.Currency
		}
		if c.Net.compare(likely.bound[currency]) > 0 {
			above[currency]++
		}
	}
	for currency, n := range likely.count {
		if n == p.likelyLimit() && above[currency] < *p.Top {
			return false
		}
	}
	return true
}

// inSecondOrder tells whether the second order of the events (by_person) holds all
// that a condition names.
func (c condition) inSecondOrder() bool {
	var m mentions
	m.expression(c.expr)
	return !slices.ContainsFunc(m.properties, func(p property) bool {
		return p.of != "" || !slices.Contains([]string{"type", "timestamp", "user_id", "amount", "currency", "country", "platform"}, p.column)
	})
}
