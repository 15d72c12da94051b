package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestChurnOnRealData goes the whole way on the e-commerce clickstream: from the
// events to a prediction with its reasons, to another version, and back.
func TestChurnOnRealData(t *testing.T) {
	ecom := dataFile(t, "ecom.csv.gz")
	r := up(t, t.TempDir())
	command(t, exitOK, "replay", ecom, "--wait", "--api", r.API)
	user := fmt.Sprintf(`{"user_id":%q}`, readEcom(t, ecom)[0].user)
	untrained := post(t, r.API+"/predict", user, http.StatusConflict)
	equal(t, "code before a training", at(t, untrained, "code"), "model_not_trained")
	if detail := at(t, untrained, "detail").(string); !strings.Contains(detail, `"millrace train churn" or POST /v1/models/churn/train`) {
		t.Errorf("before a training, the answer does not say what to do: %s", detail)
	}

	first := trainChurnJSON(t, r)
	if first.Version != 1 || !first.Promoted {
		t.Errorf("the first version: %+v", first)
	}
	checkChurnReport(t, first.Metrics)
	awaitScores(t, r, 1)
	checkPrediction(t, r, user)
	checkNewcomer(t, r)
	checkRisk(t, r)

	post(t, r.API+"/v1/models/churn/train", "", http.StatusAccepted)
	eventually(t, "the second training has ended", func() bool {
		return at(t, churnModelOf(t, r), "training", "state") == "done"
	})
	equal(t, "version in use", at(t, churnModelOf(t, r), "current"), 1)
	post(t, r.API+"/v1/models/churn/versions/2/promote", "", http.StatusOK)
	awaitScores(t, r, 2)
	post(t, r.API+"/v1/models/churn/versions/1/promote", "", http.StatusOK)
	awaitScores(t, r, 1)
}

// churnModelOf is the churn model among those that GET /v1/models lists.
func churnModelOf(t *testing.T, r *running) any {
	t.Helper()
	return modelOf(t, r, "churn")
}

// modelOf is the model of that name among those that GET /v1/models lists.
func modelOf(t *testing.T, r *running, name string) any {
	t.Helper()
	for _, model := range at(t, get(t, r.API+"/v1/models", http.StatusOK), "models").([]any) {
		if at(t, model, "name") == name {
			return model
		}
	}
	t.Fatalf("the model %s is not listed", name)
	return nil
}

// churnResult is what `millrace train churn --json` prints.
type churnResult struct {
	Version  int
	Promoted bool
	Reason   string
	Metrics  churnMetrics
}

func trainChurnJSON(t *testing.T, r *running, args ...string) churnResult {
	t.Helper()
	text, _ := command(t, exitOK, append([]string{"train", "churn", "--json", "--data", r.dir}, args...)...)
	var result churnResult
	if err := json.Unmarshal([]byte(text), &result); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return result
}

// checkChurnReport sees to it that the figures are of the newest dates. How good
// they are is the data's affair: these users come back much as dice would have it.
func checkChurnReport(t *testing.T, m churnMetrics) {
	t.Helper()
	if m.Test.From.Before(m.Calibrate.Until) || m.Calibrate.From.Before(m.Train.Until) {
		t.Errorf("the parts overlap: %+v %+v %+v", m.Train, m.Calibrate, m.Test)
	}
	if m.Metrics.Users != m.Test.Examples || m.Metrics.Users < 1000 {
		t.Errorf("the test has %d users", m.Metrics.Users)
	}
	if len(m.Baselines) != 3 || len(m.Calibration) != 10 || len(m.Lift) != 10 {
		t.Errorf("the report is not whole: %+v", m)
	}
	for _, b := range m.Baselines {
		if m.Metrics.LogLoss > b.Metrics.LogLoss+0.005 {
			t.Errorf("%s is better: log loss %.4f against %.4f", b.Name, b.Metrics.LogLoss, m.Metrics.LogLoss)
		}
	}
}

