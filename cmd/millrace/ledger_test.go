package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestLedgerCommandTellsByItsExitCode asks an API that answers what a test wants.
func TestLedgerCommandTellsByItsExitCode(t *testing.T) {
	const frame = `{"from":"2026-01-02T03:00:00Z","to":"2026-01-02T05:00:00Z","topics":["events"],"balanced":%BALANCED%,"hours":[
		{"hour":"2026-01-02T03:00:00Z","received":12,"rejected":2,"produced":10,"pending":0,"stored":7,"deduplicated":1,"dead_lettered":1,"aggregated":7,
		 "difference":1,"missing":1,"repeated":0,"settled":true,"checkable":true,"faults":[{"topic":"events","partition":1,"first_offset":17,"last_offset":17,"what":"missing"}]},
		{"hour":"2026-01-02T04:00:00Z","received":null,"rejected":0,"produced":null,"checkable":false}],
		"total":{"received":12,"rejected":2,"produced":10,"pending":0,"stored":7,"deduplicated":1,"dead_lettered":1,"aggregated":null,"difference":1},
		"views":[{"view":"windows_by_type","events":8,"difference":-1}]}`
	for balanced, wantCode := range map[string]int{"true": exitOK, "false": exitFailed} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/ledger" || r.URL.Query().Get("from") != "-7d" || r.URL.Query().Get("to") != "now" {
				t.Errorf("asked %s", r.URL)
			}
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(strings.Replace(frame, "%BALANCED%", balanced, 1)))
		}))
		out, _ := command(t, wantCode, "ledger", "--api", server.URL, "--from", "-7d")
		command(t, wantCode, "ledger", "--api", server.URL, "--from", "-7d", "--json")
		server.Close()
		for _, want := range []string{"2026-01-02 03:00", "does not have all of it", "events/1 offsets 17 to 17: missing", "windows_by_type has counted 8 events, -1"} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is not in\n%s", want, out)
			}
		}
		if strings.Contains(out, "balanced: every record") != (balanced == "true") {
			t.Errorf("balanced is %s, and the table says\n%s", balanced, out)
		}
	}
}
