package scorer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/event"
	"millrace/internal/fraud"
	"millrace/internal/traffic"
)

// memory is a store that keeps what the real one would, under the same rules.
type memory struct {
	state    State
	profiles map[string][]byte
	scores   map[string]Score
	saves    int
	// fail is asked before and after each write; nil never fails.
	fail func(after bool) error
}

func newMemory() *memory {
	return &memory{state: State{Next: -1}, profiles: map[string][]byte{}, scores: map[string]Score{}}
}

func (m *memory) State(context.Context, string, int32) (State, error) { return m.state, nil }

func (m *memory) Profiles(_ context.Context, _ string, _ int32, users []string) (found []Profile, _ error) {
	for _, user := range users {
		if state, ok := m.profiles[user]; ok {
			found = append(found, Profile{user, state})
		}
	}
	return found, nil
}

func (m *memory) Save(_ context.Context, step Step) error {
	if step.From != m.state.Next {
		return ErrMoved
	}
	if m.fail != nil {
		if err := m.fail(false); err != nil {
			return err
		}
	}
	m.saves++
	m.state = step.To
	for _, p := range step.Profiles {
		m.profiles[p.UserID] = p.State
	}
	for _, s := range step.Scores {
		if _, known := m.scores[s.EventID+"\x00"+s.UserID]; !known {
			m.scores[s.EventID+"\x00"+s.UserID] = s
		}
	}
	if m.fail != nil {
		return m.fail(true)
	}
	return nil
}

// lines are the scores as text, in order.
func (m *memory) lines() []string {
	var lines []string
	for _, s := range m.scores {
		lines = append(lines, fmt.Sprintf("%08d %s %s %v %s %s %v", s.Offset, s.EventID, s.UserID, s.Score, s.Decision, s.Reasons, s.Features))
	}
	slices.Sort(lines)
	return lines
}

func start(t *testing.T, store Store, change func(*Config)) *Scorer {
	t.Helper()
	model, err := fraud.DefaultModel()
	if err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg, Deps{Store: store, Model: func() *fraud.Model { return model }, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// events makes traffic with fraud, repeats and late events.
func events(t *testing.T, n int) []event.Event {
	t.Helper()
	cfg := traffic.DefaultConfig()
	cfg.Users, cfg.FraudShare, cfg.DuplicateShare, cfg.LateShare, cfg.Rate = 60, 0.05, 0.05, 0.05, 0.05
	g, err := traffic.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	pace := traffic.Pace{Start: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), Rate: cfg.Rate}
	all := make([]event.Event, n)
	for i := range all {
		ev, _ := g.Next(pace.At(int64(i)))
		all[i] = *ev
		all[i].Properties = slices.Clone(ev.Properties)
	}
	return all
}

// batchOf is the records [from, to) of a partition.
func batchOf(t *testing.T, all []event.Event, from, to int, receivedAt int64) *event.Batch {
	t.Helper()
	b := new(event.Batch)
	for i := from; i < to; i++ {
		if reject := b.AppendEvent(&all[i], event.Position{Topic: "events", Partition: 0, Offset: int64(i), ReceivedAt: receivedAt + int64(i)}); reject != nil {
			t.Fatal(reject)
		}
	}
	return b
}

// undisturbed is a run in one go.
func undisturbed(t *testing.T, all []event.Event) *memory {
	t.Helper()
	store := newMemory()
	if err := start(t, store, nil).Write(t.Context(), batchOf(t, all, 0, len(all), 0), "whole"); err != nil {
		t.Fatal(err)
	}
	return store
}

// TestAnyDisturbanceGivesTheSameScores cuts the stream into random blocks, fails
// writes before and after they took effect, kills the scorer and starts another
// over the same store, gives blocks again, and keeps few profiles in memory.
// Scores, profiles and state are those of a run in one go.
func TestAnyDisturbanceGivesTheSameScores(t *testing.T) {
	all := events(t, 12_000)
	want := undisturbed(t, all)
	if len(want.scores) < 200 || !strings.Contains(strings.Join(want.lines(), ""), " block ") {
		t.Fatalf("only %d scores, or nothing blocked: the test would prove little", len(want.scores))
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	got := newMemory()
	got.fail = func(bool) error {
		if rng.IntN(6) == 0 {
			return errors.New("the connection broke")
		}
		return nil
	}
	few := func(c *Config) { c.MaxProfiles = 7 }
	s := start(t, got, few)
	kills, failures := 0, 0
	for from := 0; from < len(all); {
		to := min(from+1+rng.IntN(300), len(all))
		block := batchOf(t, all, from, to, 0)
		for s.Write(t.Context(), block, "block") != nil {
			failures++
			if rng.IntN(2) == 0 {
				s = start(t, got, few)
				kills++
			}
		}
		switch rng.IntN(4) {
		case 0: // killed before the offset was committed: the block comes again
			s = start(t, got, few)
			kills++
		case 1: // a longer block over the same offsets, as after lost seals
			from = max(0, from-rng.IntN(100))
		default:
			from = to
		}
	}
	if kills < 5 || failures < 5 {
		t.Fatalf("seed %d: only %d kills and %d failures", seed, kills, failures)
	}
	if a, b := want.lines(), got.lines(); !slices.Equal(a, b) {
		t.Errorf("seed %d: %d scores, want %d; the first difference: %s", seed, len(b), len(a), firstDifference(a, b))
	}
	if want.state.Next != got.state.Next || string(want.state.Population) != string(got.state.Population) || !want.state.ReceivedAt.Equal(got.state.ReceivedAt) {
		t.Errorf("seed %d: the states differ", seed)
	}
	for user, state := range want.profiles {
		if string(got.profiles[user]) != string(state) {
			t.Errorf("seed %d: the profile of %s differs", seed, user)
		}
	}
	t.Logf("%d events, %d purchases judged; %d kills, %d failed writes", len(all), len(want.scores), kills, failures)
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("\nwant %s\ngot  %s", a[i], b[i])
		}
	}
	return "one has more"
}

