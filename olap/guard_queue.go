package olap

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// BusyError is a question that was not answered because too many others are.
type BusyError struct {
	// Own tells that the caller itself has too many questions waiting.
	Own bool
	// RetryAfter is when a place is likely to be free.
	RetryAfter time.Duration
	// Detail says what there is too much of.
	Detail string
}

// Error gives the detail.
func (e *BusyError) Error() string { return e.Detail }

// queue hands out a fixed number of places. Who waits is served in turn by
// caller, and within a caller in the order of coming: a caller with a hundred
// questions makes another one wait for one of them, not for a hundred.
//
// golang.org/x/sync/semaphore serves in the order of coming alone.
type queue struct {
	cfg GuardConfig

	mu      sync.Mutex
	free    int
	waiting int
	lines   map[string][]chan struct{} // by caller; a channel is closed to give the place
	turns   []string                   // callers with a line, next one first
	mean    time.Duration              // of how long a place was held lately
}

func newQueue(cfg GuardConfig) *queue {
	return &queue{cfg: cfg, free: cfg.MaxRunning, lines: map[string][]chan struct{}{}}
}

// enter waits for a place and returns how to leave it. The error is a
// [*BusyError], or that of ctx.
func (q *queue) enter(ctx context.Context, caller string) (leave func(), err error) {
	turn, err := q.line(caller)
	if err != nil {
		return nil, err
	}
	if turn != nil {
		if err := q.await(ctx, caller, turn); err != nil {
			return nil, err
		}
	}
	entered := time.Now()
	return sync.OnceFunc(func() { q.leave(time.Since(entered)) }), nil
}

// line takes a free place, or a place in the caller's line.
func (q *queue) line(caller string) (chan struct{}, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.free > 0 {
		q.free--
		return nil, nil
	}
	own := len(q.lines[caller])
	switch {
	case own >= q.cfg.MaxWaitingPerCaller:
		return nil, q.busy(true, "%d of your questions are waiting already; ask again when some are answered", own)
	case q.waiting >= q.cfg.MaxWaiting:
		return nil, q.busy(false, "%d questions are waiting already; ask again in a moment", q.waiting)
	}
	turn := make(chan struct{})
	if own == 0 {
		q.turns = append(q.turns, caller)
	}
	q.lines[caller] = append(q.lines[caller], turn)
	q.waiting++
	return turn, nil
}

// await waits for the turn, for as long as anybody may.
func (q *queue) await(ctx context.Context, caller string, turn chan struct{}) error {
	patience := time.NewTimer(q.cfg.MaxWait)
	defer patience.Stop()
	var err error
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-patience.C:
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.quit(caller, turn) {
		return nil // the place came in the same instant
	}
	if err != nil {
		return err
	}
	return q.busy(false, "%d questions are being answered and %d wait; this one waited %s. Ask again in a moment", q.cfg.MaxRunning, q.waiting, q.cfg.MaxWait)
}

// busy makes the refusal; the lock is held.
func (q *queue) busy(own bool, format string, args ...any) *BusyError {
	wait := q.mean * time.Duration(q.waiting+1) / time.Duration(q.cfg.MaxRunning)
	return &BusyError{Own: own, RetryAfter: max(wait, time.Second), Detail: fmt.Sprintf(format, args...)}
}

// quit leaves the line; false where the turn has come. The lock is held.
func (q *queue) quit(caller string, turn chan struct{}) bool {
	line := q.lines[caller]
	for i, c := range line {
		if c == turn {
			q.setLine(caller, append(line[:i:i], line[i+1:]...))
			q.waiting--
			return true
		}
	}
	return false
}

// setLine replaces a caller's line; a caller without one has no turn.
func (q *queue) setLine(caller string, line []chan struct{}) {
	if len(line) > 0 {
		q.lines[caller] = line
		return
	}
	delete(q.lines, caller)
	for i, c := range q.turns {
		if c == caller {
			q.turns = append(q.turns[:i:i], q.turns[i+1:]...)
			return
		}
	}
}

// leave gives the place to the next in turn.
func (q *queue) leave(held time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mean += (held - q.mean) / 8
	if len(q.turns) == 0 {
		q.free++
		return
	}
	caller := q.turns[0]
	q.turns = append(q.turns[1:len(q.turns):len(q.turns)], caller)
	line := q.lines[caller]
	close(line[0])
	q.waiting--
	q.setLine(caller, line[1:])
}

// lengths are how many questions run and wait.
func (q *queue) lengths() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.cfg.MaxRunning - q.free, q.waiting
}
