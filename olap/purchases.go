package olap

import (
	"context"
	_ "embed"
	"fmt"
	"iter"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed purchases.sql
var purchasesSQL string

// purchasesTimeout bounds one reading of all customers: nobody waits for it.
const purchasesTimeout = 15 * time.Minute

// PurchaseSpan is the extent of the stored purchases.
type PurchaseSpan struct {
	// First and Last are the UTC days of the first and the last purchase that is not
	// in the future; zero where there is none.
	First, Last time.Time
	// Currency is that of the most purchases with an amount.
	Currency string
}

// PurchaseSpan tells from when to when something was bought, and in which currency.
func (s *Store) PurchaseSpan(ctx context.Context) (span PurchaseSpan, err error) {
	q := newStatement()
	q.text("SELECT sum(purchases), min(first), max(last), argMax(code, (priced, code)) FROM (",
		"SELECT toString(currency) AS code, count() AS purchases, count(amount) AS priced, min(timestamp) AS first, max(timestamp) AS last",
		" FROM events WHERE type = ", q.bind(typePurchase), " AND timestamp <= ", q.bind(s.now()), " GROUP BY currency)")
	ctx, cancel := s.reading(ctx, q.parameters())
	defer cancel()
	var purchases uint64
	if err := s.conn.QueryRow(ctx, q.String()).Scan(&purchases, &span.First, &span.Last, &span.Currency); err != nil {
		return PurchaseSpan{}, fmt.Errorf("read the extent of the purchases: %w", err)
	}
	if purchases == 0 {
		return PurchaseSpan{}, nil
	}
	const day = 24 * time.Hour
	span.First, span.Last = span.First.UTC().Truncate(day), span.Last.UTC().Truncate(day)
	return span, nil
}

// PurchaseSelection says what of the purchases is looked at.
type PurchaseSelection struct {
	// Until is the last UTC day that counts as history.
	Until time.Time
	// End is the last day of all: purchases between Until and it count as later.
	End time.Time
	// Currency is the one whose amounts count.
	Currency string
}

// PurchaseHistory is what one customer bought; times are whole UTC days.
type PurchaseHistory struct {
	UserID      string
	Repeats     int64 // days with a purchase, but for the first
	RecencyDays int64 // from the first to the last
	AgeDays     int64 // from the first to the end of the selection
	Later       int64 // days with a purchase after it
	PricedDays  int64 // repeats with an amount in the currency
	Spent       float64
}

// Purchases yields the history of every customer, in no particular order.
func (s *Store) Purchases(ctx context.Context, sel PurchaseSelection) iter.Seq2[PurchaseHistory, error] {
	return func(yield func(PurchaseHistory, error) bool) {
		ctx, cancel := s.purchaseReading(ctx, sel)
		defer cancel()
		rows, err := s.conn.Query(ctx, purchasesSQL)
		if err != nil {
			yield(PurchaseHistory{}, fmt.Errorf("read purchases: %w", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			var h PurchaseHistory
			err := rows.Scan(&h.UserID, &h.Repeats, &h.RecencyDays, &h.AgeDays, &h.Later, &h.PricedDays, &h.Spent)
			if !yield(h, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(PurchaseHistory{}, fmt.Errorf("read purchases: %w", err))
		}
	}
}

// purchaseReading binds the selection. Questions come first: one thread is enough
// here.
func (s *Store) purchaseReading(ctx context.Context, sel PurchaseSelection) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, purchasesTimeout)
	settings := s.settings()
	settings["max_execution_time"] = int(purchasesTimeout.Seconds())
	settings["max_threads"] = 1
	parameters := clickhouse.Parameters{
		"until": sel.Until.UTC().Format(time.DateOnly), "currency": escapeParameter(sel.Currency),
		"end": sel.End.UTC().AddDate(0, 0, 1).Format(time.DateOnly + " 00:00:00.000"),
	}
	return clickhouse.Context(ctx, clickhouse.WithSettings(settings), clickhouse.WithParameters(parameters)), cancel
}
