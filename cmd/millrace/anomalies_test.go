package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"millrace/api"
	"millrace/internal/replay"
)

// TestEcomIncidents replays half a year of a shop, whose authors have planted
// two incidents, piece by piece through the running stage, with a restart in
// between, and expects both, with their dates and the breakdown, and little else.
// Nothing is configured. Then the stage sees everything anew in one go.
func TestEcomIncidents(t *testing.T) {
	pieces := monthly(t, dataFile(t, "ecom.csv.gz"))
	dir := t.TempDir()
	args := []string{"--stages", "ingest,anomalies,api", "--anomaly-every", "100ms"}
	r := up(t, dir, args...)
	for i, p := range pieces {
		if i == len(pieces)/2 {
			r.stop()
			r = up(t, dir, args...)
		}
		command(t, exitOK, "replay", p.path, "--wait", "--api", r.API)
		lookedUntil(t, r, p.last.Add(-incidentLateness).Truncate(time.Hour))
		if day := p.last.Format(time.DateOnly); day >= "2024-04-20" && day < "2024-05-08" {
			bug := reported(t, r, "?ongoing=true&measure=share+of+users+with+checkout_bug")
			if len(bug) != 1 || bug[0].Breakdown == nil || bug[0].Breakdown.Value != "mobile" {
				t.Errorf("by %s the checkout bug is reported as %+v, want one incident of mobile that goes on", day, bug)
			}
		}
	}
	first := reported(t, r, "")
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
	checkSeries(t, r, bug)
	r.stop()

	// With more to look at, what was known keeps its name.
	last := pieces[len(pieces)-1].last.Add(-incidentLateness).Truncate(time.Hour)
	r = up(t, dir, append(args, "--anomaly-steps", "shipping_details,payment_details,purchase")...)
	watchedSteps(t, r, "flag")
	lookedUntil(t, r, last)
	again := reported(t, r, "")
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
	r.stop()

	// One look at everything finds what the pieces have shown.
	r = up(t, dir, args...)
	watchedSteps(t, r, "none")
	lookedUntil(t, r, last)
	if all := reported(t, r, ""); !reflect.DeepEqual(all, first) {
		t.Errorf("in one go %+v, piece by piece %+v", all, first)
	}
}

// piece is a part of a file, and the time of its last event.
type piece struct {
	path string
	last time.Time
}

// monthly cuts a file of events into pieces of four weeks, in their order.
func monthly(t *testing.T, path string) []piece {
	t.Helper()
	file, err := replay.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	header, rows := rows[0], rows[1:]
	slices.SortStableFunc(rows, func(a, b []string) int { return strings.Compare(a[3], b[3]) })
	dir := t.TempDir()
	var pieces []piece
	for len(rows) > 0 {
		end := stamp(t, rows[0][3]).AddDate(0, 0, 28)
		n := sort.Search(len(rows), func(i int) bool { return !stamp(t, rows[i][3]).Before(end) })
		p := piece{filepath.Join(dir, fmt.Sprintf("piece%d.csv", len(pieces))), stamp(t, rows[n-1][3])}
		out, err := os.Create(p.path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(csv.NewWriter(out).WriteAll(append([][]string{header}, rows[:n]...)), out.Close()); err != nil {
			t.Fatal(err)
		}
		pieces, rows = append(pieces, p), rows[n:]
	}
	return pieces
}

func stamp(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.DateTime, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// checkSeries looks at what a page draws: the incident, outside of the band in
// the end, and time before it, mostly inside.
func checkSeries(t *testing.T, r *running, of api.Anomaly) {
	t.Helper()
	var detail api.AnomalyDetail
	into(t, get(t, r.API+"/v1/anomalies/"+of.ID, 200), &detail)
	before, above := 0, 0
	for _, p := range detail.Series {
		switch {
		case p.Seen == nil || p.Expected == nil:
		case p.At.Before(of.Start):
			before++
		case p.At.Before(of.End) && *p.Seen > *p.High:
			above++
		}
	}
	if detail.ID != of.ID || before < 20 || above < 15 {
		t.Errorf("%s of %s: %d windows before it, %d above the band; want 20 and 15", detail.Measure, of.ID, before, above)
	}
}

// pageOf reads the incidents of a query.
func pageOf(t *testing.T, r *running, query string) (page api.AnomalyPage) {
	t.Helper()
	into(t, get(t, r.API+"/v1/anomalies"+query, 200), &page)
	return page
}

func reported(t *testing.T, r *running, query string) []api.Anomaly {
	t.Helper()
	return pageOf(t, r, query).Anomalies
}

// into reads a decoded answer as a value of the API.
func into(t *testing.T, answer map[string]any, value any) {
	t.Helper()
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, value); err != nil {
		t.Fatal(err)
	}
}

// lookedUntil waits until the hours before an instant have been looked at.
func lookedUntil(t *testing.T, r *running, until time.Time) {
	t.Helper()
	watching(t, r, "hours before "+until.String()+" have been looked at", func(w *api.AnomalyWatching) bool { return !w.HoursUntil.Before(until) })
}

// watchedSteps waits until the conversions are those that are wanted now.
func watchedSteps(t *testing.T, r *running, from string) {
	t.Helper()
	watching(t, r, "steps come from "+from, func(w *api.AnomalyWatching) bool { return w.StepsFrom == from })
}

// watching waits long: the stage gives way to a busy machine.
func watching(t *testing.T, r *running, what string, is func(*api.AnomalyWatching) bool) {
	t.Helper()
	deadline := time.After(4 * time.Minute)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		w := pageOf(t, r, "").Watching
		if w != nil && is(w) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited too long until %s: %+v", what, w)
		}
	}
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
