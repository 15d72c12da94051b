package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millrace/internal/alert"
	"millrace/oltp"
)

// watchtower makes rules over the API and waits for what they tell.
type watchtower struct {
	*running
	t     *testing.T
	hook  *receiver
	store *oltp.Store
	rules map[string]string // id by name
}

// rule makes a rule that is looked at each second, with more fields where there are.
func (w *watchtower) rule(name, watch string, more ...string) {
	w.t.Helper()
	made := post(w.t, w.API+"/v1/alert-rules", w.body(name, watch, more...), http.StatusCreated)
	w.rules[name] = at(w.t, made, "id").(string)
}

func (w *watchtower) body(name, watch string, more ...string) string {
	return fmt.Sprintf(`{"name":%q,"every":"1s","watch":%s,"channels":[{"kind":"webhook","url":%q,"secret":%q}]%s}`,
		name, watch, w.hook.URL, alertSecret, strings.Join(append([]string{""}, more...), ","))
}

// change puts another watch into a rule.
func (w *watchtower) change(name, watch string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPut, w.address(name), strings.NewReader(w.body(name, watch)))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	decode(w.t, response, http.StatusOK, name)
}

func (w *watchtower) address(name string) string { return w.API + "/v1/alert-rules/" + w.rules[name] }

// told waits for a message of a rule, and returns the first one.
func (w *watchtower) told(name, event string) (m alert.Message) {
	w.t.Helper()
	eventually(w.t, fmt.Sprintf("%s is told of %s", event, name), func() bool {
		all := w.messages(name, event)
		if len(all) > 0 {
			m = all[0]
		}
		return len(all) > 0
	})
	return m
}

func (w *watchtower) messages(name, event string) (all []alert.Message) {
	w.t.Helper()
	texts, _ := w.hook.messages()
	for _, text := range texts {
		var m alert.Message
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			w.t.Fatal(err)
		}
		if m.Alert.Rule == name && m.Event == event {
			all = append(all, m)
		}
	}
	return all
}

// alerts are those of a rule, in any state.
func (w *watchtower) alerts(name string) []any {
	w.t.Helper()
	return get(w.t, w.API+"/v1/alerts?rule="+w.rules[name], http.StatusOK)["alerts"].([]any)
}

// action compares some fields of what a message says to do.
func (w *watchtower) action(m alert.Message, want map[string]any) {
	w.t.Helper()
	var got map[string]any
	if err := json.Unmarshal(m.Action, &got); err != nil {
		w.t.Fatalf("%s has no action: %s", m.Alert.Rule, m.Action)
	}
	for field, value := range want {
		equal(w.t, m.Alert.Rule+" action "+field, got[field], value)
	}
	if reasons, ok := got["reasons"].([]any); !ok || len(reasons) == 0 {
		w.t.Errorf("%s: no reasons in %s", m.Alert.Rule, m.Action)
	}
}

// manyPurchases is true once all purchases of happen are stored, which may take
// more than one block.
const manyPurchases = `{"kind":"query","query":{"kind":"trends","series":[{"event":"purchase"}],"from":"-1h"},"is":">=","threshold":14}`

// TestAlertsFromEndToEnd sees everything that a rule can watch, from the event over
// HTTP, or the result of a stage in its table, to the signed message, and on to the
// end of the alert.
func TestAlertsFromEndToEnd(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	keysFor(t, keys)
	// Models and incidents come into their tables by the test's hand: their stages
	// would take weeks of events.
	r := up(t, t.TempDir(), "--stages", "ingest,sync,score,alert,api", "--secrets-key-file", keys)
	w := &watchtower{running: r, t: t, hook: newReceiver(t, nil), store: openUsers(t, r), rules: map[string]string{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("rules: %v\nalerts: %v", get(t, r.API+"/v1/alert-rules", http.StatusOK), get(t, r.API+"/v1/alerts", http.StatusOK))
		}
	})

	w.rule("threshold", manyPurchases)
	w.rule("lasting", manyPurchases, `"for":"2s"`)
	w.rule("silenced", manyPurchases)
	w.rule("change", `{"kind":"query","query":{"kind":"trends","series":[{"event":"view"}],"from":"-1h","interval":"hour","compare":"previous"},"of":"change_ratio","is":">=","threshold":2}`)
	w.rule("fraud", `{"kind":"fraud"}`)
	w.rule("churn", `{"kind":"churn","probability":0.9}`)
	w.rule("incident", `{"kind":"incident","severities":["high"]}`)
	w.rule("drift", `{"kind":"drift","model":"churn"}`)
	w.rule("freshness", `{"kind":"pipeline","stages":["sync"],"lag_seconds":0.0001}`)
	post(t, w.address("silenced")+"/silence", `{"for":"1h"}`, http.StatusOK)
	post(t, w.address("threshold")+"/test", "", http.StatusAccepted)
	if m := w.told("threshold", alert.EventTest); !m.Test {
		t.Errorf("the test does not say that it is one: %+v", m)
	}
	if traces := tracesOf(t, r, alertSecret); len(traces) > 0 {
		t.Errorf("the secret of the channels lies open in %v", traces)
	}

	w.happen()
	equal(t, "value of the threshold", *w.told("threshold", alert.EventFiring).Alert.Value, 14)
	equal(t, "value of the change", *w.told("change", alert.EventFiring).Alert.Value, 2)
	w.action(w.told("fraud", alert.EventFiring), map[string]any{"do": "block_transaction", "user_id": "u1", "amount": "500000", "currency": "INR"})
	w.action(w.told("churn", alert.EventFiring), map[string]any{"do": "re_engage_user", "user_id": "u2", "churn_probability": 0.95})
	if m := w.told("incident", alert.EventFiring); !strings.Contains(m.Alert.Summary, "platform = ios") {
		t.Errorf("incident: %+v", m)
	}
	equal(t, "value of the drift", *w.told("drift", alert.EventFiring).Alert.Value, 0.5)
	equal(t, "stage that is late", w.told("freshness", alert.EventFiring).Alert.Key, "sync")
	lasting := w.told("lasting", alert.EventFiring)
	if held := lasting.Alert.FiredAt.Sub(lasting.Alert.StartedAt); held < 2*time.Second {
		t.Errorf("it fired after %v", held)
	}
	w.endOfSilence()
	w.end()
	if _, faults := w.hook.messages(); len(faults) > 0 {
		t.Error(faults)
	}
	if status := fmt.Sprint(get(t, r.API+"/v1/status", http.StatusOK)["stages"]); !strings.Contains(status, "name:alert") {
		t.Errorf("GET /v1/status does not show the stage: %s", status)
	}
}

