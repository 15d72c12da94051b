package alert

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

// Store keeps rules, alerts and deliveries.
type Store interface {
	// TakeDueRules returns rules whose next look is due, not those that watch
	// purchases, each to one caller only.
	TakeDueRules(ctx context.Context, limit int) ([]DueRule, error)
	// StepAlerts gives the open alerts of a rule to step and writes what it
	// returns, in one transaction. note is kept with the rule: why it could not be
	// looked at, or nothing. Where the rule is gone nothing happens.
	StepAlerts(ctx context.Context, ruleID, note string, step func(open []Alert) (Step, error)) error
	// TakePurchases gives purchases that no one has taken yet to step, in their
	// order, with the rules that watch purchases, and writes what it returns, in one
	// transaction. It returns how many there were.
	TakePurchases(ctx context.Context, limit int, step func([]Rule, []Purchase) (Step, error)) (int, error)
	// TakeDeliveries returns deliveries that are due, and lets nobody else have them
	// until the lease is over.
	TakeDeliveries(ctx context.Context, limit int, lease time.Duration) ([]DueDelivery, error)
	// EndAttempt notes how an attempt has ended.
	EndAttempt(ctx context.Context, end AttemptEnd) error
	// Backlog counts deliveries that are neither acknowledged nor dead, and tells
	// when the oldest of them was written.
	Backlog(ctx context.Context) (waiting int64, oldest time.Time, err error)
	// Forget removes resolved alerts, and deliveries that are done, from before.
	Forget(ctx context.Context, before time.Time) error
}

// Step is what is written at once.
type Step struct {
	Changes    []Change
	Deliveries []Delivery
}

// DueRule is a rule with the keys of its open alerts.
type DueRule struct {
	Rule
	Open []string
}

// DueDelivery is a delivery with its channel, which is unknown where the rule, or
// the channel, is gone.
type DueDelivery struct {
	Delivery
	To    Channel
	Known bool
}

// AttemptEnd is how one attempt has ended: delivered, to be repeated at Next, or
// dead.
type AttemptEnd struct {
	ID        string
	Attempt   int
	At        time.Time
	Took      time.Duration
	Delivered bool
	Dead      bool
	Next      time.Time
	// Fault says what went wrong.
	Fault string
}

// Source sees what a rule watches. It says what is known of the open alerts too.
type Source func(ctx context.Context, due DueRule) ([]Observation, error)

// Deps is what the stage works with.
type Deps struct {
	Store Store
	// Sources are by the kind of watch; a rule of a kind without one says so.
	Sources map[string]Source
	// Together is what a round of looks runs in, for who has to wait until what
	// was seen is written; nil where nobody does.
	Together   func(ctx context.Context, looks func(context.Context) error) error
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Stage evaluates rules and delivers what they find.
type Stage struct {
	cfg     Config
	deps    Deps
	sender  *Sender
	metrics *metrics
	// told wakes the deliveries; one signal stands for any number of them.
	told chan struct{}

	mu     sync.Mutex
	faults map[string]error // guarded by mu; by the loop that it stopped
	since  time.Time        // guarded by mu; of faults, or of none

	waiting int64     // guarded by mu; deliveries
	oldest  time.Time // guarded by mu; of them
}

// NewStage builds the stage; Run starts it.
func NewStage(cfg Config, deps Deps) (*Stage, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Store == nil || deps.Registerer == nil || deps.Logger == nil {
		return nil, errors.New("the alert stage needs a Store, a Registerer and a Logger")
	}
	if deps.Together == nil {
		deps.Together = func(ctx context.Context, looks func(context.Context) error) error { return looks(ctx) }
	}
	s := &Stage{cfg: cfg, deps: deps, sender: NewSender(cfg), told: make(chan struct{}, 1), faults: map[string]error{}, since: time.Now()}
	var err error
	s.metrics, err = newMetrics(deps.Registerer)
	return s, err
}

// deliveries is the loop that deliver is.
const deliveries = "deliveries"

// How much is taken at once.
const (
	rulesAtOnce     = 16
	looksAtOnce     = 4
	purchasesAtOnce = 500
)

// Run works until ctx ends, and waits for what is under way. It fails at nothing:
// what does not work now is tried again.
func (s *Stage) Run(ctx context.Context) error {
	var loops errgroup.Group
	loops.Go(func() error { return s.repeat(ctx, "rules", s.lookAtRules) })
	loops.Go(func() error { return s.repeat(ctx, "purchases", s.lookAtPurchases) })
	loops.Go(func() error { return s.deliver(ctx) })
	loops.Go(func() error { return s.count(ctx) })
	loops.Go(func() error { return s.forget(ctx) })
	return loops.Wait()
}

// repeat calls work at once again while there is more to do, and else after a
// pause.
func (s *Stage) repeat(ctx context.Context, name string, work func(context.Context) (more bool, err error)) error {
	for ctx.Err() == nil {
		more, err := work(ctx)
		if ctx.Err() != nil {
			return nil
		}
		s.note(name, err)
		if more && err == nil {
			continue
		}
		s.waitForWork(ctx, name)
	}
	return nil
}

// waitForWork waits until the next look, and deliveries until this process has
// written some.
func (s *Stage) waitForWork(ctx context.Context, name string) {
	told := s.told
	if name != deliveries {
		told = nil
	}
	timer := time.NewTimer(s.cfg.Look)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-told:
	}
}

