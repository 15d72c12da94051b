package oltp

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

func incident(measure string, first, last int) Anomaly {
	day := func(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }
	return Anomaly{
		StartedAt: day(first), FirstSeen: day(first), EndedAt: day(last + 1).Add(-time.Millisecond), DetectedAt: day(first + 1),
		Severity: "low", Measure: measure, Measures: []string{measure}, Kind: "share", Expected: 0.1, Low: 0, High: 0.2, Seen: 0.5,
		Evidence: 12, Property: "platform", Value: "mobile", Part: 1, Step: "shipping", Grid: "day",
	}
}

// unseen is a watch that has seen nothing.
func unseen() AnomalyWatch { return AnomalyWatch{Hours: []byte{}, Days: []byte{}} }

func listed(t *testing.T, s *Store, f AnomalyFilter) []Anomaly {
	t.Helper()
	all, err := s.Anomalies(t.Context(), f, AnomalyCursor{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		a := &all[i]
		for _, at := range []*time.Time{&a.StartedAt, &a.FirstSeen, &a.EndedAt, &a.DetectedAt} {
			*at = at.UTC()
		}
	}
	return all
}

// TestAnomaliesKeepTheirID: what is found again is the same incident, with
// later data too; what is found no more is withdrawn, and may come back.
func TestAnomaliesKeepTheirID(t *testing.T) {
	s := migratedStore(t)
	watch := unseen()
	save := func(found ...Anomaly) []Anomaly {
		t.Helper()
		var err error
		if watch.Version, err = s.SaveAnomalies(t.Context(), found, time.Time{}, watch); err != nil {
			t.Fatal(err)
		}
		return listed(t, s, AnomalyFilter{})
	}
	first := save(incident("errors", 3, 5), incident("users", 10, 12))
	if len(first) != 2 || first[0].Measure != "users" || first[0].ID == first[1].ID {
		t.Fatalf("got %+v, want two, the newest first", first)
	}
	if again := save(incident("errors", 3, 5), incident("users", 10, 12)); !reflect.DeepEqual(again, first) {
		t.Errorf("saved again: got %+v, want %+v", again, first)
	}
	grown := incident("payments", 4, 9)
	grown.Measures = []string{"payments", "errors"}
	later := save(grown, incident("users", 20, 21))
	if len(later) != 2 || later[1].ID != first[1].ID || later[1].Measure != "payments" {
		t.Errorf("an incident with another leading figure: %+v, want the id %s", later, first[1].ID)
	}
	if later[0].ID == first[0].ID {
		t.Error("another time, and the same id")
	}
	back := save(grown, incident("users", 10, 12))
	if len(back) != 2 || back[0].ID != first[0].ID {
		t.Errorf("what was withdrawn came back as %+v, want the id %s", back, first[0].ID)
	}
	// Of the time before what a watch knows, nothing is said and nothing withdrawn.
	if _, err := s.SaveAnomalies(t.Context(), nil, incident("users", 10, 12).EndedAt, watch); err != nil {
		t.Fatal(err)
	}
	if left := listed(t, s, AnomalyFilter{}); len(left) != 1 || left[0].ID != first[1].ID {
		t.Errorf("a watch that knows little leaves %+v, want what was before", left)
	}
	if found, err := s.Anomaly(t.Context(), first[1].ID); err != nil || found.Measure != "payments" {
		t.Errorf("by its id: %+v, %v", found, err)
	}
	for _, id := range []string{first[0].ID, "an_0", "\x00"} {
		if _, err := s.Anomaly(t.Context(), id); !errors.Is(err, ErrUnknownAnomaly) {
			t.Errorf("%q: %v, want that it is unknown", id, err)
		}
	}
}

// TestAnomalyWatchMovesOnce: of two processes that continue one watch, the
// second one is told, and has written nothing.
func TestAnomalyWatchMovesOnce(t *testing.T) {
	s := migratedStore(t)
	if w, err := s.AnomalyWatch(t.Context()); err != nil || w.Version != 0 || w.Settings != "" {
		t.Fatalf("before the first: %+v, %v", w, err)
	}
	at := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	w := AnomalyWatch{Settings: `{"b":1, "a":2}`, Since: at, HoursUntil: at.Add(time.Hour), DaysUntil: at, Events: 7, Series: 3, Hours: []byte{1, 0}, Days: []byte{2}}
	version, err := s.SaveAnomalies(t.Context(), nil, at, w)
	if err != nil {
		t.Fatal(err)
	}
	w.Version = version
	if got, err := s.AnomalyWatch(t.Context()); err != nil || !reflect.DeepEqual(got, w) {
		t.Errorf("got %+v, %v, want %+v", got, err, w)
	}
	next := w
	next.Events = 9
	if _, err := s.SaveAnomalies(t.Context(), nil, at, next); err != nil {
		t.Fatal(err)
	}
	late := w
	late.Events = 8
	if _, err := s.SaveAnomalies(t.Context(), []Anomaly{incident("users", 3, 4)}, at.AddDate(-1, 0, 0), late); !errors.Is(err, ErrAnomalyWatchMoved) {
		t.Errorf("the second process: %v, want that the watch has moved", err)
	}
	if got, err := s.AnomalyWatch(t.Context()); err != nil || got.Events != 9 {
		t.Errorf("got %+v, %v, want 9 events", got, err)
	}
	if all := listed(t, s, AnomalyFilter{}); len(all) != 0 {
		t.Errorf("the second process has written %+v", all)
	}
}

func TestAnomaliesAreFilteredAndPaged(t *testing.T) {
	s := migratedStore(t)
	high := incident("users", 10, 12)
	high.Severity = "high"
	lasting := incident("events", 20, 21)
	lasting.Ongoing, lasting.Property = true, ""
	if _, err := s.SaveAnomalies(t.Context(), []Anomaly{incident("errors", 3, 5), high, lasting}, time.Time{}, unseen()); err != nil {
		t.Fatal(err)
	}
	day := func(n int) time.Time { return time.Date(2026, 3, n, 0, 0, 0, 0, time.UTC) }
	for name, test := range map[string]struct {
		filter AnomalyFilter
		want   int
	}{
		"all":      {AnomalyFilter{}, 3},
		"from":     {AnomalyFilter{From: day(12)}, 2},
		"to":       {AnomalyFilter{To: day(10)}, 1},
		"inside":   {AnomalyFilter{From: day(11), To: day(12)}, 1},
		"severity": {AnomalyFilter{Severities: []string{"high"}}, 1},
		"ongoing":  {AnomalyFilter{Ongoing: true}, 1},
		"measure":  {AnomalyFilter{Measure: "errors"}, 1},
		"property": {AnomalyFilter{Property: "platform"}, 2},
	} {
		if got := listed(t, s, test.filter); len(got) != test.want {
			t.Errorf("%s: %d incidents, want %d", name, len(got), test.want)
		}
	}
	var ids []string
	var after AnomalyCursor
	for range 3 {
		page, err := s.Anomalies(t.Context(), AnomalyFilter{}, after, 1)
		if err != nil || len(page) != 1 {
			t.Fatalf("page of %d, %v", len(page), err)
		}
		ids = append(ids, page[0].ID)
		after, err = ParseAnomalyCursor(AnomalyCursor{page[0].StartedAt, page[0].ID}.String())
		if err != nil {
			t.Fatal(err)
		}
	}
	if all := listed(t, s, AnomalyFilter{}); ids[0] != all[0].ID || ids[1] != all[1].ID || ids[2] != all[2].ID {
		t.Errorf("pages %v, the list is %+v", ids, all)
	}
	for _, text := range []string{"x", "1", "y.z"} {
		if _, err := ParseAnomalyCursor(text); err == nil {
			t.Errorf("%q is taken for a cursor", text)
		}
	}
}
