package olap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Guard stands between many callers and one store. It answers a question that
// was answered before and whose data have not changed from memory; runs a
// question once however many ask it at the same time; lets a bounded number run,
// in turn by caller; and refuses, before a row is read, what would cost more
// than the caller may spend.
//
// It is safe for concurrent use and needs no closing: its work ends with the
// contexts of those who asked.
type Guard struct {
	store   *Store
	cfg     GuardConfig
	queue   *queue
	flights flights[*Answer]
	cache   *cache
	catalog catalogCache
	metrics *guardMetrics
}

// Caller is who asks.
type Caller struct {
	// Name tells callers apart when they have to wait: a key, or an address.
	Name string
	// Budget is what one question of this caller may read; a zero field stands for
	// that of the guard.
	Budget Budget
}

// NewGuard puts a guard before a store.
func NewGuard(store *Store, cfg GuardConfig, registerer prometheus.Registerer) (*Guard, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g := &Guard{store: store, cfg: cfg, queue: newQueue(cfg), cache: newCache(cfg.CacheBytes, cfg.CacheAge)}
	var err error
	if g.metrics, err = newGuardMetrics(g, registerer); err != nil {
		return nil, fmt.Errorf("register the metrics of questions: %w", err)
	}
	return g, nil
}

func (g *Guard) budget(c Caller) Budget {
	if c.Budget.Rows == 0 {
		return g.cfg.Budget
	}
	return c.Budget
}

// Ask answers a question. Beside the errors of [Store.Ask] there are
// [*BudgetError], [*CutError] and [*BusyError].
//
// An answer from memory says so in its meta, and everything else there is still
// true: nothing has been stored since that could change it. A question that
// counts from now may get an answer whose range ends up to [GuardConfig.Fresh]
// ago; its meta names the range.
func (g *Guard) Ask(ctx context.Context, caller Caller, q Query) (*Answer, error) {
	started := time.Now()
	answer, how, err := g.ask(ctx, caller, q, started)
	g.metrics.observe(q.Kind(), outcome(how, err), time.Since(started))
	return answer, err
}

// How an answer came about, for metrics.
const (
	howComputed = "computed"
	howShared   = "shared"
	howCached   = "cached"
)

func (g *Guard) ask(ctx context.Context, caller Caller, q Query, started time.Time) (*Answer, string, error) {
	storedUntil := g.store.storedUntil() // before the version: what it says holds for all that the version names
	keys, err := g.keys(ctx, q)
	if err != nil {
		return nil, howComputed, q.source().place(err)
	}
	if answer, ok := g.recall(keys, storedUntil, started); ok {
		return answer, howCached, nil
	}
	budget := g.budget(caller)
	key := fmt.Sprintf("%d %s", budget.Rows, keys.all)
	answer, joined, err := g.flights.do(ctx, key, func(ctx context.Context) (*Answer, error) {
		return g.compute(ctx, caller.Name, q, budget, keys)
	})
	switch {
	case err != nil:
		return nil, howComputed, q.source().place(err)
	case joined:
		return answer.again(started, nil, answer.Meta.Cached), howShared, nil
	}
	return answer, howComputed, nil
}

// cacheKeys are the names under which an answer is remembered.
type cacheKeys struct {
	all    string // until anything is stored
	until  string // until something is stored in the months that the question reads; "" where unknown
	end    time.Time
	within time.Duration // how old an answer may be
}

func (g *Guard) keys(ctx context.Context, q Query) (cacheKeys, error) {
	f, err := q.span(g.store.now())
	if err != nil {
		return cacheKeys{}, err
	}
	end, known := readsUntil(q, f)
	v, err := g.store.version(ctx, end)
	if err != nil {
		return cacheKeys{}, err
	}
	question := string(q.JSON())
	keys := cacheKeys{all: v.all + " " + question, within: g.cfg.CacheAge}
	if countsFromNow(question) {
		keys.within = g.cfg.Fresh
	} else if known {
		keys.until, keys.end = v.until+" until "+question, end
	}
	return keys, nil
}

// countsFromNow tells whether the clock decides what a question means: its range
// is relative (so it is by default), or a time in a condition may be.
func countsFromNow(question string) bool {
	var fields struct {
		From, To string
	}
	if json.Unmarshal([]byte(question), &fields) != nil {
		return true
	}
	relative := func(text string) bool { return relativeTime.MatchString(strings.TrimSpace(text)) } // also ""
	inCondition := strings.Contains(question, "timestamp") || strings.Contains(question, "received_at") || strings.Contains(question, "stored_at")
	return relative(fields.From) || relative(fields.To) || inCondition
}

// recall looks an answer up.
func (g *Guard) recall(keys cacheKeys, storedUntil *time.Time, started time.Time) (*Answer, bool) {
	for _, key := range []string{keys.all, keys.until} {
		if key == "" {
			continue
		}
		if answer, ok := g.cache.get(key, keys.within); ok {
			return answer.again(started, storedUntil, true), true
		}
	}
	return nil, false
}