// happen lets everything happen that the rules watch.
func (w *watchtower) happen() {
	t, now := w.t, time.Now().UTC()
	events := []string{
		fmt.Sprintf(`{"type":"view","user_id":"u1","timestamp":%q}`, now.Add(-90*time.Minute).Format(time.RFC3339)),
		`{"type":"view","user_id":"u1"}`, `{"type":"view","user_id":"u2"}`, `{"type":"view","user_id":"u3"}`,
	}
	for n := range 12 {
		events = append(events, purchaseOf("u1", fmt.Sprint("usual-", n), now.Add(time.Duration(n-13)*4*time.Minute), "900"))
	}
	events = append(events, purchaseOf("u1", "huge-0", now.Add(-time.Second), "500000"), purchaseOf("u1", "huge-1", now.Add(-500*time.Millisecond), "500000"))
	post(t, w.API+"/v1/events", "["+strings.Join(events, ",")+"]", http.StatusAccepted)
	w.setChurn(0.95)
	w.setIncident(true)
	if _, err := w.store.SaveModel(t.Context(), oltp.Model{Name: "churn", TrainedFrom: now.AddDate(0, -1, 0), TrainedUntil: now, Parameters: []byte("{}"), Metrics: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.store.PromoteModel(t.Context(), "churn", 1, "test"); err != nil {
		t.Fatal(err)
	}
	w.setDrift(0.5)
}

// endOfSilence sees that what fires in a silence is told at its end.
func (w *watchtower) endOfSilence() {
	t := w.t
	eventually(t, "the silenced alert fires", func() bool {
		found := w.alerts("silenced")
		return len(found) == 1 && at(t, found, 0, "state") == alert.Firing && at(t, found, 0, "told") == false
	})
	if told := w.messages("silenced", alert.EventFiring); len(told) > 0 {
		t.Errorf("told in the silence: %+v", told)
	}
	post(t, w.address("silenced")+"/silence", `{"for":"0s"}`, http.StatusOK)
	w.told("silenced", alert.EventFiring)
}

// end takes away what the rules watch, and sees that each end is told.
func (w *watchtower) end() {
	w.setChurn(0.1)
	w.setIncident(false)
	w.setDrift(0.05)
	w.change("threshold", strings.Replace(manyPurchases, `"threshold":14`, `"threshold":1000`, 1))
	w.change("freshness", `{"kind":"pipeline","stages":["sync"],"lag_seconds":86400}`)
	for _, name := range []string{"threshold", "churn", "incident", "drift", "freshness"} {
		m := w.told(name, alert.EventResolved)
		if m.Alert.ResolvedAt == nil || m.Alert.ID != w.told(name, alert.EventFiring).Alert.ID {
			w.t.Errorf("the end of %s: %+v", name, m)
		}
	}
	told := get(w.t, w.API+"/v1/alerts/"+w.told("drift", alert.EventResolved).Alert.ID+"/deliveries", http.StatusOK)
	equal(w.t, "first delivery of the drift", at(w.t, told, "deliveries", 0, "event"), alert.EventFiring)
	equal(w.t, "second delivery of the drift", at(w.t, told, "deliveries", 1, "event"), alert.EventResolved)
}

func (w *watchtower) setChurn(probability float64) {
	w.t.Helper()
	_, err := w.store.SavePredictions(w.t.Context(), "churn", []oltp.Prediction{{
		UserID: "u2", Version: 1, AsOf: time.Now(), Score: probability, Details: []byte(`{"reasons":[{"feature":"days_since_last_event","effect":1.9}]}`),
	}})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *watchtower) setDrift(score float64) {
	w.t.Helper()
	if err := w.store.SaveDrift(w.t.Context(), oltp.Drift{Name: "churn", Version: 1, AsOf: time.Now(), Users: 100, Score: score, Features: map[string]float64{}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *watchtower) setIncident(ongoing bool) {
	w.t.Helper()
	start := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -2)
	incident := oltp.Anomaly{
		ID: "in_1", StartedAt: start, FirstSeen: start, EndedAt: start.AddDate(0, 0, 1), DetectedAt: start.AddDate(0, 0, 1), Ongoing: ongoing, Severity: "high",
		Measure: "revenue", Measures: []string{"revenue"}, Kind: "count", Expected: 100, Low: 80, High: 120, Seen: 10, Property: "platform", Value: "ios", Part: 0.9, Grid: "day",
	}
	watch, err := w.store.AnomalyProgress(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	watch.Hours, watch.Days = []byte{}, []byte{}
	if _, err := w.store.SaveAnomalies(w.t.Context(), []oltp.Anomaly{incident}, time.Time{}, watch); err != nil {
		w.t.Fatal(err)
	}
}
