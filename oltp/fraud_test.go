package oltp

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

var fraudDay = time.Date(2026, 4, 5, 6, 7, 8, 9_000_000, time.UTC)

// scoreOf is the judgement of purchase n.
func scoreOf(n int, decision string) FraudScore {
	amount := int64(n) * 1_500_000
	return FraudScore{
		EventID: fmt.Sprintf("e%02d", n), UserID: fmt.Sprintf("u%d", n%2), EventTime: fraudDay.Add(time.Duration(n/2) * time.Hour),
		AmountMicros: &amount, Currency: "INR", Country: "IN", Score: float64(n) / 100, Decision: decision, Base: -4.5,
		Reasons: []byte(`[{"reason": "far_above_usual"}]`), Features: []float32{1.5, -2, float32(n)}, Model: 1,
		Topic: "events", Partition: 2, Offset: int64(n), ReceivedAt: fraudDay,
	}
}

func stepOf(from, to int64, scores ...FraudScore) ScoringStep {
	return ScoringStep{
		Topic: "events", Partition: 2, From: from,
		To: ScoringState{Next: to, ReceivedAt: fraudDay, Population: []byte{byte(to)}}, Scores: scores,
		Profiles: []UserProfile{{"u0", []byte{1, byte(to)}}, {"u1", []byte{2, byte(to)}}},
	}
}

func save(t *testing.T, s *Store, step ScoringStep) {
	t.Helper()
	if err := s.SaveScoring(t.Context(), step); err != nil {
		t.Fatal(err)
	}
}

func TestScoringStepsFollowOneAnother(t *testing.T) {
	s := migratedStore(t)
	state, err := s.ScoringState(t.Context(), "events", 2)
	if err != nil || state.Next != -1 {
		t.Fatalf("the state of a new partition: %+v, %v", state, err)
	}
	save(t, s, stepOf(-1, 10, scoreOf(1, "allow")))
	save(t, s, stepOf(10, 20, scoreOf(2, "block"), scoreOf(1, "review"))) // 1 is a repeat: its score stays
	for _, from := range []int64{-1, 10, 15, 30} {
		if err := s.SaveScoring(t.Context(), stepOf(from, 40, scoreOf(3, "allow"))); !errors.Is(err, ErrScoringMoved) {
			t.Errorf("a step from %d onto 20: got %v, want ErrScoringMoved", from, err)
		}
	}
	state, err = s.ScoringState(t.Context(), "events", 2)
	if err != nil || state.Next != 20 || !slices.Equal(state.Population, []byte{20}) || !state.ReceivedAt.Equal(fraudDay) {
		t.Errorf("state: %+v, %v", state, err)
	}
	profiles, err := s.UserProfiles(t.Context(), "events", 2, []string{"u1", "nobody"})
	if err != nil || len(profiles) != 1 || profiles[0].UserID != "u1" || !slices.Equal(profiles[0].State, []byte{2, 20}) {
		t.Errorf("profiles: %+v, %v", profiles, err)
	}
	if elsewhere, err := s.UserProfiles(t.Context(), "events", 3, []string{"u1"}); err != nil || len(elsewhere) != 0 {
		t.Errorf("profiles of another partition: %+v, %v", elsewhere, err)
	}
	scores, err := s.FraudScores(t.Context(), FraudFilter{}, 10)
	if err != nil || len(scores) != 2 {
		t.Fatalf("scores: %+v, %v", scores, err)
	}
	got, want := scores[1], scoreOf(1, "allow")
	if *got.AmountMicros != *want.AmountMicros || got.ScoredAt.IsZero() {
		t.Errorf("amount %d, scored at %v", *got.AmountMicros, got.ScoredAt)
	}
	got.AmountMicros, want.AmountMicros, got.ScoredAt = nil, nil, time.Time{}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("score:\ngot  %+v\nwant %+v", got, want)
	}
}

// A step is written whole or not at all: here the scores break a rule.
func TestScoringStepIsAtomic(t *testing.T) {
	s := migratedStore(t)
	save(t, s, stepOf(-1, 10))
	if err := s.SaveScoring(t.Context(), stepOf(10, 20, scoreOf(1, "perhaps"))); err == nil {
		t.Fatal("a decision that is none was written")
	}
	state, _ := s.ScoringState(t.Context(), "events", 2)
	profiles, _ := s.UserProfiles(t.Context(), "events", 2, []string{"u0"})
	if state.Next != 10 || len(profiles) != 1 || profiles[0].State[1] != 10 {
		t.Errorf("half of the step was written: %+v, %+v", state, profiles)
	}
}