// A partition goes to another process and comes back: what this one remembers is
// of no use then.
func TestMemoryOfAPartitionThatWasAwayIsNotUsed(t *testing.T) {
	all := events(t, 3000)
	want := undisturbed(t, all)
	store := newMemory()
	here, there := start(t, store, nil), start(t, store, nil)
	write := func(s *Scorer, from, to int) error {
		return s.Write(t.Context(), batchOf(t, all, from, to, 0), "block")
	}
	if err := errors.Join(write(here, 0, 1000), write(there, 1000, 2000)); err != nil {
		t.Fatal(err)
	}
	if err := write(here, 2000, 3000); !errors.Is(err, ErrMoved) {
		t.Fatalf("the first try with old memory: got %v, want ErrMoved", err)
	}
	if err := write(here, 2000, 3000); err != nil {
		t.Fatal(err)
	}
	if err := write(there, 1000, 2000); err != nil { // a process that was stopped for long, and goes on
		t.Errorf("a block that others have passed: %v", err)
	}
	if a, b := want.lines(), store.lines(); !slices.Equal(a, b) {
		t.Errorf("the scores differ: %s", firstDifference(a, b))
	}
}

// A topic that is made anew counts from 0, below what the store has seen.
func TestTopicThatBeginsAnewIsScored(t *testing.T) {
	all := events(t, 2000)
	store := newMemory()
	s := start(t, store, nil)
	if err := s.Write(t.Context(), batchOf(t, all, 0, 1000, 0), "before"); err != nil {
		t.Fatal(err)
	}
	before := len(store.scores)
	again := batchOf(t, all[1000:], 0, 900, 1_000_000)
	if err := s.Write(t.Context(), again, "anew"); err != nil {
		t.Fatal(err)
	}
	if store.state.Next != 900 || len(store.scores) <= before {
		t.Errorf("next offset %d, %d scores before and %d after", store.state.Next, before, len(store.scores))
	}
	saves := store.saves
	if err := s.Write(t.Context(), again, "anew"); err != nil || store.saves != saves {
		t.Errorf("the same block once more: %v, written %v", err, store.saves != saves)
	}
}

func TestProfilesInMemoryAreBounded(t *testing.T) {
	all := events(t, 4000)
	s := start(t, newMemory(), func(c *Config) { c.MaxProfiles = 5 })
	for from := 0; from < len(all); from += 200 {
		if err := s.Write(t.Context(), batchOf(t, all, from, from+200, 0), "block"); err != nil {
			t.Fatal(err)
		}
		if n := s.profiles(); n > 5 {
			t.Fatalf("%d profiles in memory, want at most 5", n)
		}
	}
}

func TestConfigNamesEveryFault(t *testing.T) {
	err := Config{}.Validate()
	for _, want := range []string{"max profiles", "kafka", "group"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the default is refused: %v", err)
	}
}

func BenchmarkWrite(b *testing.B) {
	model, _ := fraud.DefaultModel()
	s, err := New(DefaultConfig(), Deps{Store: newMemory(), Model: func() *fraud.Model { return model }, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		b.Fatal(err)
	}
	cfg := traffic.DefaultConfig()
	cfg.Users, cfg.Rate = 10_000, 20_000
	g, err := traffic.New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	pace := traffic.Pace{Start: time.Now(), Rate: cfg.Rate}
	offset := int64(0)
	batch := new(event.Batch)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		batch.Reset()
		for range 1000 {
			ev, _ := g.Next(pace.At(offset))
			_ = batch.AppendEvent(ev, event.Position{Topic: "events", Offset: offset})
			offset++
		}
		b.StartTimer()
		if err := s.Write(b.Context(), batch, "block"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(offset), "ns/event")
}
