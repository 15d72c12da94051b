package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/alert"
	"millrace/internal/enginetest"
	"millrace/oltp"
)

const alertSecret = "a secret of many bytes"

// receiver is a webhook's other end. answer decides by the number of the request,
// from 1, how it goes; nil acknowledges.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	keys   []string          // of all requests, in order
	bodies map[string]string // by key
	faults []string
	answer func(n int, w http.ResponseWriter, request *http.Request)
	seen   func(body []byte) // is told of each request; nil for nobody
}

func newReceiver(t *testing.T, answer func(n int, w http.ResponseWriter, request *http.Request)) *receiver {
	r := &receiver{bodies: map[string]string{}, answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(w http.ResponseWriter, request *http.Request) {
	body, _ := io.ReadAll(request.Body)
	key := request.Header.Get(alert.HeaderKey)
	r.mu.Lock()
	r.keys = append(r.keys, key)
	n := len(r.keys)
	if was, again := r.bodies[key]; again && was != string(body) {
		r.faults = append(r.faults, "the body of "+key+" has changed")
	}
	r.bodies[key] = string(body)
	var seconds int64
	fmt.Sscan(request.Header.Get(alert.HeaderTimestamp), &seconds)
	if request.Header.Get(alert.HeaderSignature) != "v1="+alert.Sign(alertSecret, time.Unix(seconds, 0), body) {
		r.faults = append(r.faults, "a wrong signature")
	}
	r.mu.Unlock()
	if r.seen != nil {
		r.seen(body)
	}
	if r.answer != nil {
		r.answer(n, w, request)
	}
}

// messages are the bodies by their key, and faults what was wrong with requests.
func (r *receiver) messages() (messages map[string]string, faults []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.bodies), slices.Clone(r.faults)
}

func (r *receiver) requests() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.keys)
}

// alertTable is a store of its own for a test.
func alertTable(t *testing.T) *oltp.Store {
	t.Helper()
	requireEngines(t)
	return storeAt(t, enginetest.Postgres(t))
}

