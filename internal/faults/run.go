//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"millrace/ingest"
	"millrace/internal/embedded"
	"millrace/olap"
)

// Result is what a run has shown.
type Result struct {
	Plan       Plan
	Struck     map[Kind]int  // faults that took place: some plans name a member that is gone
	Records    int           // in the log
	Letters    int           // among them dead letters
	Repeats    int           // among them repeats of an event, left out
	Views      int           // compared
	Violations []string      // empty: every record once, everywhere
	CaughtUp   time.Duration // from the end of the last fault until all was committed
	Elapsed    time.Duration
	Logs       string // directory with the journal and what the members said
}

// run is one run in progress. Its members are touched by one goroutine, and by
// the faults that end, under mu.
type run struct {
	*Lane
	plan     Plan
	breakage Breakage
	journal  journal
	dir      string
	name     string // of database, topic and group
	produced *produced
	began    time.Time // when all was prepared: the plan's times count from here

	mu      sync.Mutex
	members []*member // also those that are gone: their triggers are counted
	struck  map[Kind]int

	ending sync.WaitGroup // faults that last
}

// Run carries a plan out and counts. An error means that the run itself could
// not be made; what the system did wrong is in the Result.
func (l *Lane) Run(ctx context.Context, plan Plan, b Breakage) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	start := time.Now()
	dir := filepath.Join(l.cfg.Dir, fmt.Sprintf("run-%016x", plan.Seed))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Result{}, err
	}
	out, err := os.Create(filepath.Join(dir, "journal.log"))
	if err != nil {
		return Result{}, err
	}
	defer out.Close()
	r := &run{
		Lane: l, plan: plan, breakage: b, dir: dir, name: fmt.Sprintf("run_%016x", plan.Seed),
		journal: journal{out, start}, produced: newProduced(), struck: map[Kind]int{},
	}
	result := Result{Plan: plan, Logs: dir}
	err = r.all(ctx, &result)
	r.killAll()
	r.countTriggers()
	result.Struck, result.Elapsed = r.struck, time.Since(start)
	for _, v := range result.Violations {
		r.journal.note("VIOLATION %s", v)
	}
	if err != nil {
		r.journal.note("ERROR %v", err)
		return result, fmt.Errorf("seed %d: %w (logs in %s)", plan.Seed, err, dir)
	}
	if len(result.Violations) > 0 && b == Intact {
		r.keepStore()
		return result, nil // the tables are evidence
	}
	return result, r.clean(ctx)
}

func (r *run) all(ctx context.Context, result *Result) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	r.began = time.Now()
	source := &source{rng: rand.New(rand.NewPCG(r.plan.Seed, 2)), seed: r.plan.Seed}
	made := make(chan error, 1)
	go func() {
		made <- produce(ctx, r.broker.address(), r.name, source, r.produced, r.plan.Records, r.plan.Lasts)
	}()
	err := r.strikeAll(ctx)
	if err := errors.Join(err, <-made); err != nil {
		return err
	}
	r.journal.note("all faults are over, all is produced")
	over := time.Now()
	if stuck := r.settle(ctx); stuck != "" {
		result.Violations = append(result.Violations, stuck)
	}
	result.CaughtUp = time.Since(over)
	// Others take over, with other batches: what was committed has to be true.
	if err := r.takeOver(ctx, source); err != nil {
		result.Violations = append(result.Violations, err.Error())
	}
	result.Violations = append(result.Violations, r.deserters()...)
	return r.check(ctx, result)
}

// deserters are the members that ended although nobody told them to.
func (r *run) deserters() (violations []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		if m.gone() && !m.told.Load() {
			violations = append(violations, m.name+" ended by itself, see "+m.log)
		}
	}
	return violations
}

// prepare makes the tables, the topic and the first members.
func (r *run) prepare(ctx context.Context) error {
	cfg := olap.DefaultConfig()
	cfg.Address, cfg.Database = r.storeAddress(), r.name
	if err := r.awaitStore(ctx); err != nil {
		return err
	}
	store, err := olap.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer store.Close()
	if _, err := store.Migrate(ctx); err != nil {
		return err
	}
	if err := awaitBroker(ctx, r.broker.address()); err != nil {
		return err
	}
	if err := ingest.EnsureTopic(ctx, []string{r.broker.address()}, r.name, r.plan.Partitions); err != nil {
		return err
	}
	for range r.plan.Members {
		if err := r.join(r.plan.MaxRows); err != nil {
			return err
		}
	}
	return nil
}

// join starts a member that cuts batches at so many rows.
func (r *run) join(maxRows int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := fmt.Sprintf("member-%d", len(r.members)+1)
	m, err := startMember(name, filepath.Join(r.dir, name+".log"), r.storeAddress(), memberConfig{
		Broker: r.broker.address(), Database: r.name, Topic: r.name, Group: r.name,
		MaxRows: maxRows, MaxBytes: r.plan.MaxBytes, MaxAge: r.plan.MaxAge,
	}, r.breakage)
	if err != nil {
		return err
	}
	r.journal.note("%s starts, pid %d, batches of %d rows", name, m.process.Pid, maxRows)
	r.members = append(r.members, m)
	return nil
}