// again is the answer for somebody else: same figures, own time.
func (a *Answer) again(started time.Time, storedUntil *time.Time, cached bool) *Answer {
	copied := *a
	copied.Meta.Cached = cached
	copied.Meta.ElapsedMS = float64(time.Since(started).Microseconds()) / 1000
	if zone, err := time.LoadLocation(a.Meta.Timezone); err == nil && storedUntil != nil {
		copied.Meta.StoredUntil = stampOf(storedUntil, zone)
	}
	return &copied
}

// compute waits for a place, asks the store and remembers the answer.
func (g *Guard) compute(ctx context.Context, caller string, q Query, budget Budget, keys cacheKeys) (*Answer, error) {
	leave, err := g.enter(ctx, caller)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := g.afford(ctx, q, budget); err != nil {
		return nil, err
	}
	answer, err := g.store.ask(ctx, q, budget)
	var over *BudgetError
	if errors.As(err, &over) { // the estimate had been too low
		return nil, g.refusal(ctx, q, over.Estimate, budget)
	}
	if err != nil {
		return nil, err
	}
	answer.Meta.Warnings = append(answer.Meta.Warnings, g.unknownNames(ctx, q)...)
	g.remember(answer, keys)
	return answer, nil
}

func (g *Guard) enter(ctx context.Context, caller string) (func(), error) {
	waited := time.Now()
	leave, err := g.queue.enter(ctx, caller)
	g.metrics.wait.Observe(time.Since(waited).Seconds())
	return leave, err
}

// remember keeps an answer. One whose range the watermark has passed changes
// only with the months that it read; any other also with the watermark.
func (g *Guard) remember(answer *Answer, keys cacheKeys) {
	if g.cfg.CacheBytes == 0 {
		return
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return
	}
	key := keys.all
	if keys.until != "" && answer.Meta.Watermark != nil {
		if watermark, err := time.Parse(time.RFC3339, *answer.Meta.Watermark); err == nil && !watermark.Before(keys.end) {
			key = keys.until
		}
	}
	g.cache.put(key, answer, 2*len(text)) // values take about twice what their text does
}

// afford refuses a question whose estimate is over the budget.
func (g *Guard) afford(ctx context.Context, q Query, budget Budget) error {
	if budget.Rows == 0 {
		return nil
	}
	statements, err := g.store.statements(ctx, q)
	if err != nil {
		return err
	}
	stored, err := g.store.CountStored(ctx)
	if err != nil || stored*timesRead(statements) <= budget.Rows {
		return err // all of the store, as often as it is read, is within the budget: no need to look closer
	}
	estimate, err := g.store.rowsOf(ctx, q)
	if err != nil || estimate.Rows <= budget.Rows {
		return err
	}
	return g.refusal(ctx, q, estimate, budget)
}

// timesRead is how often the statements name the table of events.
func timesRead(statements []*statement) uint64 {
	n := 0
	for _, st := range statements {
		n += strings.Count(st.String(), "events")
	}
	return uint64(n)
}

func (g *Guard) refusal(ctx context.Context, q Query, estimate Estimate, budget Budget) error {
	fits, err := g.store.fitting(ctx, q, budget)
	if err != nil {
		return err
	}
	return &BudgetError{Estimate: estimate, Budget: budget, Fits: fits}
}

// People lists the users behind one number: see [Store.People]. It waits and
// pays like a question, and nothing of it is remembered: lists are long, and
// hardly ever asked for twice.
func (g *Guard) People(ctx context.Context, caller Caller, q Query, cell json.RawMessage, after string, limit int) (*People, error) {
	started := time.Now()
	page, err := g.people(ctx, caller, q, cell, after, limit)
	g.metrics.observe(q.Kind()+" users", outcome(howComputed, err), time.Since(started))
	return page, err
}

func (g *Guard) people(ctx context.Context, caller Caller, q Query, cell json.RawMessage, after string, limit int) (*People, error) {
	leave, err := g.enter(ctx, caller.Name)
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := g.afford(ctx, q, g.budget(caller)); err != nil {
		return nil, err
	}
	return g.store.people(ctx, q, cell, after, limit, g.budget(caller))
}

// Preview tells what a question would read, and whether the caller may ask it.
func (g *Guard) Preview(ctx context.Context, caller Caller, q Query) (*Preview, error) {
	p, err := g.store.Preview(ctx, q)
	if err != nil {
		return nil, err
	}
	budget := g.budget(caller)
	p.Budget = budget.Rows
	p.Fits = budget.Rows == 0 || p.Estimate.Rows <= budget.Rows
	if !p.Fits {
		p.FittingRange, err = g.store.fitting(ctx, q, budget)
	}
	return p, err
}
