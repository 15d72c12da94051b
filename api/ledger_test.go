package api

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace/olap"
)

type ledgerFunc func(ctx context.Context, from, to time.Time) (*olap.Ledger, error)

func (f ledgerFunc) Ledger(ctx context.Context, from, to time.Time) (*olap.Ledger, error) {
	return f(ctx, from, to)
}

func noLedger(context.Context, time.Time, time.Time) (*olap.Ledger, error) {
	return nil, errors.New("nobody should ask")
}

func TestLedgerAnswer(t *testing.T) {
	hour := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	stored, rows := int64(7), int64(9)
	line := olap.LedgerLine{
		Hour: hour, Received: 12, Rejected: 2, RejectedBy: []olap.ReasonCount{{Reason: "missing_user", Count: 2}}, Produced: 10, Stored: 7, Deduplicated: 1,
		DeadLettered: 1, Aggregated: &stored, Difference: 1, Missing: 1, Settled: true, Checkable: true,
		Faults: []olap.LedgerFault{{Topic: "events", Partition: 1, First: 17, Last: 17, What: "missing"}},
	}
	s := start(t, func(_ *Config, d *Deps) {
		d.Ledger = ledgerFunc(func(_ context.Context, from, to time.Time) (*olap.Ledger, error) {
			if !from.Equal(hour) || !to.Equal(hour.Add(2*time.Hour)) {
				t.Errorf("asked for %v to %v", from, to)
			}
			total := line
			total.Checkable = false
			return &olap.Ledger{From: from, To: to, Topics: []string{"events"}, Total: total,
				Hours: []olap.LedgerLine{line, {Hour: hour.Add(time.Hour), Rejected: 1}},
				Views: []olap.LedgerView{{Name: "windows_by_type", Events: 8, Stored: &rows}, {Name: "stored_seconds", Events: 8}}}, nil
		})
	})
	golden(t, "ledger.golden", render(t, s.get("/v1/ledger?from=2026-01-02T03:00:00Z&to=2026-01-02T05:00:00Z")))
	for query, parameter := range map[string]string{"from=x": "from", "to=x": "to", "from=now&to=-1h": "to", "from=-1y": "from", "hour=1": "hour"} {
		if p := wantProblem(t, s.get("/v1/ledger?"+query), http.StatusBadRequest, codeInvalidParameter); p.Parameter != parameter {
			t.Errorf("%s: got %q", query, p.Parameter)
		}
	}
}

// rejectionBook is a RejectionLog that fails first.
type rejectionBook struct {
	mu     sync.Mutex
	fails  int
	tokens []string
	rows   map[string][]olap.CollectorRejections // by token
}

func (b *rejectionBook) WriteRejections(_ context.Context, rows []olap.CollectorRejections, token string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = append(b.tokens, token)
	b.rows[token] = append([]olap.CollectorRejections(nil), rows...)
	if b.fails--; b.fails >= 0 {
		return errors.New("away")
	}
	return nil
}

// TestRejectionsAreKept counts by minute and reason. A write of unknown outcome
// is repeated as it was; what came in meanwhile goes under another token.
func TestRejectionsAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &rejectionBook{fails: 1, rows: map[string][]olap.CollectorRejections{}}
		r := newRejections()
		ctx, cancel := context.WithCancel(t.Context())
		done, failures := make(chan struct{}), 0
		go func() {
			defer close(done)
			r.run(ctx, book, func(error) { failures++ })
		}()
		now := time.Now()
		r.add([]Rejection{{Code: "a"}, {Code: "b"}, {Code: "a"}}, now)
		r.add(nil, now)
		time.Sleep(rejectionEvery + time.Second) // in the bubble's time
		r.add([]Rejection{{Code: "a"}}, now.Add(time.Minute))
		time.Sleep(rejectionEvery)
		r.add([]Rejection{{Code: "c"}}, now)
		cancel()
		<-done
		minute := now.UTC().Truncate(time.Minute)
		first, second, last := "collector/"+r.process+"/0", "collector/"+r.process+"/1", "collector/"+r.process+"/2"
		if diff := cmp.Diff([]string{first, first, second, last}, book.tokens); diff != "" {
			t.Error(diff)
		}
		want := map[string][]olap.CollectorRejections{
			first:  {{Minute: minute, Reason: "a", Events: 2}, {Minute: minute, Reason: "b", Events: 1}},
			second: {{Minute: minute.Add(time.Minute), Reason: "a", Events: 1}},
			last:   {{Minute: minute, Reason: "c", Events: 1}},
		}
		if diff := cmp.Diff(want, book.rows); diff != "" || failures != 1 {
			t.Error(diff, failures)
		}
	})
}

func TestRefusedEventsReachTheLog(t *testing.T) {
	book := &rejectionBook{rows: map[string][]olap.CollectorRejections{}}
	s := start(t, func(_ *Config, d *Deps) { d.Rejections = book })
	s.send(`[{"type":"view"},{"type":"view","user_id":"u1"},{"user_id":"u1"}]`)
	s.send(`{"type":"view"}`)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	for _, rows := range book.rows {
		for _, r := range rows {
			counts[r.Reason] += r.Events
		}
	}
	if diff := cmp.Diff(map[string]int64{"missing_user": 2, "missing_type": 1}, counts); diff != "" {
		t.Error(diff)
	}
}
