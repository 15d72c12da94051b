package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/alert"
	"millrace/internal/enginetest"
	"millrace/internal/fraud"
	"millrace/oltp"
)

// judgedPurchases puts purchases into the store as the scoring would have: with
// amounts that are usual by and large, and everything else of everyday.
func judgedPurchases(t *testing.T, store *oltp.Store, from, n int, spread float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(from), 5))
	step := oltp.ScoringStep{Topic: "events", From: int64(from), To: oltp.ScoringState{Next: int64(from + n), Population: []byte{}}}
	if from == 0 {
		step.From = -1
	}
	for i := range n {
		features := make([]float32, fraud.FeatureCount)
		features[fraud.AmountDistance] = float32(rng.NormFloat64() * spread)
		features[fraud.AmountAmongAll] = features[fraud.AmountDistance] / 2
		features[fraud.HourSpend] = features[fraud.AmountDistance] + float32(rng.Float64())
		features[fraud.Haste] = float32(max(0, rng.NormFloat64()))
		features[fraud.HourRarity] = float32(rng.ExpFloat64() / 3)
		step.Scores = append(step.Scores, oltp.FraudScore{
			EventID: fmt.Sprint(from + i), UserID: "u", EventTime: time.Unix(int64(1_760_000_000+from+i), 0), Decision: "allow",
			Reasons: []byte("[]"), Features: features, Model: 1, Topic: "events", Offset: int64(from + i),
		})
	}
	if err := store.SaveScoring(t.Context(), step); err != nil {
		t.Fatal(err)
	}
}

// TestFraudModelInTheRegistry goes through a model's life: the one of the binary is
// the first version, another is made of the shop's own purchases, put to use, and
// taken back; and its drift is measured and found by a rule.
func TestFraudModelInTheRegistry(t *testing.T) {
	cfg := oltp.DefaultConfig()
	cfg.Address = enginetest.Postgres(t)
	store, err := oltp.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	inUse, err := newFraudModel(t.Context(), store, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newFraudModel(t.Context(), store, quiet); err != nil { // another process
		t.Fatal(err)
	}
	versions, err := store.Models(t.Context(), fraud.Name)
	if err != nil || len(versions) != 1 || !versions[0].Current || inUse.Current().Params().Version != 1 {
		t.Fatalf("after the start: %d versions, %v; judged by %+v", len(versions), err, inUse.Current().Params())
	}
	brought, _ := fraud.DefaultModel()
	sample := fraud.Features{fraud.AmountDistance: 4, fraud.AmountOverMost: 2, fraud.Haste: 5}
	if got, want := inUse.Current().Score(&sample), brought.Score(&sample); got != want {
		t.Errorf("the registered model scores %v, that of the binary %v", got, want)
	}
	progress := func(int, int, string) {}
	if _, err := (fraudTraining{store}).run(t.Context(), progress); !errors.Is(err, fraud.ErrTooFewPurchases) {
		t.Errorf("without purchases: %v", err)
	}

	judgedPurchases(t, store, 0, 6000, 1)
	result, err := fraudTraining{store}.run(t.Context(), progress)
	if err != nil {
		t.Fatal(err)
	}
	made, err := store.Model(t.Context(), fraud.Name, 2)
	if err != nil {
		t.Fatal(err)
	}
	var metrics fraudMetrics
	if err := json.Unmarshal(made.Metrics, &metrics); err != nil {
		t.Fatal(err)
	}
	report := metrics.Retraining
	t.Log(result.Reason)
	if !result.Promoted || report.Learnt != 4800 || report.After.Review > 0.015 || report.After.Block > 0.004 ||
		made.TrainedFrom.Unix() != 1_760_000_000 || made.TrainedUntil.Unix() != 1_760_005_999 {
		t.Errorf("got %+v; %+v of %v to %v", result, report, made.TrainedFrom, made.TrainedUntil)
	}
	checkFraudDrift(t, store)
	for _, version := range []int{2, 1, 2} {
		if _, err := store.PromoteModel(t.Context(), fraud.Name, version, "a test"); err != nil {
			t.Fatal(err)
		}
		inUse.look(t.Context())
		if got := inUse.Current().Params().Version; got != version {
			t.Errorf("judged by version %d, want %d", got, version)
		}
	}
	broken, err := store.SaveModel(t.Context(), oltp.Model{Name: fraud.Name, Parameters: []byte(`{"forest":"AAAA"}`), Metrics: []byte("{}")})
	if err == nil {
		_, err = store.PromoteModel(t.Context(), fraud.Name, broken.Version, "a test")
	}
	if err != nil {
		t.Fatal(err)
	}
	if inUse.look(t.Context()); inUse.Current().Params().Version != 2 {
		t.Errorf("a version that cannot be read is judged by")
	}
}

// checkFraudDrift measures version 2 on purchases like those of its training, and
// on others.
func checkFraudDrift(t *testing.T, store *oltp.Store) {
	t.Helper()
	d, err := newFraudDrift(store, time.Hour, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	threshold := 0.1
	rule := alert.DueRule{}
	rule.Watch = alert.Watch{Kind: alert.Drift, Model: fraud.Name, Is: ">", Threshold: &threshold}
	see := func() alert.Observation {
		t.Helper()
		if _, err := d.pass(t.Context(), 2, scorePass{}); err != nil {
			t.Fatal(err)
		}
		seen, err := (&plant{users: store}).seeDrift(t.Context(), rule)
		if err != nil || len(seen) != 1 {
			t.Fatalf("got %v, %v", seen, err)
		}
		return seen[0]
	}
	if got := see(); got.Known {
		t.Errorf("without purchases since the training: %+v", got)
	}
	judgedPurchases(t, store, 6000, 1000, 1)
	if got := see(); !got.Known || got.Holds {
		t.Errorf("with purchases like those of the training: %+v", got)
	}
	judgedPurchases(t, store, 7000, 4000, 3)
	if got := see(); !got.Holds {
		t.Errorf("with other amounts: %+v", got)
	}
	drift, known, err := store.Drift(t.Context(), fraud.Name, 2)
	if err != nil || !known || drift.Users != 5000 || drift.Features["amount_distance"] < 0.25 || drift.Features["country_jump"] > 0.01 {
		t.Errorf("got %+v, %v", drift, err)
	}
}
