package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/api"
	"millrace/internal/churn"
	"millrace/internal/drift"
	"millrace/internal/enginetest"
	"millrace/internal/event"
	"millrace/olap"
	"millrace/oltp"
)

// TestPassesAreRunWhenDue runs the loop in fake time: nothing without a model, a
// pass each hour, another at once with another version, and again after a failure.
func TestPassesAreRunWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		version, fault, passes := 0, error(nil), []int{}
		s := &scorePasses{
			name: "a stage", model: "m", untrained: "train it", every: time.Hour, log: slog.New(slog.DiscardHandler), since: time.Now(),
			failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "failures"}),
			current: func(context.Context, string) (int, error) {
				if version == 0 {
					return 0, oltp.ErrNoModel
				}
				return version, nil
			},
			hold: func(ctx context.Context, _ oltp.Work, do func(context.Context) error) error { return do(ctx) },
			pass: func(_ context.Context, v int, last scorePass) (scorePass, error) {
				passes = append(passes, v)
				return scorePass{version: v, detail: fmt.Sprintf("after %d", last.version)}, fault
			},
		}
		ctx, cancel := context.WithCancel(t.Context())
		go s.Run(ctx)
		after := func(d time.Duration, wantPasses int, want api.StageState, detail string) {
			t.Helper()
			time.Sleep(d) // fake time
			synctest.Wait()
			if stage := s.stage(); len(passes) != wantPasses || stage.State != want || stage.Detail != detail {
				t.Errorf("got %d passes, %+v; want %d, %s, %q", len(passes), stage, wantPasses, want, detail)
			}
		}
		after(time.Minute, 0, api.StageOK, "train it")
		version = 1
		after(6*time.Second, 1, api.StageOK, "after 0")
		after(50*time.Minute, 1, api.StageOK, "after 0")
		after(11*time.Minute, 2, api.StageOK, "after 1")
		version, fault = 2, errors.New("no room")
		after(6*time.Second, 3, api.StageFailing, "no room")
		after(scoresLook, 4, api.StageFailing, "no room")
		fault = nil
		after(scoresLook, 5, api.StageOK, "after 1")
		cancel()
		synctest.Wait()
	})
}

// scoringStores are both stores, migrated and empty.
func scoringStores(t *testing.T) (*olap.Store, *oltp.Store, *pgx.Conn) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	olapCfg, oltpCfg := olap.DefaultConfig(), oltp.DefaultConfig()
	_, olapCfg.Address, olapCfg.Database = enginetest.ClickHouse(t)
	oltpCfg.Address = enginetest.Postgres(t)
	events, err := olap.Open(t.Context(), olapCfg)
	must(err)
	t.Cleanup(func() { events.Close() })
	_, err = events.Migrate(t.Context())
	must(err)
	users, err := oltp.Open(t.Context(), oltpCfg)
	must(err)
	t.Cleanup(func() { users.Close() })
	_, err = users.Migrate(t.Context())
	must(err)
	conn, err := pgx.Connect(t.Context(), oltpCfg.Address)
	must(err)
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return events, users, conn
}

// storeViews stores a view of each user at the instant.
func storeViews(t *testing.T, events *olap.Store, at time.Time, from, to int) {
	t.Helper()
	batch := new(event.Batch)
	for u := from; u < to; u++ {
		ev := &event.Event{ID: fmt.Sprintf("%d-%d", at.Unix(), u), Type: "view", UserID: fmt.Sprintf("u%04d", u), Timestamp: at, Properties: []byte("{}")}
		if reject := batch.AppendEvent(ev, event.Position{Topic: "events", Offset: int64(u), ReceivedAt: at.UnixMilli()}); reject != nil {
			t.Fatal(reject)
		}
	}
	if err := events.Writer().Write(t.Context(), batch, fmt.Sprint(at)); err != nil {
		t.Fatal(err)
	}
}

// promoteChurn puts a new version of a model to use that knows one feature.
func promoteChurn(t *testing.T, users *oltp.Store) (version int) {
	t.Helper()
	everything := drift.Histogram{Edges: []float64{}, Shares: []float64{1}}
	parameters, err := json.Marshal(churn.Model{
		HorizonDays: 7, ActiveWithinDays: 90, StepDays: 7, Threshold: 0.5, PlattSlope: 1, Scores: everything,
		Weights: []churn.Weight{{Feature: "days_since_last_event", SD: 1, High: 90, Coefficient: 0.1, Values: everything}},
	})
	if err != nil {
		t.Fatal(err)
	}
	saved, err := users.SaveModel(t.Context(), oltp.Model{Name: churn.Name, CodeVersion: "test", Parameters: parameters, Metrics: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := users.PromoteModel(t.Context(), churn.Name, saved.Version, "a test"); err != nil {
		t.Fatal(err)
	}
	return saved.Version
}

// TestAChurnPassThatFailsTakesNobodyAway makes the last batch of a pass fail: who
// has left meanwhile keeps features and prediction, in Postgres and in questions,
// until a pass has written everybody.
func TestAChurnPassThatFailsTakesNobodyAway(t *testing.T) {
	const all = scoresBatch + 100
	events, users, conn := scoringStores(t)
	s, err := newChurnScores(events, users, time.Hour, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	exec := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, want int) {
		t.Helper()
		for _, table := range []string{"churn_features", "predictions"} {
			var n int
			if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil || n != want {
				t.Errorf("%s: %d users in %s, want %d; %v", when, n, table, want, err)
			}
		}
		q, err := olap.ParseQuery([]byte(`{"kind":"trends","from":"2026-01-01","to":"2026-07-01","series":[{"event":"view","measure":"users","where":"churn exists"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := events.Ask(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := json.Marshal(answer.Result.(*olap.TrendsResult).Series[0].Total)
		if string(text) != fmt.Sprint(want) {
			t.Errorf("%s: questions know the scores of %s users, want %d", when, text, want)
		}
	}
	start := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	storeViews(t, events, start, 0, all)
	promoteChurn(t, users)
	if err := s.passIfDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("after the first pass", all)
	pass, _, err := users.ChurnPass(t.Context())
	if err != nil || !pass.AsOf.Equal(start.Add(time.Millisecond)) {
		t.Errorf("the latest pass: got %+v, %v", pass, err)
	}

	storeViews(t, events, start.AddDate(0, 0, 100), 1, all) // the first user has left
	second := promoteChurn(t, users)
	exec(fmt.Sprintf(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF EXISTS (SELECT FROM predictions WHERE version = %d) THEN RAISE 'no room for a second batch'; END IF;
			RETURN NULL;
		END $$`, second))
	exec("CREATE TRIGGER refuse BEFORE INSERT ON predictions FOR EACH STATEMENT EXECUTE FUNCTION refuse()")
	if err := s.passIfDue(t.Context()); err == nil {
		t.Fatal("the pass did not fail")
	}
	check("after the pass that failed", all)
	if again, _, err := users.ChurnPass(t.Context()); err != nil || !again.AsOf.Equal(pass.AsOf) {
		t.Errorf("a pass that failed is the latest: %+v, %v", again, err)
	}
	exec("DROP TRIGGER refuse ON predictions")
	if err := s.passIfDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("after the repeated pass", all-1)
}
