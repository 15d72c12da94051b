package oltp

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func predict(t *testing.T, s *Store, model string, predictions ...Prediction) {
	t.Helper()
	skipped, err := s.SavePredictions(t.Context(), model, predictions)
	if err != nil || skipped != 0 {
		t.Fatalf("%d skipped, %v", skipped, err)
	}
}

func TestPredictionReplacesTheOneBefore(t *testing.T) {
	s := migratedStore(t)
	day := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	predict(t, s, "churn", Prediction{UserID: "u1", Version: 1, AsOf: day, Score: 0.1})
	predict(t, s, "bgnbd", Prediction{UserID: "u1", Version: 9, AsOf: day, Score: 0.9})
	want := Prediction{UserID: "u1", Version: 2, AsOf: day.Add(time.Hour), Score: 0.1234567890123456, Details: json.RawMessage(`{"reasons": []}`)}
	predict(t, s, "churn", Prediction{UserID: "u1", Score: 0.5, AsOf: day}, want)
	got, err := s.Prediction(t.Context(), "churn", "u1")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if other, err := s.Prediction(t.Context(), "bgnbd", "u1"); err != nil || other.Version != 9 || string(other.Details) != "{}" {
		t.Errorf("the other model's: got %+v %v", other, err)
	}
	for _, id := range []string{"nobody", "", "a\x00b"} {
		if _, err := s.Prediction(t.Context(), "churn", id); !errors.Is(err, ErrUnknownUser) {
			t.Errorf("user %q: got %v, want ErrUnknownUser", id, err)
		}
	}
	if skipped, err := s.SavePredictions(t.Context(), "churn", []Prediction{{UserID: "a\x00b"}, {UserID: "good"}}); skipped != 1 || err != nil {
		t.Errorf("an id that Postgres cannot hold: %d skipped, %v", skipped, err)
	}
}

func TestPredictionsComeInPagesByFallingScore(t *testing.T) {
	s := migratedStore(t)
	var all []Prediction
	for i := range 25 {
		all = append(all, Prediction{UserID: fmt.Sprintf("u%02d", i), AsOf: time.UnixMilli(0).UTC(), Score: float64(i/5) / 4, Version: 1})
	}
	predict(t, s, "churn", all...)
	var got []string
	f := PredictionFilter{Min: 0.25, Max: 0.75, Limit: 4}
	for {
		page, err := s.Predictions(t.Context(), "churn", f)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page {
			got = append(got, p.UserID)
			f.After = Rank{p.Score, p.UserID}
		}
		if len(page) < f.Limit {
			break
		}
	}
	want := "u15 u16 u17 u18 u19 u10 u11 u12 u13 u14 u05 u06 u07 u08 u09"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	if n, err := s.CountPredictions(t.Context(), "churn", 0.25, 0.75); n != 15 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
}