// alive lists the members that have not ended.
func (r *run) alive() (alive []*member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		if !m.gone() {
			alive = append(alive, m)
		}
	}
	return alive
}

// stuckAfter is how long the group may make no progress. It is not told how
// fast to be: on a busy machine small batches take their time.
const stuckAfter = 75 * time.Second

// settle returns when the group has stored everything, or says how it is stuck.
func (r *run) settle(ctx context.Context) (stuck string) {
	if len(r.alive()) == 0 {
		if err := r.join(r.plan.MaxRows); err != nil {
			return err.Error()
		}
	}
	least, progress := int64(math.MaxInt64), time.Now()
	for {
		behind, err := r.behind(ctx)
		if err == nil && behind == 0 {
			r.journal.note("the group has committed everything")
			return ""
		}
		if err == nil && behind < least {
			least, progress = behind, time.Now()
		}
		if time.Since(progress) > stuckAfter {
			return fmt.Sprintf("no progress for %v: %d records behind, last error %v", stuckAfter, behind, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Sprintf("not caught up when the run's time was over: %d records behind, last error %v", behind, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// behind is the number of records that the group has not committed.
func (r *run) behind(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	ends, err := r.ends(ctx)
	if err != nil {
		return 0, err
	}
	committed, err := r.admin.FetchOffsets(ctx, r.name)
	if err != nil {
		return 0, err
	}
	var behind int64
	for partition, end := range ends {
		at, found := committed.Lookup(r.name, partition)
		behind += end
		if found && at.At > 0 {
			behind -= at.At
		}
	}
	return behind, nil
}

// ends are the end offsets of the topic.
func (r *run) ends(ctx context.Context) (map[int32]int64, error) {
	listed, err := r.admin.ListEndOffsets(ctx, r.name)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, err
	}
	ends := map[int32]int64{}
	for partition, o := range listed[r.name] {
		ends[partition] = o.Offset
	}
	return ends, nil
}

// takeOver stops every member, and has a new one store a few more records.
func (r *run) takeOver(ctx context.Context, s *source) error {
	r.leaveAll()
	if err := produce(ctx, r.broker.address(), r.name, s, r.produced, 100, 0); err != nil {
		return err
	}
	if err := r.join(7 + r.plan.MaxRows/3); err != nil {
		return err
	}
	if stuck := r.settle(ctx); stuck != "" {
		return errors.New("after the last take-over: " + stuck)
	}
	r.leaveAll()
	return nil
}

// leaveAll stops the members one beside the other.
func (r *run) leaveAll() {
	var leaving sync.WaitGroup
	for _, m := range r.alive() {
		leaving.Go(func() {
			if !m.leave(15 * time.Second) {
				r.journal.note("%s did not stop in 15 s", m.name)
			}
		})
	}
	leaving.Wait()
}

func (r *run) killAll() {
	r.ending.Wait()
	for _, m := range r.alive() {
		m.kill()
	}
}

// countTriggers adds the faults that waited for their moment.
func (r *run) countTriggers() {
	for _, m := range r.members {
		for kind, t := range m.triggers() {
			r.struck[kind] += int(t.fired.Load())
		}
	}
}

// keepStore copies the store's files beside the logs, as they are at this
// moment: merges and later runs will change them.
func (r *run) keepStore() {
	pid := r.storePID()
	send(pid, syscall.SIGSTOP)
	defer send(pid, syscall.SIGCONT)
	if out, err := exec.Command("cp", "-a", r.storeDir(), filepath.Join(r.dir, "clickhouse")).CombinedOutput(); err != nil {
		r.journal.note("the store's files could not be kept: %v: %s", err, out)
	}
}

// clean removes what the run has made; logs stay.
func (r *run) clean(ctx context.Context) error {
	if err := r.conn.Exec(ctx, "DROP DATABASE IF EXISTS "+r.name+" SYNC"); err != nil {
		return err
	}
	_, err := r.admin.DeleteTopics(ctx, r.name)
	if err == nil {
		_, err = r.admin.DeleteGroups(ctx, r.name)
	}
	return err
}

// awaitStore returns when the store answers again.
func (r *run) awaitStore(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		ask, done := context.WithTimeout(ctx, 5*time.Second)
		err := r.conn.Ping(ask)
		done()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the store does not come back: %w", errors.Join(err, r.stack.Err()))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// storePID is the store's process, 0 while it is away.
func (r *run) storePID() int { return r.stack.PID(embedded.ClickHouse) }

// send signals a process; false where there is none.
func send(pid int, s syscall.Signal) bool { return pid > 0 && syscall.Kill(pid, s) == nil }
