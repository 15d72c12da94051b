package olap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Budget is what one question may read. A zero field sets no limit.
type Budget struct {
	// Rows that all statements of the question may read together, by estimate; and
	// that each of them may read in truth.
	Rows uint64
}

// limit has the server hold each statement to the budget.
func (b Budget) limit(settings clickhouse.Settings) {
	if b.Rows > 0 {
		settings["max_rows_to_read"] = b.Rows
		settings["read_overflow_mode"] = "throw" // an answer from a part of the rows would be wrong
	}
}

// BudgetError refuses a question that would read more than its budget. Nothing
// was read.
type BudgetError struct {
	Estimate Estimate
	Budget   Budget
	// Fits is the longest range of whole days, ending with the question's, that
	// the budget allows. Nil where not even one day does, as with questions that
	// look at all of history.
	Fits *FittingRange
}

// FittingRange is a range that a question could be asked for instead.
type FittingRange struct {
	From string `json:"from"` // RFC 3339 in the question's zone
	To   string `json:"to"`
	Days int    `json:"days"`
	Rows uint64 `json:"rows"`
}

// Error says by how much the question is too large, and what would fit.
func (e *BudgetError) Error() string {
	s := fmt.Sprintf("this would read about %s rows, and %s is the most for one question", inWords(e.Estimate.Rows), inWords(e.Budget.Rows))
	if e.Fits == nil {
		return s + "; no shorter range would do: ask about fewer series, or without what looks at all of history"
	}
	return fmt.Sprintf("%s; the %d days from %s would fit, with about %s rows", s, e.Fits.Days, e.Fits.From, inWords(e.Fits.Rows))
}

// CutError is a question that was stopped when its time was up. It wraps
// [context.DeadlineExceeded].
type CutError struct {
	// After is how long the question had been answered.
	After time.Duration
	// Rows of about Of rows had been read; Of is 0 where that is not known.
	Rows, Of uint64
	// Days of the range that would have fitted, at the same speed; 0 where that
	// cannot be told, or is less than one.
	Days  float64
	cause error
}

// Error says how far the answer got, and what would fit.
func (e *CutError) Error() string {
	s := fmt.Sprintf("the answer was stopped after %s", e.After.Round(100*time.Millisecond))
	if e.Of > 0 {
		s += fmt.Sprintf(", having read %s of about %s rows", inWords(e.Rows), inWords(e.Of))
	}
	if e.Days >= 1 {
		return s + fmt.Sprintf("; at that speed about %.0f days of the range would fit", e.Days)
	}
	return s + "; ask for a shorter range, a coarser interval or fewer groups"
}

// Unwrap gives the cause, which the driver may report as an error of the network.
func (e *CutError) Unwrap() []error { return []error{context.DeadlineExceeded, e.cause} }

// cut adds to an error of time how far the question had come.
func (r *run) cut(err error, after time.Duration) error {
	var network net.Error
	if !errors.Is(err, context.DeadlineExceeded) && !(errors.As(err, &network) && network.Timeout()) {
		return err
	}
	e := &CutError{After: after, Rows: r.rows.Load(), Of: r.ahead.Load(), cause: err}
	if e.Of > e.Rows && !r.frame.to.IsZero() {
		e.Days = r.frame.to.Sub(r.frame.from).Hours() / 24 * float64(e.Rows) / float64(e.Of)
	} else if e.Of < e.Rows {
		e.Of = 0
	}
	return e
}

// Codes of the server for a question that costs more than its limits.
const (
	codeTooManyRows     = 158
	codeTimeoutExceeded = 159
	codeTooSlow         = 160
	codeMemoryLimit     = 241
)

// failure tells what a client can do about an error of the server.
func (r *run) failure(err error) error {
	var exception *clickhouse.Exception
	if errors.As(err, &exception) {
		switch exception.Code {
		case codeTooManyRows:
			return &BudgetError{Estimate: Estimate{Rows: max(r.ahead.Load(), r.budget.Rows+1)}, Budget: r.budget}
		case codeMemoryLimit:
			return faultf(CodeTooExpensive, "", "the answer needs more than %d MiB of memory, which is this server's limit for one question; ask for a shorter range, a coarser interval or fewer groups", r.store.cfg.QueryMemory>>20)
		case codeTimeoutExceeded, codeTooSlow:
			return fmt.Errorf("ask clickhouse: %w: %w", context.DeadlineExceeded, err)
		}
	}
	return fmt.Errorf("ask clickhouse: %w", err)
}

// inWords writes a number of rows as people read it.
func inWords(n uint64) string {
	switch {
	case n >= 10_000_000:
		return fmt.Sprintf("%.0f million", float64(n)/1e6)
	case n >= 1_000_000:
		return fmt.Sprintf("%.1f million", float64(n)/1e6)
	case n >= 10_000:
		return fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	return fmt.Sprint(n)
}
