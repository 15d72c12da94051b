package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"millrace/oltp"
)

type anomaliesFunc func(oltp.AnomalyFilter, oltp.AnomalyCursor, int) ([]oltp.Anomaly, error)

func (f anomaliesFunc) Anomalies(_ context.Context, filter oltp.AnomalyFilter, after oltp.AnomalyCursor, limit int) ([]oltp.Anomaly, error) {
	return f(filter, after, limit)
}

func (f anomaliesFunc) Anomaly(_ context.Context, id string) (oltp.Anomaly, error) {
	all, err := f(oltp.AnomalyFilter{}, oltp.AnomalyCursor{}, 100)
	for _, a := range all {
		if a.ID == id {
			return a, err
		}
	}
	return oltp.Anomaly{}, oltp.ErrUnknownAnomaly
}

func (f anomaliesFunc) AnomalyProgress(context.Context) (oltp.AnomalyWatch, error) {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	settings := `{"state":1,"sensitivity":0.5,"timezone":"Asia/Kolkata","steps":["a","b"],"steps_from":"flag","properties":["platform"],"errors":["share of records rejected"]}`
	return oltp.AnomalyWatch{Version: 3, Settings: settings, Since: day, HoursUntil: day.Add(time.Hour), DaysUntil: day, Series: 9}, nil
}

// AnomalyPoints answers two points, the first of which nothing is known.
func (f anomaliesFunc) AnomalyPoints(_ context.Context, a oltp.Anomaly) ([]AnomalyPoint, error) {
	seen, expected := 4.0, 2.5
	return []AnomalyPoint{{At: a.StartedAt}, {At: a.StartedAt.Add(time.Hour), Seen: &seen, Expected: &expected, Low: new(float64), High: &seen}}, nil
}

// TestAnomalyHasItsSeries looks at one incident.
func TestAnomalyHasItsSeries(t *testing.T) {
	at := time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)
	known := anomaliesFunc(func(oltp.AnomalyFilter, oltp.AnomalyCursor, int) ([]oltp.Anomaly, error) {
		return []oltp.Anomaly{{ID: "an_2", StartedAt: at, Severity: "high", Measure: "users", Measures: []string{"users"}, Kind: "count", Grid: "hour"}}, nil
	})
	r := start(t, func(_ *Config, d *Deps) { d.Anomalies, d.AnomalyPoints = known, known })
	response, err := http.Get(r.url + "/v1/anomalies/an_2")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	const want = `"series":[{"at":"2026-03-09T00:00:00Z","seen":null,"expected":null,"low":null,"high":null},{"at":"2026-03-09T01:00:00Z","seen":4,"expected":2.5,"low":0,"high":4}]`
	if response.StatusCode != http.StatusOK || !strings.Contains(string(text), want) || !strings.Contains(string(text), `"id":"an_2"`) || !strings.Contains(string(text), `"window":"hour"`) {
		t.Errorf("status %d: %s, want %s", response.StatusCode, text, want)
	}
	wantProblem(t, r.get("/v1/anomalies/an_9"), http.StatusNotFound, codeUnknownAnomaly)
}

// TestAnomaliesArePaged follows the cursor and looks at what reaches the store.
func TestAnomaliesArePaged(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }
	all := []oltp.Anomaly{
		{ID: "an_2", StartedAt: day(9), Severity: "high", Measure: "users", Measures: []string{"users"}, Kind: "count"},
		{ID: "an_1", StartedAt: day(2), Severity: "high", Measure: "events", Measures: []string{"events"}, Kind: "count", Property: "platform", Value: "mobile", Part: 0.9, Step: "cart"},
	}
	var filter oltp.AnomalyFilter
	r := start(t, func(_ *Config, d *Deps) {
		d.Anomalies = anomaliesFunc(func(f oltp.AnomalyFilter, after oltp.AnomalyCursor, limit int) ([]oltp.Anomaly, error) {
			filter = f
			if after.ID == "an_2" {
				return all[1:], nil
			}
			return all[:min(limit, 2)], nil
		})
	})
	get := func(query string, want int) (page AnomalyPage, text string) {
		t.Helper()
		response, err := http.Get(r.url + "/v1/anomalies" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != want {
			t.Fatalf("%s: status %d, want %d: %s, %v", query, response.StatusCode, want, body, err)
		}
		if want == http.StatusOK {
			if err := json.Unmarshal(body, &page); err != nil {
				t.Fatal(err)
			}
		}
		return page, string(body)
	}
	first, _ := get("?limit=1&severity=high&severity=low&from=2026-03-01&to=2026-04-01", http.StatusOK)
	if len(first.Anomalies) != 1 || first.Anomalies[0].ID != "an_2" || first.Anomalies[0].Breakdown != nil || first.NextCursor == nil {
		t.Fatalf("got %+v, want an_2 and a cursor", first)
	}
	if len(filter.Severities) != 2 || !filter.From.Equal(day(1)) || !filter.To.Equal(day(1).AddDate(0, 1, 0)) {
		t.Errorf("the store was asked for %+v", filter)
	}
	if w := first.Watching; w == nil || w.Series != 9 || w.StepsFrom != "flag" || len(w.Steps) != 2 || w.Timezone != "Asia/Kolkata" || !w.HoursUntil.Equal(day(1).Add(time.Hour)) {
		t.Errorf("watching %+v", w)
	}
	get("?ongoing=true&measure=users&property=platform", http.StatusOK)
	if want := (oltp.AnomalyFilter{Ongoing: true, Measure: "users", Property: "platform"}); !reflect.DeepEqual(filter, want) {
		t.Errorf("the store was asked for %+v, want %+v", filter, want)
	}
	second, _ := get("?limit=1&cursor="+*first.NextCursor, http.StatusOK)
	if len(second.Anomalies) != 1 || second.Anomalies[0].Breakdown.Value != "mobile" || second.Anomalies[0].AfterEvent != "cart" || second.NextCursor != nil {
		t.Errorf("got %+v, want an_1 and no cursor", second)
	}
	for _, bad := range []string{"?severity=huge", "?cursor=x", "?from=someday", "?limit=0"} {
		if _, text := get(bad, http.StatusBadRequest); !strings.Contains(text, strings.Trim(strings.Split(bad, "=")[0], "?")) {
			t.Errorf("%s: %s does not name the parameter", bad, text)
		}
	}
}
