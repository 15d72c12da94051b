package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/alert"
	"millrace/internal/enginetest"
	"millrace/oltp"
)

// alertMember is the environment variable that makes the test binary a process
// that watches rules and delivers alerts; it holds the address of Postgres.
const alertMember = "MILLRACE_TEST_ALERTS"

// serveAlerts runs the alert stage where this process is there for it, and does
// not return then. What its rules watch is the table conditions.
func serveAlerts() {
	address, ok := os.LookupEnv(alertMember)
	if !ok {
		return
	}
	ctx := context.Background()
	cfg := oltp.DefaultConfig()
	cfg.Address = address
	store, err := oltp.Open(ctx, cfg)
	if err != nil {
		panic(err)
	}
	conditions, err := pgx.Connect(ctx, address)
	if err != nil {
		panic(err)
	}
	see := func(ctx context.Context, _ alert.DueRule) ([]alert.Observation, error) {
		rows, err := conditions.Query(ctx, "SELECT key, true, holds, NULL::float8, 'condition ' || key, NULL::jsonb FROM conditions")
		if err != nil {
			return nil, err
		}
		return pgx.CollectRows(rows, pgx.RowToStructByPos[alert.Observation])
	}
	stage, err := alert.NewStage(killedAlerts(), alert.Deps{
		Store: alertStore{store: store}, Sources: map[string]alert.Source{alert.Pipeline: see},
		Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		panic(err)
	}
	panic(stage.Run(ctx))
}

// killedAlerts never gives up, so that what is missing at the end was lost.
func killedAlerts() alert.Config {
	cfg := quickAlerts()
	cfg.Look, cfg.MaxAttempts = 25*time.Millisecond, 1000
	return cfg
}

// startAlertVictim starts the stage as a process of its own.
func startAlertVictim(t *testing.T, address string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), alertMember+"="+address)
	var said lockedBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("an alert stage said:\n%.3000s", said.String())
		}
	})
	return cmd
}

// answerBadly acknowledges about half of what comes, some of it late; the rest is
// refused, hung up on, or left without an answer until the sender gives up.
func answerBadly(rng *rand.Rand) func(int, http.ResponseWriter, *http.Request) {
	var mu sync.Mutex
	return func(_ int, w http.ResponseWriter, request *http.Request) {
		mu.Lock()
		how, late := rng.IntN(10), time.Duration(rng.IntN(250))*time.Millisecond
		mu.Unlock()
		switch how {
		case 0, 1:
			w.WriteHeader(http.StatusInternalServerError)
		case 2:
			panic(http.ErrAbortHandler)
		case 3:
			<-request.Context().Done()
		case 4, 5, 6: // late: a kill in between takes the acknowledgement away
			select {
			case <-time.After(late):
			case <-request.Context().Done():
			}
		}
	}
}