func TestDroppingWhatWasNotRenewed(t *testing.T) {
	s := migratedStore(t)
	before, now := time.UnixMilli(1000).UTC(), time.UnixMilli(2000).UTC()
	for i, at := range []time.Time{before, now} {
		id := fmt.Sprintf("u%d", i)
		predict(t, s, "churn", Prediction{UserID: id, AsOf: at})
		predict(t, s, "bgnbd", Prediction{UserID: id, AsOf: at})
		if err := s.SaveChurnFeatures(t.Context(), []ChurnFeatures{{UserID: id, AsOf: at}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.DropPredictions(t.Context(), "churn", now), s.DropChurnFeatures(t.Context(), now)); err != nil {
		t.Fatal(err)
	}
	_, gone := s.Prediction(t.Context(), "churn", "u0")
	_, goneToo := s.ChurnFeatures(t.Context(), "u0")
	_, kept := s.Prediction(t.Context(), "churn", "u1")
	_, keptToo := s.ChurnFeatures(t.Context(), "u1")
	_, other := s.Prediction(t.Context(), "bgnbd", "u0")
	if !errors.Is(gone, ErrUnknownUser) || !errors.Is(goneToo, ErrUnknownUser) || errors.Join(kept, keptToo, other) != nil {
		t.Errorf("gone: %v, %v; kept: %v, %v, %v", gone, goneToo, kept, keptToo, other)
	}
}

func TestChurnFeaturesComeBackWithoutZeros(t *testing.T) {
	s := migratedStore(t)
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	rows := []ChurnFeatures{{UserID: "ünï/cødé 💥", AsOf: at, StoredBefore: at.Add(time.Second), Features: map[string]float64{"events": 3, "logins": 0, "activity_trend": -0.6931471805599453}}}
	if err := s.SaveChurnFeatures(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	got, err := s.ChurnFeatures(t.Context(), rows[0].UserID)
	if err != nil {
		t.Fatal(err)
	}
	delete(rows[0].Features, "logins")
	if !reflect.DeepEqual(got, rows[0]) {
		t.Errorf("got %+v, want %+v", got, rows[0])
	}
	if _, err := s.ChurnFeatures(t.Context(), "nobody"); !errors.Is(err, ErrUnknownUser) {
		t.Errorf("nobody: got %v", err)
	}
	if err := s.SaveChurnFeatures(t.Context(), []ChurnFeatures{{UserID: "u", Features: map[string]float64{"x": math.NaN()}}}); err == nil {
		t.Error("a NaN was stored")
	}
}

func TestDriftOfAVersion(t *testing.T) {
	s := migratedStore(t)
	saveModel(t, s, "churn")
	if _, known, err := s.Drift(t.Context(), "churn", 1); known || err != nil {
		t.Errorf("before a measurement: %v %v", known, err)
	}
	want := Drift{Name: "churn", Version: 1, AsOf: time.UnixMilli(5).UTC(), Users: 7, Score: 0.2, Features: map[string]float64{"events": 0.1}}
	for _, d := range []Drift{{Name: "churn", Version: 1, Features: map[string]float64{}}, want} {
		if err := s.SaveDrift(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if got, known, err := s.Drift(t.Context(), "churn", 1); !known || err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %v %v", got, known, err)
	}
	if err := s.SaveDrift(t.Context(), Drift{Name: "churn", Version: 2, Features: map[string]float64{}}); !errors.Is(err, ErrUnknownModel) {
		t.Errorf("of no version: got %v", err)
	}
}

func TestOneTrainingAtATime(t *testing.T) {
	s := migratedStore(t)
	unlock, err := s.LockTraining(t.Context(), "churn")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.LockTraining(t.Context(), "churn"); !errors.Is(err, ErrTraining) {
		t.Errorf("a second: got %v, want ErrTraining", err)
	}
	other, err := s.LockTraining(t.Context(), "bgnbd")
	if err != nil {
		t.Errorf("of another model: %v", err)
	}
	other()
	unlock()
	again, err := s.LockTraining(t.Context(), "churn")
	if err != nil {
		t.Fatalf("after the first: %v", err)
	}
	again()
}

func TestCurrentVersion(t *testing.T) {
	s := migratedStore(t)
	saveModel(t, s, "churn")
	saveModel(t, s, "churn")
	if _, err := s.CurrentVersion(t.Context(), "churn"); !errors.Is(err, ErrNoModel) {
		t.Errorf("before a promotion: got %v, want ErrNoModel", err)
	}
	promote(t, s, "churn", 2, "")
	promote(t, s, "churn", 1, "")
	if v, err := s.CurrentVersion(t.Context(), "churn"); v != 1 || err != nil {
		t.Errorf("got %d %v", v, err)
	}
}

func TestTheLatestPassAndTheStatistics(t *testing.T) {
	s := migratedStore(t)
	none, stored, err := s.ChurnPass(t.Context())
	if err != nil || !none.AsOf.IsZero() || none.AveragePurchase != nil || stored.Unix() != 0 {
		t.Errorf("before the first: got %+v, %v, %v", none, stored, err)
	}
	want := ChurnPass{AsOf: time.UnixMilli(2000).UTC(), AveragePurchase: map[string]float64{"EUR": 12.5}}
	for _, p := range []ChurnPass{{AsOf: time.UnixMilli(1000), AveragePurchase: map[string]float64{}}, want} {
		if err := s.SaveChurnPass(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, s, "UPDATE sync_state SET stored_before = '2026-01-02 03:04:05Z' WHERE name = 'user_stats'")
	got, stored, err := s.ChurnPass(t.Context())
	if err != nil || !reflect.DeepEqual(got, want) || !stored.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("got %+v, %v, %v; want %+v", got, stored, err, want)
	}
}