// storeAt opens a database and makes the tables.
func storeAt(t *testing.T, address string) *oltp.Store {
	t.Helper()
	cfg := oltp.DefaultConfig()
	cfg.Address = address
	store, err := oltp.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

// quickAlerts repeats within milliseconds.
func quickAlerts() alert.Config {
	cfg := alert.DefaultConfig()
	cfg.Look, cfg.FirstPause, cfg.MaxPause = 10*time.Millisecond, 10*time.Millisecond, 20*time.Millisecond
	cfg.SendTimeout, cfg.Lease = 300*time.Millisecond, 700*time.Millisecond
	return cfg
}

// runAlerts runs a stage; the returned function stops it and waits.
func runAlerts(t *testing.T, cfg alert.Config, store alert.Store, sources map[string]alert.Source) (stop func()) {
	t.Helper()
	stage, err := alert.NewStage(cfg, alert.Deps{
		Store: store, Sources: sources, Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- stage.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// addRule keeps a rule with one webhook.
func addRule(t *testing.T, store *oltp.Store, url, watch string) oltp.AlertRule {
	t.Helper()
	return addRuleNamed(t, store, watch, url, watch)
}

func addRuleNamed(t *testing.T, store *oltp.Store, name, url, watch string) oltp.AlertRule {
	t.Helper()
	r, err := alert.ParseRule(fmt.Appendf(nil, `{"name":%q,"every":"1s","watch":%s,"channels":[{"kind":"webhook","url":%q,"secret":%q}]}`, name, watch, url, alertSecret))
	if err != nil {
		t.Fatal(err)
	}
	definition, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := store.CreateAlertRule(t.Context(), oltp.AlertRule{ID: alert.NewRuleID(), Name: r.Name, Kind: r.Watch.Kind, Definition: definition, Every: time.Duration(r.Every)})
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// findPurchases lets the scoring find purchases [from, to).
func findPurchases(t *testing.T, store *oltp.Store, from, to int64) {
	t.Helper()
	step := oltp.ScoringStep{Topic: "events", From: from, To: oltp.ScoringState{Next: to, ReceivedAt: time.Now(), Population: []byte{1}}}
	if from == 0 {
		step.From = -1
	}
	for n := from; n < to; n++ {
		amount := n * 1_000_000
		step.Scores = append(step.Scores, oltp.FraudScore{
			EventID: fmt.Sprintf("e%d", n), UserID: "u1", EventTime: time.Now(), AmountMicros: &amount, Currency: "INR", Score: 0.99,
			Decision: "block", Reasons: []byte(`[{"reason":"huge_too_soon","effect":3,"detail":"much"}]`), ReceivedAt: time.Now(),
		})
	}
	if err := store.SaveScoring(t.Context(), step); err != nil {
		t.Fatal(err)
	}
}

// TestAlertsOutliveABadReceiver: a receiver that refuses, hangs up and is silent
// gets each message again under its key, until it has acknowledged all.
func TestAlertsOutliveABadReceiver(t *testing.T) {
	store := alertTable(t)
	r := newReceiver(t, func(n int, w http.ResponseWriter, request *http.Request) {
		switch n % 5 {
		case 1:
			w.WriteHeader(http.StatusInternalServerError)
		case 2:
			panic(http.ErrAbortHandler)
		case 3:
			<-request.Context().Done() // until the stage has waited long enough
		}
	})
	rule := addRule(t, store, r.URL, `{"kind":"fraud"}`)
	findPurchases(t, store, 0, 6)
	runAlerts(t, quickAlerts(), alertStore{store: store}, nil)
	eventually(t, "all is acknowledged", func() bool {
		waiting, _, err := store.AlertBacklog(t.Context())
		return err == nil && waiting == 0 && len(r.requests()) >= 6
	})
	told, err := store.RuleDeliveries(t.Context(), rule.ID, 100)
	messages, faults := r.messages()
	if err != nil || len(told) != 6 || len(messages) != 6 {
		t.Fatalf("%d deliveries, %d different messages, %v; want 6", len(told), len(messages), err)
	}
	for _, d := range told {
		if d.DeliveredAt.IsZero() || len(d.Log) != d.Attempts || messages[d.ID] != string(d.Body) {
			t.Errorf("delivery %+v", d)
		}
	}
	if len(faults) > 0 {
		t.Error(faults)
	}
	if text := string(told[5].Body); !strings.Contains(text, `"do":"block_transaction","user_id":"u1","event_id":"e0"`) {
		t.Errorf("what to block is not said: %s", text)
	}
}

// forgetful is a store whose process dies between a delivery and its note.
type forgetful struct{ alertStore }

func (forgetful) EndAttempt(context.Context, alert.AttemptEnd) error { return nil }

// TestAlertsAreRepeatedUnderTheirKey: what was sent and not noted is sent again,
// by another process, with the same key; and no purchase is missed or told twice.
func TestAlertsAreRepeatedUnderTheirKey(t *testing.T) {
	store := alertTable(t)
	r := newReceiver(t, nil)
	rule := addRule(t, store, r.URL, `{"kind":"fraud"}`)
	findPurchases(t, store, 0, 20)
	stop := runAlerts(t, quickAlerts(), forgetful{alertStore{store: store}}, nil)
	eventually(t, "some were sent", func() bool { return len(r.requests()) >= 8 })
	stop()
	findPurchases(t, store, 20, 30)
	runAlerts(t, quickAlerts(), alertStore{store: store}, nil)
	runAlerts(t, quickAlerts(), alertStore{store: store}, nil) // two take turns
	eventually(t, "all is acknowledged", func() bool {
		waiting, _, err := store.AlertBacklog(t.Context())
		messages, _ := r.messages()
		return err == nil && waiting == 0 && len(messages) >= 30
	})
	alerts, err := store.Alerts(t.Context(), oltp.AlertFilter{RuleID: rule.ID}, 100)
	keys := map[string]bool{}
	for _, a := range alerts {
		keys[a.Key] = true
		if a.State != "resolved" || a.Told != "firing" {
			t.Errorf("alert %+v", a)
		}
	}
	messages, faults := r.messages()
	if n := len(r.requests()); err != nil || len(alerts) != 30 || len(keys) != 30 || len(messages) != 30 || n <= 30 {
		t.Errorf("%d alerts of %d purchases, %d messages in %d requests, %v; want 30, 30, 30 in more", len(alerts), len(keys), len(messages), n, err)
	}
	if len(faults) > 0 {
		t.Error(faults)
	}
}

// TestAlertsFireOverARestart: the state is in the store, not in the process.
func TestAlertsFireOverARestart(t *testing.T) {
	store := alertTable(t)
	r := newReceiver(t, nil)
	rule := addRule(t, store, r.URL, `{"kind":"pipeline"}`)
	var mu sync.Mutex
	failing := true
	sources := map[string]alert.Source{alert.Pipeline: func(context.Context, alert.DueRule) ([]alert.Observation, error) {
		mu.Lock()
		defer mu.Unlock()
		return []alert.Observation{{Key: "ingest", Known: true, Holds: failing, Summary: "stage ingest is failing"}}, nil
	}}
	stop := runAlerts(t, quickAlerts(), alertStore{store: store}, sources)
	eventually(t, "it was told", func() bool { return len(r.requests()) == 1 })
	stop()
	mu.Lock()
	failing = false
	mu.Unlock()
	runAlerts(t, quickAlerts(), alertStore{store: store}, sources)
	eventually(t, "its end was told", func() bool { return len(r.requests()) == 2 })
	alerts, err := store.Alerts(t.Context(), oltp.AlertFilter{RuleID: rule.ID}, 10)
	if err != nil || len(alerts) != 1 || alerts[0].State != "resolved" || alerts[0].Key != "ingest" {
		t.Errorf("%+v, %v", alerts, err)
	}
	told, err := store.AlertDeliveries(t.Context(), alerts[0].ID)
	if err != nil || len(told) != 2 || told[0].Event != "alert.firing" || told[1].Event != "alert.resolved" {
		t.Errorf("%+v, %v", told, err)
	}
}

// TestADeadDeliveryKeepsItsLog.
func TestADeadDeliveryKeepsItsLog(t *testing.T) {
	store := alertTable(t)
	r := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) { http.Error(w, "not today", http.StatusBadGateway) })
	rule := addRule(t, store, r.URL, `{"kind":"fraud"}`)
	findPurchases(t, store, 0, 1)
	cfg := quickAlerts()
	cfg.MaxAttempts = 3
	runAlerts(t, cfg, alertStore{store: store}, nil)
	var told []oltp.AlertDeliveryStatus
	eventually(t, "it is dead", func() bool {
		told, _ = store.RuleDeliveries(t.Context(), rule.ID, 10)
		return len(told) == 1 && !told[0].DiedAt.IsZero()
	})
	if len(told[0].Log) != 3 || !strings.Contains(told[0].Log[2].Fault, "502 Bad Gateway: not today") || len(r.requests()) != 3 {
		t.Errorf("%+v", told[0])
	}
}