// awaitScores waits until all users have been scored with the version.
func awaitScores(t *testing.T, r *running, version int) {
	t.Helper()
	eventually(t, fmt.Sprintf("users are scored with version %d", version), func() bool {
		for _, stage := range at(t, get(t, r.API+"/v1/status", http.StatusOK), "stages").([]any) {
			if at(t, stage, "name") == "churn" {
				return strings.HasPrefix(fmt.Sprint(at(t, stage, "detail")), fmt.Sprintf("version %d,", version))
			}
		}
		return false
	})
}

func checkPrediction(t *testing.T, r *running, user string) {
	t.Helper()
	equal(t, "code of an unknown user", at(t, post(t, r.API+"/predict", `{"user_id":"nobody"}`, http.StatusNotFound), "code"), "unknown_user")
	answer := post(t, r.API+"/predict", user, http.StatusOK)
	probability := at(t, answer, "churn_probability").(float64)
	equal(t, "churned", at(t, answer, "churned"), probability >= 0.5)
	equal(t, "features from", at(t, answer, "features_from"), "events")
	equal(t, "features", len(at(t, answer, "features").(map[string]any)), 31)
	if n := len(at(t, answer, "reasons").([]any)); n != 5 || probability <= 0 || probability >= 1 {
		t.Errorf("got %v", answer)
	}
	const calls = 200
	took := make([]time.Duration, calls)
	for i := range took {
		began := time.Now()
		post(t, r.API+"/predict", user, http.StatusOK)
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	t.Logf("POST /predict: median %v, p99 %v", took[calls/2], took[calls*99/100])
}

// checkNewcomer asks about a user whom no pass has seen, as soon as there are
// statistics: his one event belongs to the time of the others, so it is not the
// newest.
func checkNewcomer(t *testing.T, r *running) {
	t.Helper()
	asOf, err := time.Parse(time.RFC3339, at(t, get(t, r.API+"/v1/churn?min=0&limit=1", http.StatusOK), "users", 0, "as_of").(string))
	if err != nil {
		t.Fatal(err)
	}
	post(t, r.API+"/v1/events", fmt.Sprintf(`{"type":"view","user_id":"newcomer","timestamp":%q}`, asOf.Add(-48*time.Hour).Format(time.RFC3339)), http.StatusAccepted)
	eventually(t, "the newcomer has statistics", func() bool {
		response, err := http.Get(r.API + "/v1/users/newcomer")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	answer := post(t, r.API+"/predict", `{"user_id":"newcomer"}`, http.StatusOK)
	equal(t, "a newcomer's features from", at(t, answer, "features_from"), "statistics")
	equal(t, "his views", at(t, answer, "features", "views_7d"), 1)
	if silence := at(t, answer, "features", "days_since_last_event").(float64); silence < 1.99 || silence > 2.01 || len(at(t, answer, "reasons").([]any)) != 5 {
		t.Errorf("got %v", answer)
	}
}

// checkRisk compares the list of users at risk with their predictions, and with
// what lies in Postgres.
func checkRisk(t *testing.T, r *running) {
	t.Helper()
	list := get(t, r.API+"/v1/churn?min=0&limit=1000", http.StatusOK)
	users := at(t, list, "users").([]any)
	if len(users) < 100 || at(t, list, "total") != float64(len(users)) {
		t.Fatalf("%d users, total %v", len(users), at(t, list, "total"))
	}
	for _, u := range users[:5] {
		answer := post(t, r.API+"/predict", fmt.Sprintf(`{"user_id":%q}`, at(t, u, "user_id")), http.StatusOK)
		equal(t, "probability", at(t, answer, "churn_probability"), at(t, u, "churn_probability"))
		equal(t, "strongest reason", at(t, answer, "reasons", 0), at(t, u, "reasons", 0))
	}
	version := get(t, r.API+"/v1/models/churn/versions/1", http.StatusOK)
	equal(t, "users whose drift was measured", at(t, version, "drift", "users"), len(users))
	if n := len(at(t, version, "drift", "features").(map[string]any)); n != 31 {
		t.Errorf("drift of %d features", n)
	}
	metrics := scrape(t, r.API+"/metrics")
	equal(t, "version in the metrics", metrics.sum("millrace_churn_model_version"), 1)
	equal(t, "features with a drift in the metrics", len(metrics["millrace_churn_feature_drift"].GetMetric()), 31)
}
