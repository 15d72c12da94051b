package olap

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func queueConfig(running, waiting, perCaller int) GuardConfig {
	c := DefaultGuardConfig()
	c.MaxRunning, c.MaxWaiting, c.MaxWaitingPerCaller = running, waiting, perCaller
	return c
}

// A caller with many questions makes another wait for one of them, not for all.
func TestQueueServesCallersInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(queueConfig(1, 100, 100))
		leave, err := q.enter(t.Context(), "first")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan string, 10)
		for _, caller := range []string{"a", "a", "a", "a", "b", "b", "c"} {
			go func() {
				leave, err := q.enter(t.Context(), caller)
				if err != nil {
					t.Error(err)
					return
				}
				served <- caller
				time.Sleep(time.Second) // fake time: the place is held
				leave()
				leave() // once is enough
			}()
			synctest.Wait() // so that they come in this order
		}
		leave()
		var got []string
		for range 7 {
			got = append(got, <-served)
		}
		if want := strings.Fields("a b c a b a a"); !slices.Equal(got, want) {
			t.Errorf("served %v, want %v", got, want)
		}
		time.Sleep(2 * time.Second)
		if running, waiting := q.lengths(); running != 0 || waiting != 0 || len(q.lines) != 0 || len(q.turns) != 0 {
			t.Errorf("at the end %d run, %d wait, lines %v, turns %v", running, waiting, q.lines, q.turns)
		}
	})
}

func TestQueueRefusesWhatItCannotHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(queueConfig(1, 3, 2))
		leave, err := q.enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		var refused *BusyError
		waiting := func(caller string) {
			go func() {
				if leave, err := q.enter(t.Context(), caller); err == nil {
					leave()
				}
			}()
			synctest.Wait()
		}
		waiting("a")
		waiting("a")
		if _, err := q.enter(t.Context(), "a"); !errors.As(err, &refused) || !refused.Own || refused.RetryAfter < time.Second {
			t.Errorf("a third one of a: got %v", err)
		}
		waiting("b")
		if _, err := q.enter(t.Context(), "c"); !errors.As(err, &refused) || refused.Own {
			t.Errorf("one too many: got %v", err)
		}
		leave()
		synctest.Wait()
		if running, waiting := q.lengths(); running != 0 || waiting != 0 {
			t.Errorf("%d run and %d wait", running, waiting)
		}
	})
}

func TestQueueWaitsNoLongerThanItMay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(queueConfig(1, 10, 10))
		leave, err := q.enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		started := time.Now()
		var busy *BusyError
		if _, err := q.enter(t.Context(), "b"); !errors.As(err, &busy) || time.Since(started) != q.cfg.MaxWait {
			t.Errorf("got %v after %s", err, time.Since(started))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := q.enter(ctx, "b"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the error of the context", err)
		}
		leave()
		if leave, err := q.enter(t.Context(), "c"); err != nil {
			t.Errorf("a place that nobody waits for: %v", err)
		} else {
			leave()
		}
	})
}

func TestFlightsShareOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights[int]
		runs := 0
		work := func(ctx context.Context) (int, error) {
			runs++
			select {
			case <-time.After(time.Minute):
				return 7, nil
			case <-ctx.Done():
				return 0, context.Cause(ctx)
			}
		}
		first, leave := context.WithCancel(t.Context())
		outcomes := make(chan error, 3)
		go func() { _, _, err := f.do(first, "k", work); outcomes <- err }()
		synctest.Wait()
		for range 2 {
			go func() {
				value, joined, err := f.do(t.Context(), "k", work)
				if value != 7 || !joined {
					t.Errorf("got %d, joined %v", value, joined)
				}
				outcomes <- err
			}()
		}
		synctest.Wait()
		leave() // the one who began it
		if err := <-outcomes; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		for range 2 {
			if err := <-outcomes; err != nil {
				t.Errorf("who stayed got %v", err)
			}
		}
		if runs != 1 || len(f.all) != 0 {
			t.Errorf("%d runs, %d flights left", runs, len(f.all))
		}
	})
}

func TestFlightEndsWhenAllHaveLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights[int]
		stopped := make(chan error, 1)
		ctx, leave := context.WithCancelCause(t.Context())
		go f.do(ctx, "k", func(ctx context.Context) (int, error) { //nolint:errcheck // the work tells
			<-ctx.Done()
			stopped <- context.Cause(ctx)
			return 0, ctx.Err()
		})
		synctest.Wait()
		gone := errors.New("gone home")
		leave(gone)
		if err := <-stopped; !errors.Is(err, gone) {
			t.Errorf("the work ended by %v", err)
		}
		// Who comes now does not get what was stopped.
		if value, joined, err := f.do(t.Context(), "k", func(context.Context) (int, error) { return 3, nil }); value != 3 || joined || err != nil {
			t.Errorf("got %d, joined %v, %v", value, joined, err)
		}
	})
}

func TestFlightSurvivesAPanic(t *testing.T) {
	var f flights[int]
	if _, _, err := f.do(t.Context(), "k", func(context.Context) (int, error) { panic("oh") }); err == nil || !strings.Contains(err.Error(), "oh") {
		t.Errorf("got %v", err)
	}
}

func TestCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache(1000, time.Minute)
		a := &Answer{}
		for _, key := range []string{"1", "2", "3", "4", "5"} {
			c.put(key, a, 199)
			c.get("1", time.Minute) // stays in use
		}
		c.put("big", a, 500)
		if n, bytes := c.size(); n != 5 || bytes != 1000 {
			t.Errorf("%d answers of %d bytes", n, bytes)
		}
		c.put("6", a, 199)
		for key, want := range map[string]bool{"1": true, "2": false, "3": true, "6": true, "big": false} {
			if _, ok := c.get(key, time.Minute); ok != want {
				t.Errorf("%s: got %v, want %v", key, ok, want)
			}
		}
		time.Sleep(10 * time.Second)
		if _, ok := c.get("1", 5*time.Second); ok {
			t.Error("an answer older than asked for")
		}
		time.Sleep(time.Minute)
		if _, ok := c.get("1", time.Hour); ok {
			t.Error("an answer older than any may be")
		}
	})
}
