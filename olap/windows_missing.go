package olap

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// missingFor is how long a process relies on what it has read of windows_missing.
// Nothing is wrong later than that: a month is only ever taken off the list.
const missingFor = time.Minute

// missingCache keeps what windows_missing says.
type missingCache struct {
	mu     sync.Mutex // held while reading: one read serves all who wait
	months []timeRange
	fresh  time.Time
}

// missingWindows are the months whose windows lack events that were stored before
// windows were kept in this form: those of a database from before that Settle has
// not come to. Their raw events are to be read.
func (s *Store) missingWindows(ctx context.Context) ([]timeRange, error) {
	k := &s.missing
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Now().Before(k.fresh) {
		return k.months, nil
	}
	listed, err := s.listedMonths(ctx)
	if err != nil {
		return nil, err
	}
	var months []timeRange
	for _, m := range listed {
		months = append(months, m.timeRange)
	}
	k.months, k.fresh = months, time.Now().Add(missingFor)
	return months, nil
}

// listedMonth is a month whose windows lack events.
type listedMonth struct {
	timeRange
	name   uint32 // 202601
	rested bool   // its windows were not made anew for windowsRest
}

func (s *Store) listedMonths(ctx context.Context) ([]listedMonth, error) {
	var months []listedMonth
	q := newStatement()
	q.text("SELECT month, max(since) <= now64(3) - toIntervalSecond(", q.bind(int64(windowsRest.Seconds())), ") FROM windows_missing GROUP BY month ORDER BY month")
	err := s.eachRow(ctx, q, func(scan func(...any) error) error {
		var m listedMonth
		var rested uint8
		err := scan(&m.name, &rested)
		m.rested = rested == 1
		m.from = time.Date(int(m.name/100), time.Month(m.name%100), 1, 0, 0, 0, 0, time.UTC)
		m.to = m.from.AddDate(0, 1, 0)
		months = append(months, m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read which windows are missing: %w", err)
	}
	return months, nil
}

// forgetMissing makes this process look at the list again.
func (s *Store) forgetMissing() {
	s.missing.mu.Lock()
	defer s.missing.mu.Unlock()
	s.missing.fresh = time.Time{}
}