// written tells the deliveries of a step that is in the store.
func (s *Stage) written(step Step) {
	if len(step.Deliveries) == 0 {
		return
	}
	select {
	case s.told <- struct{}{}:
	default: // they are about to look
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// note remembers whether a loop works, and logs when that changes.
func (s *Stage) note(name string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if (err == nil) == (s.faults[name] == nil) {
		if err != nil {
			s.faults[name] = err
		}
		return
	}
	s.since = time.Now()
	if err == nil {
		delete(s.faults, name)
		s.deps.Logger.Info("alerts work again", "part", name)
		return
	}
	s.faults[name] = err
	s.deps.Logger.Warn("alerts cannot work, will keep trying", "part", name, "error", err)
}

// Backlog is how many deliveries were waiting a few seconds ago, and when the
// oldest of them was written.
func (s *Stage) Backlog() (waiting int64, oldest time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting, s.oldest
}

// Failing returns what keeps the stage from working, nil where nothing does, and
// since when that is so.
func (s *Stage) Failing() (since time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []error
	for _, name := range []string{"rules", "purchases", deliveries, "acknowledgements"} {
		all = append(all, s.faults[name])
	}
	return s.since, errors.Join(all...)
}

func (s *Stage) lookAtRules(ctx context.Context) (bool, error) {
	due, err := s.deps.Store.TakeDueRules(ctx, rulesAtOnce)
	if err != nil || len(due) == 0 {
		return false, err
	}
	err = s.deps.Together(ctx, func(ctx context.Context) error { return s.lookAtAll(ctx, due) })
	return len(due) == rulesAtOnce, err
}

func (s *Stage) lookAtAll(ctx context.Context, due []DueRule) error {
	var looks errgroup.Group // one slow question holds up few others
	looks.SetLimit(looksAtOnce)
	for _, rule := range due {
		looks.Go(func() error { return s.lookAt(ctx, rule) })
	}
	return looks.Wait()
}

// lookAt sees what a rule watches and moves its alerts on. That a rule cannot be
// looked at is kept with the rule: it is no fault of the stage.
func (s *Stage) lookAt(ctx context.Context, due DueRule) error {
	seen, note := s.observe(ctx, due)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	result := "ok"
	if note != "" {
		result = "failed"
	}
	s.metrics.looks.WithLabelValues(result).Inc()
	now := time.Now()
	var step Step
	err := s.deps.Store.StepAlerts(ctx, due.ID, note, func(open []Alert) (_ Step, err error) {
		step, err = due.carryOut(due.Step(open, seen, now), now, s.metrics)
		return step, err
	})
	if err == nil {
		s.written(step)
	}
	return err
}

func (s *Stage) observe(ctx context.Context, due DueRule) (seen []Observation, note string) {
	source := s.deps.Sources[due.Watch.Kind]
	if source == nil {
		return nil, "this process cannot watch " + due.Watch.Kind
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.AskTimeout)
	defer cancel()
	seen, err := source(ctx, due)
	if err == nil {
		return seen, ""
	}
	if due.Watch.Kind == Query { // of which there is one figure, if no breakdown
		seen = []Observation{{}}
	}
	return seen, err.Error()
}

// carryOut gives new alerts an id and writes what is to be told.
func (r *Rule) carryOut(changes []Change, now time.Time, m *metrics) (Step, error) {
	step := Step{Changes: changes}
	for i := range changes {
		c := &changes[i]
		if c.ID == "" {
			c.ID = newID("al_")
		}
		if c.Tell {
			deliveries, err := r.deliveriesOf(c, now, m)
			if err != nil {
				return Step{}, err
			}
			step.Deliveries = append(step.Deliveries, deliveries...)
		}
		if c.Moment {
			c.State, c.ResolvedAt = Resolved, now
		}
	}
	return step, nil
}

func (r *Rule) deliveriesOf(c *Change, now time.Time, m *metrics) ([]Delivery, error) {
	m.told.WithLabelValues(c.State).Inc()
	event := EventFiring
	if c.State == Resolved {
		event = EventResolved
	}
	return r.Deliveries(&c.Alert, event, now, NewDeliveryID)
}

// newID sorts by time, as the rows of an index like it.
func newID(prefix string) string { return prefix + uuid.Must(uuid.NewV7()).String() }

// NewDeliveryID makes an idempotency key.
func NewDeliveryID() string { return newID("de_") }

// NewRuleID makes an id for a rule.
func NewRuleID() string { return newID("ar_") }

// count keeps the backlog in memory.
func (s *Stage) count(ctx context.Context) error {
	for ctx.Err() == nil {
		waiting, oldest, err := s.deps.Store.Backlog(ctx)
		if err == nil { // else the loops that deliver say so
			s.mu.Lock()
			s.waiting, s.oldest = waiting, oldest
			s.mu.Unlock()
			s.metrics.waiting.Set(float64(waiting))
		}
		wait(ctx, 5*time.Second)
	}
	return nil
}

// forget removes what is old, once an hour.
func (s *Stage) forget(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := s.deps.Store.Forget(ctx, time.Now().Add(-s.cfg.Keep)); err != nil && ctx.Err() == nil {
			s.deps.Logger.Warn("old alerts cannot be removed, will try again", "error", err)
		}
		wait(ctx, time.Hour)
	}
	return nil
}