func TestFraudScoresAreListedAndFiltered(t *testing.T) {
	s := migratedStore(t)
	decisions := []string{"allow", "review", "block"}
	var scores []FraudScore
	for n := range 12 {
		scores = append(scores, scoreOf(n, decisions[n%3]))
	}
	scores[5].AmountMicros = nil
	save(t, s, stepOf(-1, 12, scores...))
	ids := func(f FraudFilter, limit int) string {
		t.Helper()
		found, err := s.FraudScores(t.Context(), f, limit)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, f := range found {
			ids = append(ids, f.EventID)
		}
		return strings.Join(ids, " ")
	}
	second := scores[8].Cursor()
	for _, c := range []struct {
		name   string
		filter FraudFilter
		limit  int
		want   string
	}{
		{"all", FraudFilter{}, 5, "e11 e10 e09 e08 e07"},
		{"behind the cursor", FraudFilter{Before: second}, 3, "e07 e06 e05"},
		{"found", FraudFilter{Decisions: []string{"review", "block"}}, 4, "e11 e10 e08 e07"},
		{"blocked", FraudFilter{Decisions: []string{"block"}}, 9, "e11 e08 e05 e02"},
		{"allowed", FraudFilter{Decisions: []string{"allow"}}, 9, "e09 e06 e03 e00"},
		{"of a user", FraudFilter{UserID: "u1"}, 2, "e11 e09"},
		{"in a time", FraudFilter{From: fraudDay.Add(time.Hour), To: fraudDay.Add(2 * time.Hour)}, 9, "e03 e02"},
		{"by score", FraudFilter{MinScore: 0.1}, 9, "e11 e10"},
	} {
		if got := ids(c.filter, c.limit); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestFraudProfileOfAnybody(t *testing.T) {
	s := migratedStore(t)
	if state, population, err := s.FraudProfile(t.Context(), "u0"); err != nil || state != nil || population != nil {
		t.Errorf("before anything: %v, %v, %v", state, population, err)
	}
	save(t, s, stepOf(-1, 10))
	if state, population, err := s.FraudProfile(t.Context(), "u0"); err != nil || len(state) == 0 || len(population) == 0 {
		t.Errorf("a known user: %v, %v, %v", state, population, err)
	}
	if state, population, err := s.FraudProfile(t.Context(), "new\x00"); err != nil || state != nil || len(population) == 0 {
		t.Errorf("somebody new: %v, %v, %v", state, population, err)
	}
}

// What live events have taught counts before what history has, whichever came last.
func TestFraudProfileOfHistory(t *testing.T) {
	s := migratedStore(t)
	history := stepOf(-1, 10)
	history.Topic, history.History, history.To.Population = "events.backfill", true, []byte("history")
	save(t, s, history)
	if state, population, err := s.FraudProfile(t.Context(), "u0"); err != nil || len(state) == 0 || string(population) != "history" {
		t.Errorf("history alone: %v, %q, %v", state, population, err)
	}
	live := stepOf(-1, 20)
	save(t, s, live)
	history = stepOf(10, 30)
	history.Topic, history.History, history.To.Population = "events.backfill", true, []byte("later history")
	save(t, s, history)
	for _, user := range []string{"u0", "new"} {
		state, population, err := s.FraudProfile(t.Context(), user)
		if err != nil || string(population) != string(live.To.Population) || user == "u0" && string(state) != string(live.Profiles[0].State) {
			t.Errorf("%s: %v, %q, %v", user, state, population, err)
		}
	}
}

func TestJudgedPurchasesAreTheLatest(t *testing.T) {
	s := migratedStore(t)
	save(t, s, stepOf(-1, 3, scoreOf(0, "allow"), scoreOf(1, "review"), scoreOf(2, "block")))
	exec(t, s, "UPDATE fraud_scores SET scored_at = '2026-01-01Z'::timestamptz + \"offset\" * interval '1 hour'")
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		since time.Time
		limit int
		want  []float32 // the last feature of each
	}{{time.Unix(0, 0), 9, []float32{0, 1, 2}}, {time.Unix(0, 0), 2, []float32{1, 2}}, {first.Add(2 * time.Hour), 9, []float32{2}}, {first.AddDate(1, 0, 0), 9, nil}} {
		purchases, err := s.JudgedPurchases(t.Context(), c.since, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		var got []float32
		for _, p := range purchases {
			got = append(got, p.Features[2])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d since %v: got %v, want %v", c.limit, c.since, got, c.want)
		}
	}
}

func TestDecimalOf(t *testing.T) {
	for micros, want := range map[int64]string{
		0: "0", 1: "0.000001", 1_500_000: "1.5", 499_000_000: "499", -2_250_000: "-2.25", math.MinInt64: "-9223372036854.775808",
	} {
		if got := decimalOf(micros); got != want {
			t.Errorf("%d: got %s, want %s", micros, got, want)
		}
	}
}
