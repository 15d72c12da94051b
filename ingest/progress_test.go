package ingest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func newTestProgress(history int) *Progress {
	cfg := DefaultProgressConfig()
	cfg.History = history
	return NewProgress(cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
}

// at is the n-th second of the test.
func at(n int) time.Time { return time.Unix(int64(1_700_000_000+n), 0) }

func TestStoredUntilIsTheLatestLookThatIsPassed(t *testing.T) {
	p := newTestProgress(100)
	if _, known := p.StoredUntil(); known {
		t.Error("known before the first look")
	}
	for _, step := range []struct {
		second    int
		ends      map[int32]int64
		committed map[int32]int64
		want      int // second, 0 for unknown
		lag       int64
	}{
		{1, map[int32]int64{0: 10, 1: 5}, map[int32]int64{0: 0, 1: 0}, 0, 15},
		{2, map[int32]int64{0: 20, 1: 5}, map[int32]int64{0: 10, 1: 4}, 0, 11},
		{3, map[int32]int64{0: 30, 1: 5}, map[int32]int64{0: 15, 1: 5}, 1, 15},
		{4, map[int32]int64{0: 30, 1: 5}, map[int32]int64{0: 29, 1: 5}, 2, 1},
		{5, map[int32]int64{0: 30, 1: 5}, map[int32]int64{0: 30, 1: 5}, 5, 0},
	} {
		p.advance(look{at(step.second), step.ends}, step.committed)
		got, known := p.StoredUntil()
		if known != (step.want > 0) || known && !got.Equal(at(step.want)) {
			t.Errorf("second %d: got %v %v, want second %d", step.second, got, known, step.want)
		}
		if p.Lag() != step.lag {
			t.Errorf("second %d: lag %d, want %d", step.second, p.Lag(), step.lag)
		}
	}
}

func TestALongOutageCostsResolutionNotMemory(t *testing.T) {
	p := newTestProgress(16)
	none := map[int32]int64{}
	for n := 1; n <= 1000; n++ {
		p.advance(look{at(n), map[int32]int64{0: int64(n)}}, none)
		if len(p.looks) > 17 {
			t.Fatalf("remembers %d looks", len(p.looks))
		}
	}
	p.advance(look{at(1001), map[int32]int64{0: 1001}}, map[int32]int64{0: 900})
	until, known := p.StoredUntil()
	if !known || until.After(at(900)) {
		t.Errorf("stored until %v known %v, want at most second 900", until, known)
	}
}

func TestProgressFollowsTheGroup(t *testing.T) {
	cfg := testConfig(broker(t, 2))
	before := time.Now()
	publish(t, cfg.Brokers, record("a", 1), record("b", 2))
	sink := newRecorder()
	stop := consume(t, cfg, sink)
	sink.await(t, "2 rows", func() bool { return len(sink.rows) >= 2 })
	stop()

	progressCfg := DefaultProgressConfig()
	progressCfg.Brokers = cfg.Brokers
	progressCfg.Interval = 10 * time.Millisecond
	p := NewProgress(progressCfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	ctx, cancel := contextOf(t)
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	eventually(t, "progress is known", func() bool { _, known := p.StoredUntil(); return known })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if until, _ := p.StoredUntil(); until.Before(before) || p.Lag() != 0 {
		t.Errorf("stored until %v, lag %d; want after %v and 0", until, p.Lag(), before)
	}
}
