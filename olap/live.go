package olap

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Live is what a live page shows, at one instant.
type Live struct {
	// At is the store's clock.
	At          time.Time
	EventsTotal uint64
	// EventsPerSecond is the mean of the last ten seconds of Series.
	EventsPerSecond float64
	// Series is the last 60 seconds that are complete, oldest first, each
	// present. A block counts in the second in which the ingest sealed it, and is
	// stored a moment later, so a second is taken as complete when it has been
	// over for two more. After an outage of the store the block that had to wait
	// counts in the second of its seal.
	Series []LiveSecond
	// WindowSeconds is how far back the figures below look, by event time. The
	// window begins at the start of a 10-minute window.
	WindowSeconds int64
	Users         uint64
	Funnel        []LiveStep
	TopEvents     []LiveType // the ten most frequent
	Revenue       []LiveRevenue
}

// LiveSecond is how many events were sealed in one second, to be stored at once.
type LiveSecond struct {
	At     time.Time
	Events uint64
}

// LiveStep is one step of the live funnel.
type LiveStep struct {
	Event string
	Users uint64
}

// LiveType is how often a type occurred.
type LiveType struct {
	Type  string
	Count uint64
}

// LiveRevenue is what purchases brought in one currency; Amount is a decimal.
type LiveRevenue struct {
	Currency string
	Amount   string
	Orders   uint64
}

const (
	liveWindow  = 24 * time.Hour
	liveSeconds = 60
	liveMean    = 10 // seconds
	liveSettle  = 2  // seconds from a second's end until its blocks are stored
)

// liveCache keeps the figures of the window, which read more than the rest.
// They are counted anew at most for a tenth of the time.
type liveCache struct {
	mu     sync.Mutex // held while counting: one count serves all who wait
	window Live       // only the fields of the window
	fresh  time.Time  // until when it is served
}

// Live counts the figures of a live page. The rate and the series are of this
// moment; the figures of the window may be older by ten times what counting
// them took.
func (s *Store) Live(ctx context.Context) (Live, error) {
	l, err := s.liveWindow(ctx)
	if err != nil {
		return Live{}, err
	}
	if err := s.liveSeries(ctx, &l); err != nil {
		return Live{}, err
	}
	if l.EventsTotal, err = s.CountStored(ctx); err != nil {
		return Live{}, err
	}
	return l, nil
}

// liveSeries fills the seconds. The store's own clock decides which are
// complete; the clocks of the ingest may be off by as much as liveSettle.
func (s *Store) liveSeries(ctx context.Context, l *Live) error {
	const query = `
SELECT now64(3, 'UTC') AS at, groupArray(toInt64(toUnixTimestamp(second))) AS seconds, groupArray(n) AS counts
FROM (SELECT second, sum(events) AS n FROM stored_seconds WHERE second >= now() - 70 GROUP BY second)`
	ctx, cancel := s.reading(ctx)
	defer cancel()
	var seconds []int64
	var counts []uint64
	if err := s.conn.QueryRow(ctx, query).Scan(&l.At, &seconds, &counts); err != nil {
		return fmt.Errorf("read the live series: %w", err)
	}
	stored := make(map[int64]uint64, len(seconds))
	for i, second := range seconds {
		stored[second] = counts[i]
	}
	l.Series = make([]LiveSecond, liveSeconds)
	recent := uint64(0)
	for i := range l.Series {
		second := l.At.Unix() - int64(liveSettle+liveSeconds-i)
		l.Series[i] = LiveSecond{At: time.Unix(second, 0).UTC(), Events: stored[second]}
		if i >= liveSeconds-liveMean {
			recent += stored[second]
		}
	}
	l.EventsPerSecond = float64(recent) / liveMean
	return nil
}