// TestAlertsKilledAtRandom kills the alert stage with SIGKILL again and again, while
// conditions come and go and purchases are found, before a receiver that
// acknowledges late, or not, or never. At the end the receiver has every firing,
// every end and every purchase, each under one key with one body, and the log in
// Postgres says the same.
func TestAlertsKilledAtRandom(t *testing.T) {
	requireEngines(t)
	rounds, each := 6, 4
	if testing.Short() {
		rounds = 3
	}
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	address := enginetest.Postgres(t)
	store := storeAt(t, address)
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	execute := func(sql string, args ...any) {
		if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	execute("CREATE TABLE conditions (key text PRIMARY KEY, holds boolean NOT NULL)")
	hook := newReceiver(t, answerBadly(rand.New(rand.NewPCG(seed, 1))))
	addRule(t, store, hook.URL, `{"kind":"pipeline"}`)
	addRule(t, store, hook.URL, `{"kind":"fraud"}`)

	victim := startAlertVictim(t, address)
	kills := 0
	killSometime := func() {
		<-time.After(time.Duration(rng.IntN(700)) * time.Millisecond)
		if err := victim.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = victim.Wait()
		victim = startAlertVictim(t, address)
		kills++
	}
	for round := range rounds {
		for n := range each {
			execute("INSERT INTO conditions VALUES ($1, true)", fmt.Sprintf("c%d-%d", round, n))
		}
		findPurchases(t, store, int64(round*each), int64(round*each+each))
		killSometime()
		countAlerts(t, store, "firing", "pipeline", each)
		execute("UPDATE conditions SET holds = false")
		if round%2 == 1 {
			killSometime()
		}
		countAlerts(t, store, "resolved", "pipeline", each*(round+1))
	}
	eventually(t, "all is acknowledged", func() bool {
		waiting, _, err := store.AlertBacklog(t.Context())
		return err == nil && waiting == 0
	})
	requests := hook.requests()
	checkTold(t, store, hook, 2*rounds*each, rounds*each)
	t.Logf("seed %d: killed %d times; %d messages in %d requests", seed, kills, 3*rounds*each, len(requests))
	if kills < rounds || len(requests) <= 3*rounds*each {
		t.Errorf("%d kills and %d requests of %d messages try nothing", kills, len(requests), 3*rounds*each)
	}
}

// countAlerts waits until so many alerts of a kind are in a state.
func countAlerts(t *testing.T, store *oltp.Store, state, kind string, want int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d alerts are %s", want, state), func() bool {
		alerts, err := store.Alerts(t.Context(), oltp.AlertFilter{States: []string{state}}, 1000)
		alerts = slices.DeleteFunc(alerts, func(a oltp.Alert) bool { return a.Kind != kind })
		return err == nil && len(alerts) == want
	})
}

// checkTold compares what the receiver has with what the log in Postgres says: so
// many messages of conditions, half of them ends, and so many of purchases.
func checkTold(t *testing.T, store *oltp.Store, hook *receiver, conditions, purchases int) {
	t.Helper()
	messages, faults := hook.messages()
	for _, fault := range faults {
		t.Error(fault)
	}
	alerts, err := store.Alerts(t.Context(), oltp.AlertFilter{}, 1000)
	if err != nil || len(alerts) != conditions/2+purchases {
		t.Fatalf("%d alerts, want %d, %v", len(alerts), conditions/2+purchases, err)
	}
	logged := 0
	for _, a := range alerts {
		told, err := store.AlertDeliveries(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		var events []string
		for _, d := range told {
			events = append(events, d.Event)
			logged++
			if d.DeliveredAt.IsZero() || !d.DiedAt.IsZero() || len(d.Log) == 0 || !slices.ContainsFunc(d.Log, func(l oltp.AlertAttempt) bool { return l.Fault == "" }) {
				t.Errorf("the log does not show that %s was acknowledged: %+v", d.ID, d)
			}
			if messages[d.ID] != string(d.Body) {
				t.Errorf("%s of %s came as %q, and is %q", d.Event, a.Key, messages[d.ID], d.Body)
			}
			var m alert.Message
			if err := json.Unmarshal([]byte(messages[d.ID]), &m); err != nil || m.ID != d.ID || m.Event != d.Event || m.Alert.Key != a.Key {
				t.Errorf("message %+v of %s, %v", m, a.Key, err)
			}
		}
		want := "alert.firing alert.resolved"
		if a.Kind == alert.Fraud {
			want = "alert.firing"
		}
		if got := strings.Join(events, " "); got != want {
			t.Errorf("%s %s was told %q, want %q", a.Kind, a.Key, got, want)
		}
	}
	if logged != conditions+purchases || len(messages) != logged {
		t.Errorf("%d deliveries in the log and %d at the receiver, want %d", logged, len(messages), conditions+purchases)
	}
	inOrder(t, hook)
}

// inOrder checks that no end came before its beginning.
func inOrder(t *testing.T, hook *receiver) {
	t.Helper()
	messages, _ := hook.messages()
	begun := map[string]bool{}
	for _, key := range hook.requests() {
		var m alert.Message
		if err := json.Unmarshal([]byte(messages[key]), &m); err != nil {
			t.Fatal(err)
		}
		if m.Event == alert.EventResolved && !begun[m.Alert.ID] {
			t.Errorf("the end of %s came before its beginning", m.Alert.Key)
		}
		begun[m.Alert.ID] = true
	}
}
