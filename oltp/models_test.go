package oltp

import (
	"encoding/json"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"
)

// sampleModel is a model with every field set that SaveModel takes.
func sampleModel(name string) Model {
	return Model{
		Name:         name,
		TrainedFrom:  time.Date(1997, 1, 1, 0, 0, 0, 0, time.UTC),
		TrainedUntil: time.Date(1998, 6, 30, 0, 0, 0, 0, time.UTC),
		CodeVersion:  "v1.2.3",
		Parameters:   json.RawMessage(`{"weights": [0.1, -2.2250738585072014e-308]}`),
		Metrics:      json.RawMessage(`{"auc": 0.75}`),
	}
}

// saveModel saves a sample and returns its version.
func saveModel(t *testing.T, s *Store, name string) Model {
	t.Helper()
	m, err := s.SaveModel(t.Context(), sampleModel(name))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func promote(t *testing.T, s *Store, name string, version int, reason string) {
	t.Helper()
	p, err := s.PromoteModel(t.Context(), name, version, reason)
	if err != nil {
		t.Fatal(err)
	}
	if p.At.IsZero() || p.Version != version {
		t.Errorf("promotion: got %+v", p)
	}
}

func TestModelComesBackAsSaved(t *testing.T) {
	s := migratedStore(t)
	saved := saveModel(t, s, "churn")
	got, err := s.Model(t.Context(), "churn", 1)
	if err != nil {
		t.Fatal(err)
	}
	var weights struct{ Weights []float64 }
	if err := json.Unmarshal(got.Parameters, &weights); err != nil {
		t.Fatal(err)
	}
	if want := []float64{0.1, -2.2250738585072014e-308}; !reflect.DeepEqual(weights.Weights, want) {
		t.Errorf("weights: got %v, want %v to the last bit", weights.Weights, want)
	}
	got.Parameters = saved.Parameters // jsonb writes numbers its own way
	if !reflect.DeepEqual(got, saved) || got.Version != 1 || got.CreatedAt.IsZero() {
		t.Errorf("got %+v\nwant %+v", got, saved)
	}
}

func TestOneVersionIsInUseAndOldOnesComeBack(t *testing.T) {
	s := migratedStore(t)
	for range 3 {
		saveModel(t, s, "churn")
	}
	saveModel(t, s, "bgnbd")
	if _, err := s.CurrentModel(t.Context(), "churn"); !errors.Is(err, ErrNoModel) {
		t.Errorf("before a promotion: got %v, want ErrNoModel", err)
	}
	promote(t, s, "bgnbd", 1, "the first")
	for _, step := range []struct {
		version int
		reason  string
	}{{1, "the first"}, {3, "better by 0.02"}, {1, "3 was trained on a broken import"}} {
		promote(t, s, "churn", step.version, step.reason)
		current, err := s.CurrentModel(t.Context(), "churn")
		if err != nil {
			t.Fatal(err)
		}
		if current.Version != step.version || !current.Current || current.Parameters == nil {
			t.Errorf("in use: got %+v, want version %d with parameters", current, step.version)
		}
	}
	history, err := s.Promotions(t.Context(), "churn")
	if err != nil {
		t.Fatal(err)
	}
	if len(history) != 3 || history[0].Version != 1 || history[1].Version != 3 || history[2].Reason != "the first" {
		t.Errorf("promotions: got %+v", history)
	}
}

func TestModelsListsTheNewestFirst(t *testing.T) {
	s := migratedStore(t)
	saveModel(t, s, "churn")
	saveModel(t, s, "churn")
	saveModel(t, s, "bgnbd")
	promote(t, s, "churn", 1, "the first")
	type line struct {
		name     string
		version  int
		current  bool
		promoted bool
	}
	for filter, want := range map[string][]line{
		"":      {{"bgnbd", 1, false, false}, {"churn", 2, false, false}, {"churn", 1, true, true}},
		"bgnbd": {{"bgnbd", 1, false, false}},
		"other": nil,
	} {
		models, err := s.Models(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []line
		for _, m := range models {
			got = append(got, line{m.Name, m.Version, m.Current, !m.PromotedAt.IsZero()})
			if m.Parameters != nil {
				t.Errorf("%s %d: the list carries parameters", m.Name, m.Version)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("models %q: got %v, want %v", filter, got, want)
		}
	}
}

func TestUnknownVersionsAreNamed(t *testing.T) {
	s := migratedStore(t)
	saveModel(t, s, "churn")
	if _, err := s.Model(t.Context(), "churn", 2); !errors.Is(err, ErrUnknownModel) {
		t.Errorf("Model: got %v, want ErrUnknownModel", err)
	}
	if _, err := s.PromoteModel(t.Context(), "churn", 2, ""); !errors.Is(err, ErrUnknownModel) {
		t.Errorf("PromoteModel: got %v, want ErrUnknownModel", err)
	}
}

func TestTrainingsThatEndTogetherGetTheirOwnVersions(t *testing.T) {
	s := migratedStore(t)
	const trainings = 6
	var wg sync.WaitGroup
	for range trainings {
		wg.Go(func() {
			if _, err := s.SaveModel(t.Context(), sampleModel("churn")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	models, err := s.Models(t.Context(), "churn")
	if err != nil {
		t.Fatal(err)
	}
	if len(models) != trainings || models[0].Version != trainings {
		t.Errorf("got %d models, the newest %+v", len(models), models[0])
	}
}
