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
// is the sum of theirs, and none of them has a net above it.
//
// Where the bound does not decide (many ties, many refunds), all names are read. So
// they are at once where months go on: the second order lacks those, and reading
// them twice costs more than the names.

const (
	// spareCustomers is how many more than the answer has are read of a currency, for
	// ties and refunds.
	spareCustomers = 50
	// mostLikelyCurrencies bounds whom the second statement names.
	mostLikelyCurrencies = 50
)

// likelyCustomers are those who may be the best.
type likelyCustomers struct {
	persons    []uint64
	currencies int
	// bounds are by currency: nobody but persons has more. Currencies with fewer
	// customers have none.
	bounds map[string]money
}

// topCustomers reads who brought most, per currency. A question that is only looked
// at shows the statement of all names: it reads no less than that of a few.
func (p *revenuePlan) topCustomers(ctx context.Context, r *run) ([]RevenueCustomer, error) {
	if *p.Top == 0 {
		return []RevenueCustomer{}, nil
	}
	if p.Where.inSecondOrder() && !p.frame.to.After(r.store.monthOver()) {
		likely, err := p.likelyCustomers(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("read the likely top customers: %w", err)
		}
		if !r.collecting && likely.currencies <= mostLikelyCurrencies {
			customers, err := p.customers(ctx, r, likely.persons)
			if err != nil || p.surely(customers, likely.bounds) {
				return customers, err
			}
		}
	}
	return p.customers(ctx, r, nil)
}

// likelyCustomers ranks hashes, in each currency.
func (p *revenuePlan) likelyCustomers(ctx context.Context, r *run) (likelyCustomers, error) {
	likely := likelyCustomers{persons: []uint64{}, bounds: map[string]money{}}
	p.statement = newStatement()
	if err := p.renderLikely(); err != nil {
		return likely, err
	}
	err := r.each(ctx, p.statement, func(cursor driver.Rows) error {
		var currency, least string
		var persons []uint64
		err := cursor.Scan(&currency, &persons, &least)
		likely.currencies++
		likely.persons = append(likely.persons, persons...)
		if len(persons) == p.likelyLimit() {
			likely.bounds[currency] = parseMoney(least)
		}
		return err
	})
	return likely, err
}

func (p *revenuePlan) likelyLimit() int { return *p.Top + spareCustomers }

// renderLikely takes purchases, and refunds below zero, which bring as well. What is
// below zero among purchases may count as if it were above: it is a bound.
func (p *revenuePlan) renderLikely() error {
	where, err := p.where(typePurchase, typeRefund)
	if err != nil {
		return err
	}
	p.text("SELECT currency, arrayMap(x -> x.2, best) AS persons, toString(-best[-1].1) AS least\nFROM\n(",
		"\n    SELECT currency, ", fmt.Sprintf("groupArraySorted(%d)", p.likelyLimit()), "((-most, person)) AS best\n    FROM\n    (",
		"\n        SELECT currency, person, ifNull(sum(abs(amount)), 0) AS most\n        FROM events\n        WHERE ", where, " AND (type = ", p.bind(typePurchase), " OR amount < 0)",
		"\n        GROUP BY currency, person\n    )\n    GROUP BY currency\n)\nLIMIT ", p.bind(int64(mostLikelyCurrencies+1)))
	return nil
}

// customers ranks users by name; those of persons alone, unless it is nil. In the
// order of the table, groups would need less memory; but the server then reads that
// and not the second order, and 60 times the rows.
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
		"\nORDER BY currency, gross - refunds DESC, gross DESC, user_id\nLIMIT ", p.bind(int64(*p.Top)), " BY currency\nSETTINGS optimize_aggregation_in_order = 0")
	return nil
}

// surely tells whether each of the customers has more than anybody else could.
func (p *revenuePlan) surely(customers []RevenueCustomer, bounds map[string]money) bool {
	above := map[string]int{}
	for _, c := range customers {
		currency := ""
		if c.Currency != nil {
			currency = *c.Currency
		}
		if bound, cut := bounds[currency]; cut && c.Net.compare(bound) > 0 {
			above[currency]++
		}
	}
	for currency := range bounds {
		if above[currency] < *p.Top {
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
