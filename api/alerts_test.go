package api

import (
	"net/http"
	"strings"
	"testing"

	"millrace/internal/enginetest"
	"millrace/oltp"
)

// alertsStore lets noAlerts embed the interface, which has a method of its own name.
type alertsStore = Alerts

// noAlerts is a store in which there is nothing, and which nobody may ask.
type noAlerts struct{ alertsStore }

// startAlerts is a server before a real Postgres.
func startAlerts(t *testing.T) (*running, *oltp.Store) {
	t.Helper()
	cfg := oltp.DefaultConfig()
	cfg.Address = enginetest.Postgres(t)
	store, err := oltp.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return start(t, func(_ *Config, d *Deps) { d.Alerts = store }), store
}

const (
	hookSecret = "0123456789abcdef"
	aRule      = `{"name":"Few purchases","watch":{"kind":"query","query":{"kind":"trends","series":[{"event":"purchase"}],"from":"-1h"},"is":"<","threshold":10},"for":"5m",
		"channels":[{"name":"ops","kind":"webhook","url":"https://ops.example.com/x","secret":"` + hookSecret + `"},{"kind":"slack","url":"https://slack.example.com/secret-path"}]}`
)

func TestAlertRules(t *testing.T) {
	s, store := startAlerts(t)
	send := func(method, path, body string) reply {
		return s.do(method, path, []byte(body), "Content-Type", "application/json")
	}
	made := send("POST", "/v1/alert-rules", aRule)
	if made.status != http.StatusCreated || strings.Contains(string(made.body), hookSecret) || strings.Contains(string(made.body), "secret-path") {
		t.Fatalf("%d %s", made.status, made.body)
	}
	rule := decodeReply[AlertRule](t, made)
	if rule.For != "5m" || rule.Every != "1m" || !rule.Channels[0].SecretSet || rule.Channels[1].URL != "https://slack.example.com" {
		t.Errorf("got %+v", rule)
	}
	wantProblem(t, send("POST", "/v1/alert-rules", aRule), http.StatusConflict, codeRuleName)
	at := "/v1/alert-rules/" + rule.ID
	changed := strings.NewReplacer(`,"secret":"`+hookSecret+`"`, "", `,"url":"https://slack.example.com/secret-path"`, "", "5m", "10m").Replace(aRule)
	if put := send("PUT", at, changed); put.status != http.StatusOK || decodeReply[AlertRule](t, put).For != "10m" {
		t.Fatalf("%d %s", put.status, put.body)
	}
	kept, err := store.AlertRule(t.Context(), rule.ID)
	if err != nil || !strings.Contains(string(kept.Definition), hookSecret) || !strings.Contains(string(kept.Definition), "secret-path") {
		t.Errorf("the secrets were lost: %s, %v", kept.Definition, err)
	}
	elsewhere := strings.Replace(changed, "ops.example.com", "evil.example.com", 1)
	if p := wantProblem(t, send("PUT", at, elsewhere), http.StatusBadRequest, codeInvalidField); p.Field != "/channels/0/secret" {
		t.Errorf("a secret moved to another address: %+v", p)
	}
	if silent := send("POST", at+"/silence", `{"for":"2h"}`); decodeReply[AlertRule](t, silent).SilencedUntil == nil {
		t.Errorf("%d %s", silent.status, silent.body)
	}
	if loud := send("POST", at+"/silence", `{"for":"0s"}`); decodeReply[AlertRule](t, loud).SilencedUntil != nil {
		t.Errorf("%d %s", loud.status, loud.body)
	}
	tested := send("POST", at+"/test", "")
	if tested.status != http.StatusAccepted || len(decodeReply[AlertDeliveries](t, tested).Deliveries) != 2 {
		t.Errorf("%d %s", tested.status, tested.body)
	}
	told := decodeReply[AlertDeliveries](t, s.get(at+"/deliveries")).Deliveries
	if len(told) != 2 || told[0].State != "waiting" || told[1].Event != "alert.test" || !strings.Contains(told[1].Body, `"test":true`) {
		t.Errorf("got %+v", told)
	}
	if list := decodeReply[AlertRuleList](t, s.get("/v1/alert-rules")); len(list.Rules) != 1 || list.Rules[0].ID != rule.ID {
		t.Errorf("got %+v", list)
	}
	if gone := send("DELETE", at, ""); gone.status != http.StatusNoContent {
		t.Errorf("%d %s", gone.status, gone.body)
	}
	for _, missing := range []reply{s.get(at), send("PUT", at, aRule), send("DELETE", at, ""), send("POST", at+"/silence", `{"for":"1h"}`), send("POST", at+"/test", ""), s.get(at + "/deliveries")} {
		wantProblem(t, missing, http.StatusNotFound, codeUnknownRule)
	}
	wantProblem(t, s.get("/v1/alerts/none/deliveries"), http.StatusNotFound, codeUnknownAlert)
}

func TestAlertRulesAreRefusedWithAReason(t *testing.T) {
	s := start(t, nil)
	for body, want := range map[string][2]string{
		`{"name":"a","watch":{"kind":"query","query":{"kind":"trend"},"is":"<","threshold":1}}`:                                            {"unknown_kind", "/watch/query/kind"},
		`{"name":"a","watch":{"kind":"query","query":{"kind":"trends","series":[{"event":"view"}]},"of":"change","is":"<","threshold":1}}`: {codeInvalidField, "/watch/of"},
		`{"name":"a","wach":{}}`: {"unknown_field", "/wach"},
		`{"name":"a","watch":{"kind":"churn","probability":2},"severity":"x"}`: {codeInvalidField, "/severity"},
	} {
		if p := wantProblem(t, s.do("POST", "/v1/alert-rules", []byte(body), "Content-Type", "application/json"), http.StatusBadRequest, want[0]); p.Field != want[1] {
			t.Errorf("%s: field %q, want %q", body, p.Field, want[1])
		}
	}
	for _, query := range []string{"state=fired", "severity=x", "cursor=x", "limit=0"} {
		wantProblem(t, s.get("/v1/alerts?"+query), http.StatusBadRequest, codeInvalidParameter)
	}
}
