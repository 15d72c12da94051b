package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/api"
)

// TestEcomIncidents replays half a year of a shop whose authors have planted
// two incidents, and expects both, with their dates and the breakdown, and
// little else. Nothing is configured. A restart repeats nothing.
func TestEcomIncidents(t *testing.T) {
	ecom := dataFile(t, "ecom.csv.gz")
	dir := t.TempDir()
	r := up(t, dir, "--stages", "ingest,api")
	command(t, exitOK, "replay", ecom, "--wait", "--api", r.API)
	r.stop()

	r = up(t, dir)
	first := incidentsOf(t, r, "2024-06-29")
	for _, in := range first {
		t.Logf("%s – %s, seen from %s, %s: %s %.4f, expected %.4f (%.4f – %.4f), %+v after %q", in.Start.Format(time.DateOnly), in.End.Format(time.DateOnly),
			in.FirstSeen.Format(time.DateOnly), in.Severity, in.Measure, in.Seen, in.Expected.Value, in.Expected.Low, in.Expected.High, in.Breakdown, in.AfterEvent)
	}
	bug := incidentNear(t, first, "2024-04-09", "2024-05-09")
	if !slices.Contains(bug.Measures, "share of users with checkout_bug") || bug.Breakdown == nil || bug.Breakdown.Property != "platform" || bug.Breakdown.Value != "mobile" {
		t.Errorf("the checkout bug is reported as %+v with breakdown %+v, want platform mobile", bug, bug.Breakdown)
	}
	payment := incidentNear(t, first, "2024-05-19", "2024-06-07")
	if !slices.Contains(payment.Measures, "share of users with payment_error") || !slices.Contains(payment.Measures, "share of users with support_chat") || payment.Breakdown != nil {
		t.Errorf("the payment incident is reported as %+v with breakdown %+v, want all users", payment, payment.Breakdown)
	}
	if wrong := len(first) - 2; wrong > 3 {
		t.Errorf("%d false incidents, want at most 3", wrong)
	}
	r.stop()

	// With more to look at, what was known keeps its name.
	r = up(t, dir, "--anomaly-steps", "shipping_details,payment_details,purchase")
	again := incidentsOf(t, r, "2024-06-29")
	if found := incidentNear(t, again, "2024-04-09", "2024-05-09"); found.ID != bug.ID {
		t.Errorf("after a restart the checkout bug is %s, before %s", found.ID, bug.ID)
	}
	found := incidentNear(t, again, "2024-05-19", "2024-06-07")
	if found.ID != payment.ID || !slices.Contains(found.Measures, "conversion from payment_details to purchase") {
		t.Errorf("after a restart the payment incident is %+v, want the id %s and the conversion to purchase", found, payment.ID)
	}
	if wrong := len(again) - 2; wrong > 3 {
		t.Errorf("%d false incidents with conversions, want at most 3: %+v", wrong, again)
	}
}

// incidentsOf waits until the days before the date have been looked at.
func incidentsOf(t *testing.T, r *running, until string) []api.Anomaly {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := json.Marshal(get(t, r.API+"/v1/status", 200))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(status), "days before "+until+" have been looked at") {
			break
		}
		select {
		case <-deadline:
			t.Fatalf("not looked at: %s", status)
		case <-tick.C:
		}
	}
	text, err := json.Marshal(get(t, r.API+"/v1/anomalies", 200))
	if err != nil {
		t.Fatal(err)
	}
	var page api.AnomalyPage
	if err := json.Unmarshal(text, &page); err != nil {
		t.Fatal(err)
	}
	return page.Anomalies
}

// incidentNear is the one incident whose first and last day are at most a day
// from these.
func incidentNear(t *testing.T, all []api.Anomaly, from, to string) api.Anomaly {
	t.Helper()
	near := func(at time.Time, date string) bool {
		want, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		return at.Truncate(24*time.Hour).Sub(want).Abs() <= 24*time.Hour
	}
	var found []api.Anomaly
	for _, in := range all {
		if near(in.Start, from) && near(in.End, to) {
			found = append(found, in)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d incidents from %s to %s, want 1 among %+v", len(found), from, to, all)
	}
	return found[0]
}
