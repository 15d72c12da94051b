package oltp

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// fillForErasure puts something about a user, and about a visitor who means him,
// into every table.
func fillForErasure(t *testing.T, s *Store, user, visitor string, offset int64) {
	t.Helper()
	for _, id := range []string{user, visitor} {
		exec(t, s, `INSERT INTO user_stats (user_id, first_seen, last_seen, events, events_by_type, sessions, active_days, orders, revenue_by_currency,
			largest_order, favourite_category, country, device, platform) VALUES ($1, now(), now(), 1, '{}', 1, 1, 0, '{}', '{}', '', '', '', '')`, id)
	}
	if _, err := s.LinkIdentities(t.Context(), []IdentityLink{{From: Identity{ScopeAnonymous, visitor}, To: user}, {From: Identity{ScopeUser, user + " before"}, To: user}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SavePredictions(t.Context(), "churn", []Prediction{{UserID: user, Version: 1, AsOf: fraudDay, Score: 0.9}}); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveChurnFeatures(t.Context(), []ChurnFeatures{{UserID: user, AsOf: fraudDay, Features: map[string]float64{"x": 1}}}); err != nil {
		t.Fatal(err)
	}
	score := scoreOf(int(offset), "block")
	score.UserID, score.Offset = user, offset
	step := stepOf(offset-1, offset, score)
	step.Profiles = []UserProfile{{user, []byte{1}}}
	save(t, s, step)
	key := "of " + user
	for i, a := range []Alert{{Kind: "fraud", Key: key, Action: fmt.Appendf(nil, `{"user_id": %q}`, user)}, {Kind: "query", Key: user}, {Kind: "query", Key: key}} {
		of := alertOf("r1", key, i)
		of.ID, of.State, of.Kind, of.Key, of.Action = fmt.Sprintf("al_%s_%d", user, i), "resolved", a.Kind, a.Key, a.Action
		err := s.StepAlerts(t.Context(), "r1", "", func([]Alert) (AlertStep, error) {
			return AlertStep{Alerts: []Alert{of}, Deliveries: []AlertDelivery{deliveryOf("de_"+of.ID, of.ID, "hook")}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestErasePerson leaves nothing of one user and everything of the other.
func TestErasePerson(t *testing.T) {
	s := migratedStore(t)
	rule := keepRule(t, s, "r1", "query")
	rule.Definition = []byte(`{"watch": {"query": {"breakdown": {"property": "user_id"}}}}`)
	if _, err := s.UpdateAlertRule(t.Context(), rule); err != nil {
		t.Fatal(err)
	}
	exec(t, s, "UPDATE sync_state SET stored_before = now()")
	save(t, s, stepOf(-1, 0))
	fillForErasure(t, s, "ann", "va", 1)
	fillForErasure(t, s, "bob", "vb", 2)
	count := func(user string) (map[string]int64, Person) {
		p, err := s.PersonOf(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		p = p.WithShared(nil)
		counts, err := s.CountPerson(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		return counts, p
	}
	const full = "map[postgres.alert_deliveries:2 postgres.alert_purchases:1 postgres.alerts:2 postgres.churn_features:1 postgres.fraud_scores:1 " +
		"postgres.identity_links:2 postgres.predictions:1 postgres.user_profiles:1 postgres.user_stats:2]"
	before, ann := count("ann")
	if fmt.Sprint(before) != full {
		t.Fatalf("before: %v", before)
	}
	asked, err := s.RequestErasure(t.Context(), "er_1", "ann")
	if err != nil || asked.State != ErasureWaiting || asked.ID != "er_1" {
		t.Fatalf("%+v, %v", asked, err)
	}
	if again, err := s.RequestErasure(t.Context(), "er_2", "ann"); err != nil || again.ID != "er_1" {
		t.Errorf("asked twice: %+v, %v", again, err)
	}
	var linked *LinkedUserError
	if _, err := s.RequestErasure(t.Context(), "er_3", "ann before"); !errors.As(err, &linked) || linked.User != "ann" {
		t.Errorf("an id that was linked: %v", err)
	}
	if err := s.BeginErasure(t.Context(), "er_1", len(ann.Users), before); err != nil {
		t.Fatal(err)
	}
	for range 2 { // as after a death
		for _, err := range []error{
			s.EraseStatistics(t.Context(), ann, fraudDay), s.EraseScoring(t.Context(), ann), s.ErasePredictions(t.Context(), ann), s.EraseAlerts(t.Context(), ann),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.FinishErasure(t.Context(), "er_1", ann, map[string]int64{"clickhouse.events": 0}); err != nil {
		t.Fatal(err)
	}
	done, err := s.Erasure(t.Context(), "er_1")
	if err != nil || done.State != ErasureDone || done.UserID != "" || done.FinishedAt.IsZero() || done.IDs != 3 || fmt.Sprint(done.Before) != full || len(done.After) != 10 {
		t.Errorf("%+v, %v", done, err)
	}
	for place, rows := range done.After {
		if rows != 0 {
			t.Errorf("%d rows are left in %s", rows, place)
		}
	}
	if left, _ := count("bob"); fmt.Sprint(left) != full {
		t.Errorf("of the other: %v", left)
	}
	if cursor := cursorOf(t, s); !cursor.Equal(fraudDay) {
		t.Errorf("the sync goes on from %v", cursor)
	}
	if open, err := s.OpenErasures(t.Context()); err != nil || len(open) != 0 {
		t.Errorf("still open: %+v, %v", open, err)
	}
}

// TestAnErasedProfileIsNotWrittenBack: who has the profile in memory has to read
// again before he can write. Partitions without a profile go on.
func TestAnErasedProfileIsNotWrittenBack(t *testing.T) {
	s := migratedStore(t)
	save(t, s, stepOf(-1, 10))
	other := stepOf(-1, 10)
	other.Partition, other.Profiles = 3, nil
	save(t, s, other)
	if err := s.EraseScoring(t.Context(), Person{Users: []string{"u0"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveScoring(t.Context(), stepOf(10, 20)); !errors.Is(err, ErrScoringMoved) {
		t.Errorf("a step that remembers the profile: %v", err)
	}
	state, err := s.ScoringState(t.Context(), "events", 2)
	if err != nil || state.Erasures != 1 {
		t.Fatalf("%+v, %v", state, err)
	}
	step := stepOf(10, 20)
	step.To.Erasures = state.Erasures
	save(t, s, step)
	other = stepOf(10, 20)
	other.Partition, other.Profiles = 3, nil
	save(t, s, other)
}

// TestErasuresWaitForWork: what was begun before is waited for.
func TestErasuresWaitForWork(t *testing.T) {
	s := migratedStore(t)
	working, release, erased := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	held := make(chan error, 1)
	go func() {
		held <- s.Hold(t.Context(), ScoringOfUsers, func(ctx context.Context) error {
			close(working)
			<-release
			_, err := s.SavePredictions(ctx, "churn", []Prediction{{UserID: "ann", Version: 1, AsOf: fraudDay}})
			return err
		})
	}()
	<-working
	go func() { erased <- s.ErasePredictions(t.Context(), Person{Users: []string{"ann"}}) }()
	select {
	case err := <-erased:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	close(release)
	if err := errors.Join(<-held, <-erased); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Prediction(t.Context(), "churn", "ann"); !errors.Is(err, ErrUnknownUser) {
		t.Errorf("what was under way came back: %v", err)
	}
	err := s.Erase(t.Context(), func(ctx context.Context) error {
		return s.Erase(ctx, func(context.Context) error {
			t.Error("two erase at once")
			return nil
		})
	})
	if err != nil {
		t.Error(err)
	}
}

// TestErasingKnowsEveryTable: a new table with users in it has to be named among
// those that an erasure empties.
func TestErasingKnowsEveryTable(t *testing.T) {
	s := migratedStore(t)
	known := map[string]bool{"erasures": true} // forgets by itself
	for _, p := range personPlaces() {
		known[p.table] = true
	}
	rows, err := s.pool.Query(t.Context(), `SELECT DISTINCT table_name FROM information_schema.columns
		WHERE table_schema = 'public' AND column_name IN ('user_id', 'anonymous_id', 'user', 'customer', 'from_id')`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			t.Fatal(err)
		}
		if !known[table] {
			t.Errorf("table %s: name it in personPlaces, and remove its rows of a person", table)
		}
	}
}
