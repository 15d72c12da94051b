package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestAlertsFromEndToEnd goes from events over HTTP to a signed message, and on
// to the end of the alert.
func TestAlertsFromEndToEnd(t *testing.T) {
	hook := newReceiver(t, nil)
	r := up(t, t.TempDir())
	rule := post(t, r.API+"/v1/alert-rules", fmt.Sprintf(`{"name":"Purchases","every":"1s","watch":{"kind":"query",
		"query":{"kind":"trends","series":[{"event":"purchase"}],"from":"-1h"},"is":">=","threshold":3},
		"channels":[{"kind":"webhook","url":%q,"secret":%q}]}`, hook.URL, alertSecret), http.StatusCreated)
	address := r.API + "/v1/alert-rules/" + at(t, rule, "id").(string)
	post(t, address+"/test", "", http.StatusAccepted)
	eventually(t, "the test has come", func() bool { return len(hook.requests()) == 1 })
	for n := range 3 {
		post(t, r.API+"/v1/events", fmt.Sprintf(`{"type":"purchase","user_id":"u%d","properties":{"amount":"1"}}`, n), http.StatusAccepted)
	}
	eventually(t, "the alert has come", func() bool { return len(hook.requests()) == 2 })
	firing := get(t, r.API+"/v1/alerts?state=firing", http.StatusOK)
	equal(t, "value", at(t, firing, "alerts", 0, "value"), 3)
	told := get(t, r.API+"/v1/alerts/"+at(t, firing, "alerts", 0, "id").(string)+"/deliveries", http.StatusOK)
	equal(t, "event", at(t, told, "deliveries", 0, "event"), "alert.firing")
	if status := fmt.Sprint(get(t, r.API+"/v1/status", http.StatusOK)["stages"]); !strings.Contains(status, "name:alert") {
		t.Errorf("GET /v1/status does not show the stage: %s", status)
	}
	if _, faults := hook.messages(); len(faults) > 0 {
		t.Error(faults)
	}
}
