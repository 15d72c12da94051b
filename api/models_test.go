package api

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"millrace/internal/churn"
	"millrace/olap"
	"millrace/oltp"
)

// noModels is a registry in which nothing was ever kept.
type noModels struct{}

func (noModels) Models(context.Context, string) ([]oltp.Model, error) { return nil, nil }

func (noModels) Model(context.Context, string, int) (oltp.Model, error) {
	return oltp.Model{}, oltp.ErrUnknownModel
}

func (noModels) CurrentVersion(context.Context, string) (int, error) { return 0, oltp.ErrNoModel }

func (noModels) PromoteModel(context.Context, string, int, string) (oltp.Promotion, error) {
	return oltp.Promotion{}, oltp.ErrUnknownModel
}

func (noModels) Promotions(context.Context, string) ([]oltp.Promotion, error) { return nil, nil }

func (noModels) Drift(context.Context, string, int) (oltp.Drift, bool, error) {
	return oltp.Drift{}, false, nil
}

// noScores says nothing of anybody.
type noScores struct{}

func (noScores) ChurnFeatures(context.Context, string) (oltp.ChurnFeatures, error) {
	return oltp.ChurnFeatures{}, oltp.ErrUnknownUser
}

func (noScores) ChurnPass(context.Context) (oltp.ChurnPass, time.Time, error) {
	return oltp.ChurnPass{}, time.Time{}, nil
}

func (noScores) Prediction(context.Context, string, string) (oltp.Prediction, error) {
	return oltp.Prediction{}, oltp.ErrUnknownUser
}

func (noScores) Predictions(context.Context, string, oltp.PredictionFilter) ([]oltp.Prediction, error) {
	return nil, nil
}

func (noScores) CountPredictions(context.Context, string, float64, float64) (int, error) {
	return 0, nil
}

// trainer is a Trainer that only notes that it was started.
type trainer struct{ started bool }

func (f *trainer) Start() error {
	if f.started {
		return oltp.ErrTraining
	}
	f.started = true
	return nil
}

func (f *trainer) State() Training {
	if f.started {
		return Training{State: TrainingRunning, Detail: "users on 2026-01-01, step 1 of 9"}
	}
	return Training{State: TrainingIdle}
}

