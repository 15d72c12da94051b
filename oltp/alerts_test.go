package oltp

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// keepRule keeps a rule of a kind.
func keepRule(t *testing.T, s *Store, id, kind string) AlertRule {
	t.Helper()
	r, err := s.CreateAlertRule(t.Context(), AlertRule{ID: id, Name: "rule " + id, Kind: kind, Definition: []byte(`{"a": 1}`), Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// alertOf is an alert of a rule that fires.
func alertOf(ruleID, key string, n int) Alert {
	at := fraudDay.Add(time.Duration(n) * time.Second)
	return Alert{
		ID: fmt.Sprintf("al_%s_%s_%d", ruleID, key, n), RuleID: ruleID, Rule: "rule", Kind: "query", Key: key, Severity: "info", State: "firing",
		Labels: map[string]string{"a": "b"}, Action: []byte(`{"do": "x"}`), StartedAt: at, SeenAt: at, FiredAt: at,
	}
}

func deliveryOf(id, alertID, channel string) AlertDelivery {
	return AlertDelivery{ID: id, AlertID: alertID, RuleID: "r1", Channel: channel, Kind: "webhook", Event: "alert.firing", Body: []byte(id), CreatedAt: fraudDay}
}

func TestRulesAreTakenByOne(t *testing.T) {
	s := migratedStore(t)
	made := keepRule(t, s, "r1", "query")
	keepRule(t, s, "r2", "fraud")
	if made.Every != time.Hour || made.CreatedAt.IsZero() || !made.SilencedUntil.IsZero() {
		t.Errorf("got %+v", made)
	}
	if _, err := s.CreateAlertRule(t.Context(), AlertRule{ID: "r3", Name: made.Name, Kind: "query", Definition: []byte("{}"), Every: 1}); !errors.Is(err, ErrRuleName) {
		t.Errorf("a name twice: %v", err)
	}
	first, err := s.TakeDueAlertRules(t.Context(), 10)
	if err != nil || len(first) != 1 || first[0].ID != "r1" {
		t.Fatalf("%+v, %v", first, err)
	}
	if again, err := s.TakeDueAlertRules(t.Context(), 10); err != nil || len(again) != 0 {
		t.Errorf("taken twice: %+v, %v", again, err)
	}
}

// An alert and its deliveries are written together or not at all.
func TestAStepIsAtomic(t *testing.T) {
	s := migratedStore(t)
	keepRule(t, s, "r1", "query")
	step := func(deliveries ...AlertDelivery) error {
		return s.StepAlerts(t.Context(), "r1", "", func([]Alert) (AlertStep, error) {
			return AlertStep{Alerts: []Alert{alertOf("r1", "k", 1)}, Deliveries: deliveries}, nil
		})
	}
	if err := step(deliveryOf("d1", "x", "a"), deliveryOf("d1", "x", "a")); err == nil {
		t.Fatal("one key twice")
	}
	if all, err := s.Alerts(t.Context(), AlertFilter{}, 10); err != nil || len(all) != 0 {
		t.Errorf("half of the step was written: %+v, %v", all, err)
	}
	if err := step(deliveryOf("d1", "x", "a")); err != nil {
		t.Fatal(err)
	}
	err := s.StepAlerts(t.Context(), "r1", "why", func(open []Alert) (AlertStep, error) {
		if len(open) != 1 || fmt.Sprint(open[0]) != fmt.Sprint(alertOf("r1", "k", 1)) {
			t.Errorf("got  %+v\nwant %+v", open, alertOf("r1", "k", 1))
		}
		return AlertStep{Alerts: []Alert{alertOf("r1", "k", 2)}}, nil
	})
	if err == nil {
		t.Error("two open alerts of one key")
	}
	if err := s.StepAlerts(t.Context(), "gone", "", nil); !errors.Is(err, ErrUnknownRule) {
		t.Errorf("of a rule that is gone: %v", err)
	}
	if err := s.DeleteAlertRule(t.Context(), "r1"); err != nil {
		t.Fatal(err)
	}
	if all, _ := s.Alerts(t.Context(), AlertFilter{}, 10); len(all) != 1 || all[0].State != "resolved" {
		t.Errorf("an alert outlives its rule, and is over: %+v", all)
	}
}

func TestAlertsArePaged(t *testing.T) {
	s := migratedStore(t)
	keepRule(t, s, "r1", "query")
	err := s.StepAlerts(t.Context(), "r1", "", func([]Alert) (step AlertStep, err error) {
		for n := range 5 {
			a := alertOf("r1", fmt.Sprint(n), n/2)
			if n == 4 {
				a.State, a.Severity = "resolved", "critical"
			}
			step.Alerts = append(step.Alerts, a)
		}
		return step, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for f := (AlertFilter{}); ; {
		page, err := s.Alerts(t.Context(), f, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page {
			keys = append(keys, a.Key)
		}
		if len(page) < 2 {
			break
		}
		f.Before = AlertCursor{page[1].StartedAt, page[1].ID}
	}
	if got := strings.Join(keys, ""); got != "43210" {
		t.Errorf("pages have %s", got)
	}
	for want, f := range map[int]AlertFilter{4: {States: []string{"firing"}}, 1: {Severities: []string{"critical"}}, 0: {RuleID: "other"}} {
		if got, err := s.Alerts(t.Context(), f, 10); err != nil || len(got) != want {
			t.Errorf("%+v: %d alerts, %v; want %d", f, len(got), err, want)
		}
	}
}

// What is told of one alert to one channel waits for what was told before it.
func TestDeliveriesGoInOrder(t *testing.T) {
	s := migratedStore(t)
	err := s.AddAlertDeliveries(t.Context(), []AlertDelivery{deliveryOf("d1", "x", "a"), deliveryOf("d2", "x", "a"), deliveryOf("d3", "x", "b"), deliveryOf("d4", "y", "a")})
	if err != nil {
		t.Fatal(err)
	}
	take := func(lease time.Duration) string {
		t.Helper()
		due, err := s.TakeAlertDeliveries(t.Context(), 10, lease)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, d := range due {
			ids = append(ids, fmt.Sprintf("%s/%d", d.ID, d.Attempts))
		}
		return strings.Join(ids, " ")
	}
	end := func(e AlertAttemptEnd) {
		t.Helper()
		if err := s.EndAlertAttempt(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	steps := []struct{ got, want string }{{take(time.Hour), "d1/1 d3/1 d4/1"}, {take(time.Hour), ""}}
	end(AlertAttemptEnd{ID: "d1", Attempt: 1, Fault: "no", Next: time.Now().Add(-time.Second)})
	steps = append(steps, struct{ got, want string }{take(0), "d1/2"})
	steps = append(steps, struct{ got, want string }{take(time.Hour), "d1/3"}) // its lease was over
	end(AlertAttemptEnd{ID: "d1", Attempt: 2, Dead: true})                     // too late to say so
	steps = append(steps, struct{ got, want string }{take(time.Hour), ""})
	end(AlertAttemptEnd{ID: "d1", Attempt: 3, Delivered: true})
	steps = append(steps, struct{ got, want string }{take(time.Hour), "d2/1"})
	for i, step := range steps {
		if step.got != step.want {
			t.Errorf("step %d: took %q, want %q", i, step.got, step.want)
		}
	}
	if waiting, oldest, err := s.AlertBacklog(t.Context()); err != nil || waiting != 3 || !oldest.Equal(fraudDay) {
		t.Errorf("backlog %d since %v, %v", waiting, oldest, err)
	}
}

func TestIncidentsOfARule(t *testing.T) {
	s := migratedStore(t)
	rule := keepRule(t, s, "r1", "incident")
	over, lasting := incident("errors", 3, 5), incident("users", 10, 12)
	lasting.Ongoing = true
	if _, err := s.SaveAnomalies(t.Context(), []Anomaly{over, lasting}, time.Time{}, unseen()); err != nil {
		t.Fatal(err)
	}
	measures := func(since time.Time) string {
		t.Helper()
		found, err := s.AnomaliesForRule(t.Context(), rule.ID, since)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, a := range found {
			all = append(all, a.Measure)
		}
		return strings.Join(all, " ")
	}
	if got := measures(rule.CreatedAt); got != "errors users" {
		t.Errorf("found since: %s", got)
	}
	if got := measures(time.Now().Add(time.Hour)); got != "users" {
		t.Errorf("of a younger rule: %s, want only what goes on", got)
	}
	found, _ := s.AnomaliesForRule(t.Context(), rule.ID, rule.CreatedAt)
	err := s.StepAlerts(t.Context(), rule.ID, "", func([]Alert) (AlertStep, error) {
		told := alertOf(rule.ID, found[0].ID, 1)
		told.State = "resolved"
		return AlertStep{Alerts: []Alert{told, alertOf(rule.ID, found[1].ID, 1)}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := measures(rule.CreatedAt); got != "users" {
		t.Errorf("with alerts: %s, want only that whose alert is open", got)
	}
}
