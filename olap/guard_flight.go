package olap

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// flights run identical work once, for all who ask for it at the same time.
//
// golang.org/x/sync/singleflight ties the work to the first who asks: when that
// one leaves, the others lose their answer. Here the work has a context of its
// own, which ends when the last one has left.
type flights[T any] struct {
	mu  sync.Mutex
	all map[string]*flight[T]
}

type flight[T any] struct {
	done   chan struct{} // closed when value and err are set
	value  T
	err    error
	aboard int // guarded by flights.mu
	stop   context.CancelCauseFunc
}

// do returns what work returns for the key. joined tells that somebody else had
// begun it.
func (f *flights[T]) do(ctx context.Context, key string, work func(context.Context) (T, error)) (value T, joined bool, err error) {
	flight, joined := f.board(ctx, key, work)
	select {
	case <-flight.done:
		f.leave(key, flight, nil)
		return flight.value, joined, flight.err
	case <-ctx.Done():
		f.leave(key, flight, context.Cause(ctx))
		return value, joined, context.Cause(ctx)
	}
}

// board joins the flight of the key, or starts it.
func (f *flights[T]) board(ctx context.Context, key string, work func(context.Context) (T, error)) (*flight[T], bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if under, ok := f.all[key]; ok {
		under.aboard++
		return under, true
	}
	own, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	started := &flight[T]{done: make(chan struct{}), aboard: 1, stop: stop}
	if f.all == nil {
		f.all = map[string]*flight[T]{}
	}
	f.all[key] = started
	go func() { // ends with work, which ends with its context; whoever waits for the value waits for it
		defer f.land(key, started)
		defer func() { // a panic would end the process, for nobody's handler is below it
			if cause := recover(); cause != nil {
				started.err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
			}
		}()
		started.value, started.err = work(own)
	}()
	return started, false
}

// land lets nobody join any more, and everybody see the value.
func (f *flights[T]) land(key string, landed *flight[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all[key] == landed {
		delete(f.all, key)
	}
	close(landed.done)
	landed.stop(nil)
}

// leave ends the work when nobody is left. Who asks then starts it anew: what
// was stopped has no answer to give.
func (f *flights[T]) leave(key string, left *flight[T], cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	left.aboard--
	if left.aboard == 0 {
		left.stop(cause)
		if f.all[key] == left {
			delete(f.all, key)
		}
	}
}