// withModel is a server on a real Postgres with one version of a small model, in
// which the days of silence speak for churn and the active days against it.
func withModel(t *testing.T) (*running, *oltp.Store) {
	t.Helper()
	store := openPostgres(t)
	model := churn.Model{
		HorizonDays: 7, Threshold: 0.5, Intercept: -0.25, PlattSlope: 1, PlattOffset: 0.25,
		Weights: []churn.Weight{
			{Feature: "days_since_last_event", Mean: 5, SD: 2.5, High: 30, Coefficient: 1},
			{Feature: "active_days_30d", Mean: 4, SD: 2, High: 30, Coefficient: -0.5},
		},
	}
	parameters, err := json.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for range 2 {
		_, err = store.SaveModel(t.Context(), oltp.Model{
			Name: "churn", TrainedFrom: at, TrainedUntil: at.AddDate(0, 2, 0), CodeVersion: "test",
			Parameters: parameters, Metrics: json.RawMessage(`{"metrics":{"auc":0.75},"calibration":[{"users":10,"predicted":0.5,"observed":0.4}]}`),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	first := time.Date(2026, 2, 25, 0, 0, 0, 0, time.UTC)
	newcomer := oltp.UserStats{
		UserID: "newcomer", FirstSeen: first, LastSeen: first.AddDate(0, 0, 1), Events: 5, EventsByType: map[string]uint64{"view": 4, "purchase": 1},
		Sessions: 2, ActiveDays: 2, Orders: 1, RevenueByCurrency: map[string]string{"EUR": "50", "XTS": "1"},
	}
	if err := store.UpsertUserStats(t.Context(), []oltp.UserStats{newcomer}); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(_ *Config, d *Deps) {
		d.Models, d.Scores, d.Users = store, store, store
		d.Trainers = map[string]Trainer{"churn": &trainer{}}
	})
	return s, store
}

func (r *running) predict(path, body string) reply {
	r.t.Helper()
	return r.do(http.MethodPost, path, []byte(body), "Content-Type", "application/json")
}

func TestPredictNeedsAModel(t *testing.T) {
	s := start(t, nil)
	p := wantProblem(t, s.predict("/predict", `{"user_id":"u1"}`), http.StatusConflict, codeModelNotTrained)
	if !strings.Contains(p.Detail, "millrace train churn") {
		t.Errorf("the answer does not say what to do: %s", p.Detail)
	}
	wantProblem(t, s.get("/v1/churn"), http.StatusConflict, codeModelNotTrained)
}

func TestPredictRefusesWhatItDoesNotKnow(t *testing.T) {
	s := start(t, nil)
	for body, want := range map[string][2]string{
		`{"userid":"u1"}`: {string(olap.CodeUnknownField), "/userid"},
		`{}`:              {string(olap.CodeMissingField), "/user_id"},
		`{"user_id":7}`:   {"wrong_type", "/user_id"},
		`["u1"]`:          {"malformed_json", ""},
	} {
		p := wantProblem(t, s.predict("/v1/predict/churn", body), http.StatusBadRequest, want[0])
		if p.Field != want[1] {
			t.Errorf("%s: field %q, want %q", body, p.Field, want[1])
		}
	}
	answer := s.do(http.MethodPost, "/predict", []byte("user_id=u1"), "Content-Type", "application/x-www-form-urlencoded")
	wantProblem(t, answer, http.StatusUnsupportedMediaType, codeUnsupportedType)
}

func TestPredictFromKeptFeatures(t *testing.T) {
	s, store := withModel(t)
	promote(t, store, 1)
	at := time.Date(2026, 2, 28, 12, 0, 0, 0, time.UTC)
	kept := oltp.ChurnFeatures{UserID: "u1", AsOf: at, StoredBefore: at.Add(time.Hour), Features: map[string]float64{"days_since_last_event": 10, "active_days_30d": 2, "revenue": 1.5}}
	if err := store.SaveChurnFeatures(t.Context(), []oltp.ChurnFeatures{kept}); err != nil {
		t.Fatal(err)
	}
	answer := s.predict("/v1/predict/churn", `{"user_id":"u1"}`)
	if answer.status != http.StatusOK {
		t.Fatalf("got %d %s", answer.status, answer.body)
	}
	golden(t, "predict-churn.golden", render(t, answer))
	if again := s.predict("/predict", `{"user_id":"u1"}`); string(again.body) != string(answer.body) {
		t.Errorf("/predict answers %s", again.body)
	}
}

// TestPredictFromStatistics asks about users whom no pass has seen: before there
// was a pass, the user's own latest event is the newest known.
func TestPredictFromStatistics(t *testing.T) {
	s, store := withModel(t)
	promote(t, store, 1)
	at := time.Date(2026, 2, 26, 0, 0, 0, 1e6, time.UTC)
	before := decodeReply[ChurnPrediction](t, s.predict("/predict", `{"user_id":"newcomer"}`))
	if !before.AsOf.Equal(at) || before.FeaturesFrom != FeaturesFromStatistics || before.Features["days_since_last_event"] > 1e-6 || before.Churned {
		t.Errorf("before a pass: got %+v", before)
	}
	now := at.AddDate(0, 0, 20)
	if err := store.SaveChurnPass(t.Context(), oltp.ChurnPass{AsOf: now, AveragePurchase: map[string]float64{"EUR": 20}}); err != nil {
		t.Fatal(err)
	}
	p := decodeReply[ChurnPrediction](t, s.predict("/predict", `{"user_id":"newcomer"}`))
	if p.ChurnProbability < 0.8 || !p.Churned || !p.AsOf.Equal(now) || len(p.Reasons) != 2 || p.StoredBefore.Unix() != 0 {
		t.Errorf("got %+v", p)
	}
	for name, want := range map[string]float64{"events": 5, "events_7d": 0, "events_30d": 5, "revenue": 2.5, "active_days_30d": 2, "views": 4} {
		if got := p.Features[name]; got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	for _, id := range []string{"nobody", "a\x00b"} {
		body, _ := json.Marshal(ChurnQuestion{id})
		wantProblem(t, s.predict("/predict", string(body)), http.StatusNotFound, codeUnknownUser)
	}
}

func TestPredictFollowsThePromotion(t *testing.T) {
	s, store := withModel(t)
	for _, version := range []int{1, 2, 1} {
		promote(t, store, version)
		if p := decodeReply[ChurnPrediction](t, s.predict("/predict", `{"user_id":"newcomer"}`)); p.Model.Version != version {
			t.Errorf("got version %d, want %d", p.Model.Version, version)
		}
	}
}

func TestPredictWithAModelOfAnotherMillrace(t *testing.T) {
	s, store := withModel(t)
	_, err := store.SaveModel(t.Context(), oltp.Model{Name: "churn", Parameters: json.RawMessage(`{"weights":[{"feature":"shoe_size"}]}`), Metrics: json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	promote(t, store, 3)
	wantProblem(t, s.predict("/predict", `{"user_id":"newcomer"}`), http.StatusConflict, codeModelOutdated)
}

func promote(t *testing.T, store *oltp.Store, version int) {
	t.Helper()
	if _, err := store.PromoteModel(t.Context(), "churn", version, "a test"); err != nil {
		t.Fatal(err)
	}
}

func TestUsersAtRiskComeInPages(t *testing.T) {
	s, store := withModel(t)
	promote(t, store, 1)
	details, _ := json.Marshal(ChurnDetails{[]ChurnReason{{"days_since_last_event", 1.5}}})
	predictions := []oltp.Prediction{{UserID: "a", Score: 0.9, Details: details}, {UserID: "b/ü", Score: 0.9}, {UserID: "c", Score: 0.8}, {UserID: "d", Score: 0.79}}
	if _, err := store.SavePredictions(t.Context(), "churn", predictions); err != nil {
		t.Fatal(err)
	}
	var users []string
	path := "/v1/churn?min=0.8&limit=1"
	for cursor := ""; ; {
		page := decodeReply[ChurnList](t, s.get(path+"&cursor="+cursor))
		if page.Total != 3 || page.Model.Version != 1 || len(page.Users) != 1 {
			t.Fatalf("got %+v", page)
		}
		users = append(users, page.Users[0].UserID)
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	if got := strings.Join(users, " "); got != "a b/ü c" {
		t.Errorf("got %s", got)
	}
	first := decodeReply[ChurnList](t, s.get("/v1/churn?min=0.85")).Users
	if len(first) != 2 || len(first[0].Reasons) != 1 || first[0].Reasons[0].Effect != 1.5 {
		t.Errorf("got %+v", first)
	}
	for _, query := range []string{"min=2", "limit=0", "cursor=x", "cursor=zz.YQ", "minimum=0.5"} {
		wantProblem(t, s.get("/v1/churn?"+query), http.StatusBadRequest, codeInvalidParameter)
	}
}

// steady replaces the times that differ from run to run.
func steady(text []byte) []byte {
	return regexp.MustCompile(`"(created_at|promoted_at|at)": "[^"]*"`).ReplaceAll(text, []byte(`"$1": "…"`))
}

func TestModelsAndTheirVersions(t *testing.T) {
	s, store := withModel(t)
	empty := decodeReply[ModelList](t, start(t, nil).get("/v1/models"))
	if len(empty.Models) != 0 {
		t.Errorf("without models: %+v", empty)
	}
	promote(t, store, 2)
	answer := s.do(http.MethodPost, "/v1/models/churn/versions/1/promote", nil)
	if p := decodeReply[ModelPromotion](t, answer); answer.status != http.StatusOK || p.Version != 1 {
		t.Errorf("got %d %s", answer.status, answer.body)
	}
	drift := oltp.Drift{Name: "churn", Version: 1, AsOf: time.UnixMilli(0), Users: 7, Score: 0.05, Features: map[string]float64{"events": 0.3}}
	if err := store.SaveDrift(t.Context(), drift); err != nil {
		t.Fatal(err)
	}
	golden(t, "models.golden", steady(render(t, s.get("/v1/models"))))
	golden(t, "model-version.golden", steady(render(t, s.get("/v1/models/churn/versions/1"))))
	wantProblem(t, s.get("/v1/models/churn/versions/9"), http.StatusNotFound, codeUnknownModel)
	wantProblem(t, s.get("/v1/models/churn/versions/0"), http.StatusBadRequest, codeInvalidParameter)
	wantProblem(t, s.do(http.MethodPost, "/v1/models/churn/versions/9/promote", nil), http.StatusNotFound, codeUnknownModel)
}

func TestTrainingIsStartedOnce(t *testing.T) {
	s, _ := withModel(t)
	answer := s.do(http.MethodPost, "/v1/models/churn/train", nil)
	if got := decodeReply[Training](t, answer); answer.status != http.StatusAccepted || got.State != TrainingRunning {
		t.Errorf("got %d %s", answer.status, answer.body)
	}
	wantProblem(t, s.do(http.MethodPost, "/v1/models/churn/train", nil), http.StatusConflict, codeTrainingUnderWay)
	p := wantProblem(t, s.do(http.MethodPost, "/v1/models/chrun/train", nil), http.StatusNotFound, codeUnknownModel)
	if !strings.Contains(p.Detail, "churn") {
		t.Errorf("the answer names no model: %s", p.Detail)
	}
	list := decodeReply[ModelList](t, s.get("/v1/models"))
	if len(list.Models) != 1 || list.Models[0].Training.State != TrainingRunning {
		t.Errorf("got %+v", list)
	}
}
