package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"millrace/internal/enginetest"
	"millrace/internal/event"
	"millrace/internal/incident"
	"millrace/olap"
	"millrace/oltp"
)

// watchedShop is a store with six weeks of a small shop, whose events stop on the
// last day at noon.
type watchedShop struct {
	t       *testing.T
	events  *olap.Store
	r       *rand.Rand
	batches int
}

var (
	shopFirst = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	shopLast  = shopFirst.AddDate(0, 0, 42).Add(12 * time.Hour)
)

func newWatchedShop(t *testing.T) *watchedShop {
	t.Helper()
	requireEngines(t)
	cfg := olap.DefaultConfig()
	_, cfg.Address, cfg.Database = enginetest.ClickHouse(t)
	store, err := olap.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	s := &watchedShop{t: t, events: store, r: rand.New(rand.NewPCG(seed, 1))}
	s.write(shopFirst, shopLast, 12)
	return s
}

// write adds so many visitors an hour, received as they come.
func (s *watchedShop) write(from, to time.Time, hourly int) {
	s.t.Helper()
	batch := &event.Batch{}
	for hour := from; hour.Before(to); hour = hour.Add(time.Hour) {
		for range hourly + s.r.IntN(hourly) {
			user := fmt.Sprint("u", s.r.IntN(5000))
			at := hour.Add(time.Duration(s.r.Int64N(int64(time.Hour))))
			platform := []string{"web", "ios"}[s.r.IntN(2)]
			for i, kind := range []string{"view", "add_to_cart", "purchase", "error"} {
				if s.r.Float64() < []float64{1, 0.4, 0.2, s.errors(at, platform)}[i] {
					s.append(batch, event.Event{Type: kind, UserID: user, Timestamp: at.Add(time.Duration(i) * time.Second).Truncate(time.Millisecond), Context: event.Context{Platform: platform}})
				}
			}
		}
	}
	s.batches++
	if err := s.events.Writer().Write(s.t.Context(), batch, fmt.Sprint("batch", s.batches)); err != nil {
		s.t.Fatal(err)
	}
}

// errors are many on ios in the fifth week, for two days.
func (s *watchedShop) errors(at time.Time, platform string) float64 {
	if day := at.Sub(shopFirst) / (24 * time.Hour); platform == "ios" && day >= 30 && day < 32 {
		return 0.3
	}
	return 0.01
}

func (s *watchedShop) append(batch *event.Batch, e event.Event) {
	e.ID = fmt.Sprint(s.batches, "-", batch.Len())
	position := event.Position{Topic: "events", Offset: int64(s.batches*1_000_000 + batch.Len()), ReceivedAt: e.Timestamp.UnixMilli()}
	if reject := batch.AppendEvent(&e, position); reject != nil {
		s.t.Fatalf("%+v", reject)
	}
}

// watch looks at the shop's figures when so much is stored.
func (s *watchedShop) watch(users *oltp.Store, stored *time.Time) *incidentWatch {
	return &incidentWatch{
		cfg: incident.DefaultConfig(), zone: time.UTC, every: time.Minute, events: s.events, users: users,
		storedUntil: func() (time.Time, bool) { return *stored, !stored.IsZero() },
		log:         slog.New(slog.DiscardHandler), metrics: newIncidentMetrics(),
	}
}