// liveWindow returns the figures of the window, from the cache while it is fresh.
func (s *Store) liveWindow(ctx context.Context) (Live, error) {
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	started := time.Now()
	if started.Before(s.live.fresh) {
		return s.live.window, nil
	}
	l := Live{WindowSeconds: int64(liveWindow.Seconds())}
	from := s.now().Add(-liveWindow).Truncate(10 * time.Minute)
	counting, ctx := errgroup.WithContext(ctx)
	counting.Go(func() error { return s.liveTotals(ctx, from, &l) })
	counting.Go(func() (err error) { l.Funnel, err = s.liveFunnel(ctx, from); return err })
	if err := counting.Wait(); err != nil {
		return Live{}, err
	}
	s.live.window = l
	s.live.fresh = time.Now().Add(10 * time.Since(started))
	return l, nil
}

// liveTotals fills users, types and revenue from the 10-minute windows.
func (s *Store) liveTotals(ctx context.Context, from time.Time, l *Live) error {
	missing, err := s.missingWindows(ctx)
	if err != nil {
		return err
	}
	since := windowRows{timeRange: timeRange{from, from.Add(liveWindow + 2*day)}, missing: missing, only: "1"} // events may be a day ahead
	q := newStatement()
	q.text("SELECT uniqExactArray(users) FROM ", since.render(q))
	users, cancel := s.reading(ctx, q.parameters())
	defer cancel()
	if err := s.conn.QueryRow(users, q.String()).Scan(&l.Users); err != nil {
		return fmt.Errorf("count live users: %w", err)
	}
	q = newStatement()
	q.text("SELECT type, sum(events) AS n FROM ", since.render(q), " GROUP BY type ORDER BY n DESC, type LIMIT 10")
	err = s.eachRow(ctx, q, func(scan func(...any) error) error {
		var t LiveType
		defer func() { l.TopEvents = append(l.TopEvents, t) }()
		return scan(&t.Type, &t.Count)
	})
	if err != nil {
		return fmt.Errorf("count live types: %w", err)
	}
	q = newStatement()
	since.only = "type = " + q.bind(typePurchase)
	q.text("SELECT currency, toString(sum(revenue)), sum(amounts) AS n FROM ", since.render(q), " GROUP BY currency HAVING n > 0 ORDER BY n DESC, currency LIMIT 10")
	err = s.eachRow(ctx, q, func(scan func(...any) error) error {
		var r LiveRevenue
		defer func() { l.Revenue = append(l.Revenue, r) }()
		return scan(&r.Currency, &r.Amount, &r.Orders)
	})
	if err != nil {
		return fmt.Errorf("count live revenue: %w", err)
	}
	return nil
}

// liveFunnel asks the same question that a client can ask, so the page and the
// API agree.
func (s *Store) liveFunnel(ctx context.Context, from time.Time) ([]LiveStep, error) {
	question, err := json.Marshal(map[string]any{
		"kind": "funnel", "from": stamp(from), "to": stamp(s.now().Add(time.Second).Truncate(time.Second)), "window": "1d",
		"steps": []map[string]string{{"event": "view"}, {"event": "add_to_cart"}, {"event": "purchase"}},
	})
	if err != nil {
		return nil, err
	}
	q, err := ParseQuery(question)
	if err != nil {
		return nil, fmt.Errorf("ask for the live funnel: %w", err)
	}
	answer, err := s.Ask(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("ask for the live funnel: %w", err)
	}
	result, ok := answer.Result.(*FunnelResult)
	if !ok {
		return nil, fmt.Errorf("ask for the live funnel: the answer is a %T", answer.Result)
	}
	live := make([]LiveStep, len(result.Steps))
	for i, name := range []string{"view", "add_to_cart", "purchase"} {
		live[i] = LiveStep{Event: name, Users: result.Steps[i].Count}
	}
	return live, nil
}

// eachRow runs a statement and hands each row's scan to take.
func (s *Store) eachRow(ctx context.Context, q *statement, take func(scan func(...any) error) error) error {
	ctx, cancel := s.reading(ctx, q.parameters())
	defer cancel()
	rows, err := s.conn.Query(ctx, q.String())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := take(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
