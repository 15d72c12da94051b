package olap

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace/internal/event"
)

// TestKPI counts a history small enough to count by hand.
func TestKPI(t *testing.T) {
	s := newStore(t)
	if e, err := s.Extent(t.Context(), time.Unix(0, 0), at("2027-01-01T00:00:00Z")); err != nil || e != (Extent{}) {
		t.Errorf("extent of nothing: %+v, %v", e, err)
	}
	write(t, s, "t1", []row{
		{kind: "cart", user: "a", at: at("2026-01-02T10:00:00Z"), platform: "web", properties: `{"plan":"free"}`},
		{kind: "cart", user: "a", at: at("2026-01-02T10:05:00Z"), platform: "web"},
		{kind: "purchase", user: "a", at: at("2026-01-02T10:03:00Z"), platform: "web", amount: "5", currency: "EUR"},
		{kind: "purchase", user: "b", at: at("2026-01-02T09:00:00Z"), platform: "app", amount: "7.5", currency: "INR"}, // before its cart
		{kind: "cart", user: "b", at: at("2026-01-02T09:30:00Z"), platform: "app"},
		{kind: "purchase", user: "b", at: at("2026-01-03T09:00:00Z"), platform: "app"}, // another day
	})
	first, second := at("2026-01-02T00:00:00Z"), at("2026-01-03T00:00:00Z")
	days := KPIWindows{Zone: time.UTC, From: first, To: at("2026-01-04T00:00:00Z")}
	whole, err := s.Activity(t.Context(), days, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []ActivityRow{
		{first, "", "", "", 2, 5}, {first, "", "", "cart", 2, 3}, {first, "", "", "purchase", 2, 2},
		{second, "", "", "", 1, 1}, {second, "", "", "purchase", 1, 1},
	}
	if diff := cmp.Diff(want, whole); diff != "" {
		t.Errorf("activity (-want +got):\n%s", diff)
	}
	parts, err := s.Activity(t.Context(), days, []string{"platform", "properties.plan"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []ActivityRow{{first, "", "", "", 2, 5}, {first, "platform", "web", "cart", 1, 2}, {first, "properties.plan", "free", "cart", 1, 1}} {
		if !slices.ContainsFunc(parts, func(r ActivityRow) bool { return cmp.Equal(r, want) }) {
			t.Errorf("by properties: no %+v in %+v", want, parts)
		}
	}
	steps, err := s.Steps(t.Context(), days, []string{"platform"}, "purchase")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]StepRow{{first, "", "", "cart", 2, 1}, {first, "platform", "app", "cart", 1, 0}, {first, "platform", "web", "cart", 1, 1}}, steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	if none, err := s.Steps(t.Context(), days, nil, "purchase", "view"); err != nil || len(none) != 0 {
		t.Errorf("steps from a view: %+v, %v", none, err)
	}
	takings, err := s.Takings(t.Context(), days, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]TakingsRow{{first, "", "", "EUR", 5}, {first, "", "", "INR", 7.5}}, takings); diff != "" {
		t.Errorf("takings (-want +got):\n%s", diff)
	}
	extent, err := s.Extent(t.Context(), first, second)
	if err != nil || extent.Events != 5 || !extent.First.Equal(first.Add(9*time.Hour)) {
		t.Errorf("extent %+v, %v", extent, err)
	}
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Fatal(err)
	}
	there := KPIWindows{Zone: kolkata, From: at("2026-01-01T18:30:00Z"), To: at("2026-01-03T18:30:00Z")}
	if rows, err := s.Activity(t.Context(), there, nil); err != nil || !cmp.Equal(rows[0], ActivityRow{there.From, "", "", "", 2, 5}) {
		t.Errorf("days of Kolkata: %+v, %v", rows, err)
	}
	days.Hours = true
	if rows, err := s.Activity(t.Context(), days, nil); err != nil || !cmp.Equal(rows[0], ActivityRow{first.Add(9 * time.Hour), "", "", "", 1, 2}) {
		t.Errorf("hours: %+v, %v", rows, err)
	}
	if _, err := s.Activity(t.Context(), days, []string{"no such; name"}); err == nil {
		t.Error("a name that is none is taken")
	}
}

// TestRejected counts refused events and dead letters by when they came.
func TestRejected(t *testing.T) {
	s := newStore(t)
	hour := at("2026-01-02T10:00:00Z")
	letter := func(reason event.Reason, received time.Time, offset int64) event.DeadLetter {
		return event.DeadLetter{Position: event.Position{Topic: "events", Offset: offset, ReceivedAt: received.UnixMilli()}, Reject: event.Reject{Reason: reason}, Payload: []byte("x")}
	}
	letters := []event.DeadLetter{
		letter("bad_json", hour.Add(5*time.Minute), 0), letter("bad_json", hour.Add(time.Hour), 1),
	}
	if err := s.Writer().WriteDeadLetters(t.Context(), letters, "t1"); err != nil {
		t.Fatal(err)
	}
	refused := []CollectorRejections{{Minute: hour.Add(7 * time.Minute), Reason: "bad_json", Events: 4}, {Minute: hour.Add(7 * time.Minute), Reason: "missing_user", Events: 2}}
	if err := s.Writer().WriteRejections(t.Context(), refused, "t2"); err != nil {
		t.Fatal(err)
	}
	got, err := s.Rejected(t.Context(), KPIWindows{Hours: true, Zone: time.UTC, From: hour, To: hour.Add(2 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	want := []RejectedRow{{hour, "bad_json", 5}, {hour, "missing_user", 2}, {hour.Add(time.Hour), "bad_json", 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
}

// TestNewest looks at what was received by an instant only.
func TestNewest(t *testing.T) {
	s := newStore(t)
	if event, received, err := s.Newest(t.Context(), time.Unix(0, 0), at("2026-01-05T00:00:00Z")); err != nil || !event.IsZero() || !received.IsZero() {
		t.Errorf("of nothing: %v, %v, %v", event, received, err)
	}
	batch := batchOf([]row{{kind: "view", user: "a", at: at("2024-01-02T10:00:00Z")}, {kind: "view", user: "a", at: at("2024-03-02T10:00:00Z")}})
	batch.ReceivedAt[0], batch.ReceivedAt[1] = at("2026-01-02T00:00:00Z").UnixMilli(), at("2026-01-03T00:00:00Z").UnixMilli()
	if err := s.Writer().Write(t.Context(), batch, "t1"); err != nil {
		t.Fatal(err)
	}
	event, received, err := s.Newest(t.Context(), time.Unix(0, 0), at("2026-01-02T12:00:00Z"))
	if err != nil || !event.Equal(at("2024-01-02T10:00:00Z")) || !received.Equal(at("2026-01-02T00:00:00Z")) {
		t.Errorf("newest event %v, received %v, %v", event, received, err)
	}
}