func keptIn(t *testing.T, users *oltp.Store) (oltp.AnomalyWatch, []oltp.Anomaly) {
	t.Helper()
	kept, err := users.AnomalyWatch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, err := users.Anomalies(t.Context(), oltp.AnomalyFilter{}, oltp.AnomalyCursor{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	return kept, found
}

// TestWatchIsInterrupted stops looks wherever they are, begins again in another
// process, and looks now and then while the events come: every hour is seen
// once, and what is known in the end is what one look at everything finds.
func TestWatchIsInterrupted(t *testing.T) {
	shop := newWatchedShop(t)
	whole, parts := alertTable(t), alertTable(t)
	stored := shopLast.Add(30 * time.Minute)
	if err := shop.watch(whole, &stored).look(t.Context()); err != nil {
		t.Fatal(err)
	}
	want, incidents := keptIn(t, whole)
	if !want.HoursUntil.Equal(shopLast) || len(incidents) == 0 {
		t.Fatalf("looked until %v, found %+v; want %v and the errors", want.HoursUntil, incidents, shopLast)
	}

	settings := readWatchSettings(want.Settings)
	if settings.StepsFrom != "default" || !slices.Equal(settings.Steps, defaultSteps()) || !slices.Equal(settings.Properties, []string{"platform"}) || len(settings.Errors) != 2 {
		t.Errorf("nothing was configured, and watched is %+v", settings)
	}

	now, interrupted, took := shopFirst, 0, time.Second
	var w *incidentWatch
	for looks := 0; ; looks++ {
		if w == nil || shop.r.IntN(3) == 0 {
			w = shop.watch(parts, &now) // another process
		}
		limit := time.Hour
		if looks%2 == 0 {
			limit = time.Duration(shop.r.Int64N(int64(took)))
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		err := w.look(ctx)
		cancel()
		if w.note(err); err != nil {
			interrupted++
			continue
		}
		took = time.Since(began)
		if now.Equal(stored) {
			break
		}
		now = earlier(stored, now.Add(time.Duration(shop.r.IntN(300))*time.Hour))
	}
	t.Logf("%d looks were interrupted", interrupted)
	got, found := keptIn(t, parts)
	if got.Events != want.Events || got.Settings != want.Settings || !bytes.Equal(got.Hours, want.Hours) || !bytes.Equal(got.Days, want.Days) {
		t.Errorf("%d events with settings %s, want %d with %s; the same states: %v, %v", got.Events, got.Settings, want.Events, want.Settings,
			bytes.Equal(got.Hours, want.Hours), bytes.Equal(got.Days, want.Days))
	}
	if fmt.Sprint(found) != fmt.Sprint(incidents) {
		t.Errorf("found %+v, want %+v", found, incidents)
	}
	twoWatch(t, shop, alertTable(t))
}

// twoWatch: of two processes the second to keep what it knows is told, and goes
// on from what the first has kept.
func twoWatch(t *testing.T, shop *watchedShop, users *oltp.Store) {
	t.Helper()
	stored := shopFirst.AddDate(0, 0, 30)
	one, other := shop.watch(users, &stored), shop.watch(users, &stored)
	for _, w := range []*incidentWatch{one, other} {
		if err := w.look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stored = stored.AddDate(0, 0, 2)
	if err := one.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := other.look(t.Context())
	if other.note(err); !errors.Is(err, oltp.ErrAnomalyWatchMoved) {
		t.Fatalf("the other process: %v, want that the watch has moved", err)
	}
	before, _ := keptIn(t, users)
	if err := other.look(t.Context()); err != nil {
		t.Errorf("the next look: %v", err)
	}
	if after, _ := keptIn(t, users); !bytes.Equal(after.Hours, before.Hours) {
		t.Error("a window was seen twice")
	}
}

// TestSilenceAndDelay: that no events come is known within the hours after, and
// that the pipeline is behind is no incident.
func TestSilenceAndDelay(t *testing.T) {
	shop, users := newWatchedShop(t), alertTable(t)
	stored := shopLast.Add(30 * time.Minute)
	w := shop.watch(users, &stored)
	look := func() []oltp.Anomaly {
		t.Helper()
		if err := w.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, found := keptIn(t, users)
		return slices.DeleteFunc(found, func(a oltp.Anomaly) bool { return !slices.Contains(a.Measures, incident.UsersFigure) || !a.Ongoing })
	}
	if found := look(); len(found) != 0 {
		t.Fatalf("before the silence: %+v", found)
	}
	// The ingest stands still: hours pass, and nothing is known of them.
	if found := look(); len(found) != 0 || !strings.Contains(w.stage().Detail, "later ones wait for the ingest") {
		t.Errorf("the pipeline is behind: %+v, %q", found, w.stage().Detail)
	}
	stored = shopLast.Add(3*time.Hour + 15*time.Minute)
	found := look()
	if len(found) != 1 || !found[0].StartedAt.Equal(shopLast) || found[0].Seen >= found[0].Low {
		t.Fatalf("three hours of silence: %+v, want an incident of the users from %v on", found, shopLast)
	}
	id := found[0].ID
	shop.write(shopLast.Add(4*time.Hour), shopLast.Add(14*time.Hour), 12)
	stored = shopLast.Add(14*time.Hour + 15*time.Minute)
	if found := look(); len(found) != 0 {
		t.Errorf("events have come back, and yet %+v", found)
	}
	over, err := users.Anomaly(t.Context(), id)
	if err != nil || over.Ongoing || over.EndedAt.Sub(shopLast.Add(4*time.Hour)).Abs() > time.Hour {
		t.Errorf("the silence: %+v, %v; want that it ended when events came back", over, err)
	}
}

// TestLateEvents: a few events that come late change nothing that was judged; a
// history that comes late makes the watch begin anew.
func TestLateEvents(t *testing.T) {
	shop, users := newWatchedShop(t), alertTable(t)
	stored := shopLast.Add(30 * time.Minute)
	w := shop.watch(users, &stored)
	look := func() oltp.AnomalyWatch {
		t.Helper()
		stored = stored.Add(time.Hour)
		if err := w.look(t.Context()); err != nil {
			t.Fatal(err)
		}
		kept, _ := keptIn(t, users)
		return kept
	}
	first := look()
	shop.write(shopFirst.AddDate(0, 0, 5), shopFirst.AddDate(0, 0, 5).Add(time.Hour), 10)
	if few := look(); few.Events != first.Events || restartsOf(t, w) != 0 {
		t.Errorf("after a few late events: %d events, before %d", few.Events, first.Events)
	}
	shop.write(shopFirst.AddDate(0, 0, -10), shopFirst.AddDate(0, 0, -5), 10)
	if much := look(); !much.Since.Equal(shopFirst.AddDate(0, 0, -10)) || much.Events < first.Events+1000 || restartsOf(t, w) != 1 {
		t.Errorf("after a late history: %d events since %v, before %d; %v restarts", much.Events, much.Since, first.Events, restartsOf(t, w))
	}
}

func restartsOf(t *testing.T, w *incidentWatch) float64 {
	t.Helper()
	var m dto.Metric
	if err := w.metrics.restarts.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}
