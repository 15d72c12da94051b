package embedded

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Stack is a set of running engines. Its methods may be called from several goroutines.
type Stack struct {
	cfg       Config
	packages  Packages
	data      *dataDir // nil if nothing is started
	addresses Addresses
	keepers   map[Engine]*keeper // set before the goroutines start
	broker    *kfake.Cluster     // the broker within this process, if any

	cancel  context.CancelFunc // tells the keepers to stop
	running sync.WaitGroup     // the keepers' goroutines

	done     chan struct{} // closed when an engine is lost for good
	lostOnce sync.Once
	lost     error // written before done is closed

	stopOnce sync.Once
	stopErr  error
}

// Start starts the engines that have no external address, at the same time, and returns when all of them
// serve. If one cannot, the others are stopped again. The engines outlive ctx, which only bounds the
// start: end them with [Stack.Stop].
func Start(ctx context.Context, cfg Config) (*Stack, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Progress = oneAtATime(cfg.Progress)
	if cfg.restarts == (restarts{}) { // a Config that was not made by DefaultConfig
		cfg.restarts = newRestarts()
	}
	s := &Stack{cfg: cfg, addresses: cfg.External, keepers: map[Engine]*keeper{}, done: make(chan struct{})}
	if len(cfg.started()) == 0 {
		s.cancel = func() {}
		return s, nil
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	if err := s.startAll(ctx); err != nil {
		// ctx may have ended already; stopping is bounded by the engines' own deadlines.
		return nil, errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// oneAtATime lets engines that start side by side share a listener that knows nothing of it.
func oneAtATime(listen func(string)) func(string) {
	var mu sync.Mutex
	return func(line string) {
		if listen == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		listen(line)
	}
}

// open finds the packages and takes the data directory.
func (s *Stack) open(ctx context.Context) error {
	packages, err := Locate(s.cfg.EnginesDir, s.cfg.started()...)
	if err != nil {
		return err
	}
	s.packages = packages
	s.data, err = openDataDir(s.cfg.DataDir, dataVersion{ClickHouse: packages.ClickHouseVersion, Postgres: packages.PostgresVersion})
	if err != nil {
		return err
	}
	if err := endOrphan(ctx, s.data.sub(Postgres)); err != nil {
		return errors.Join(err, s.data.close())
	}
	return nil
}

func (s *Stack) startAll(ctx context.Context) error {
	// Engines run until Stop, whatever becomes of the context that started them.
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	if err := s.assignPorts(); err != nil {
		return err
	}
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	var starting sync.WaitGroup
	for _, e := range s.cfg.started() {
		k := s.keeperOf(e)
		starting.Go(func() {
			if err := s.startOne(ctx, life, e, k); err != nil {
				abort(err) // the first fault ends the others' start, and is the one reported
			}
		})
	}
	starting.Wait()
	return context.Cause(ctx)
}

// assignPorts settles every port before anything starts, so that two engines never race for one and a busy
// port is reported before minutes of recovery.
func (s *Stack) assignPorts() error {
	picker := newPortPicker()
	ports := &s.cfg.Ports
	var faults []error
	for _, want := range []struct {
		engine Engine
		use    string
		port   *int
	}{
		{ClickHouse, "ClickHouse HTTP", &ports.ClickHouseHTTP},
		{ClickHouse, "ClickHouse native", &ports.ClickHouseNative},
		{Kafka, "Kafka", &ports.Kafka},
		{Postgres, "Postgres", &ports.Postgres},
	} {
		if !s.starts(want.engine) {
			continue
		}
		port, err := picker.pick(*want.port, want.engine, want.use)
		*want.port = port
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func (s *Stack) starts(e Engine) bool { return slices.Contains(s.cfg.started(), e) }

// keeperOf describes the engine's process; nil for a broker within this process.
func (s *Stack) keeperOf(e Engine) *keeper {
	dir, ports := s.data.sub(e), s.cfg.Ports
	var p process
	switch e {
	case ClickHouse:
		s.addresses.ClickHouseHTTP = "http://" + loopback(ports.ClickHouseHTTP)
		s.addresses.ClickHouseNative = loopback(ports.ClickHouseNative)
		p = clickhouseProcess(clickhouseChild{Library: s.packages.ClickHouseLibrary, DataDir: dir, User: s.cfg.User, Password: s.cfg.Password,
			HTTPAddr: loopback(ports.ClickHouseHTTP), NativeAddr: loopback(ports.ClickHouseNative)})
	case Kafka:
		s.addresses.Kafka = loopback(ports.Kafka)
		if s.cfg.KafkaInProcess {
			return nil
		}
		p = kafkaProcess(*s.kafka())
	case Postgres:
		s.addresses.Postgres = fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", postgresRole, loopback(ports.Postgres), postgresDatabase)
		p = s.postgres().process()
	}
	k := newKeeper(p, s.cfg.Logger, s.cfg.restarts)
	s.keepers[e] = k
	return k
}

func (s *Stack) postgres() *postgresServer {
	return &postgresServer{programs: s.packages.PostgresDir, version: s.packages.PostgresVersion, dataDir: s.data.sub(Postgres), port: s.cfg.Ports.Postgres}
}

func (s *Stack) kafka() *kafkaChild {
	return &kafkaChild{DataDir: s.data.sub(Kafka), Port: s.cfg.Ports.Kafka}
}

func (s *Stack) startOne(ctx, life context.Context, e Engine, k *keeper) error {
	started := time.Now()
	if err := s.launch(ctx, life, e, k); err != nil {
		return err
	}
	s.cfg.Progress(fmt.Sprintf("%s is ready (%.1f s)", e, time.Since(started).Seconds()))
	return nil
}

func (s *Stack) launch(ctx, life context.Context, e Engine, k *keeper) (err error) {
	if k == nil {
		s.broker, err = s.kafka().open(s.cfg.Logger)
		return err
	}
	if err := k.prepare(ctx); err != nil {
		return fmt.Errorf("start %s: %w", e, err)
	}
	return s.keep(ctx, life, k)
}

// keep runs the keeper until Stop and returns when its engine first serves.
func (s *Stack) keep(ctx, life context.Context, k *keeper) error {
	failed := make(chan error, 1) // one send, so the keeper's goroutine never blocks
	s.running.Go(func() {
		if err := k.Run(life); err != nil {
			failed <- err
			s.lose(err)
		}
	})
	select {
	case <-k.ready:
		return nil
	case err := <-failed:
		return err
	case <-ctx.Done():
		return fmt.Errorf("start %s: %w", k.engine, context.Cause(ctx))
	}
}

func (s *Stack) lose(err error) {
	s.lostOnce.Do(func() {
		s.lost = err
		close(s.done)
	})
}

// Addresses say where the engines are.
func (s *Stack) Addresses() Addresses { return s.addresses }

// Done is closed when an engine is lost for good: it died again and again and is not started any more.
func (s *Stack) Done() <-chan struct{} { return s.done }

// Err tells which engine was lost and what it said last; nil before Done is closed.
func (s *Stack) Err() error {
	select {
	case <-s.done:
		return s.lost
	default:
		return nil
	}
}

// PID is the engine's process, for tests that kill it; 0 while it is away or runs within this process. A
// process that was just started again has a PID a moment before it serves.
func (s *Stack) PID(e Engine) int {
	if k := s.keepers[e]; k != nil {
		return int(k.pid.Load())
	}
	return 0
}

// Stop stops the engines at the same time and gives the data directory up. An engine that does not stop
// within seconds is killed; each of them survives that. Calling it again is harmless. An error of ctx
// means that it ended before the engines did, which are then still stopping.
func (s *Stack) Stop(ctx context.Context) error {
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stopOnce.Do(s.stop)
	}()
	select {
	case <-stopped:
		return s.stopErr
	case <-ctx.Done():
		return fmt.Errorf("stop %s: %w", joinEngines(s.cfg.started()), ctx.Err())
	}
}

func (s *Stack) stop() {
	if s.data == nil {
		return
	}
	s.cancel()
	if s.broker != nil {
		s.broker.Close()
	}
	s.running.Wait()
	s.stopErr = s.data.close()
}

func joinEngines(engines []Engine) string {
	names := make([]string, len(engines))
	for i, e := range engines {
		names[i] = string(e)
	}
	return strings.Join(names, ", ")
}
