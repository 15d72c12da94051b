package bench

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/internal/churn"
	"millrace/internal/drift"
	"millrace/oltp"
)

var (
	predictFor   = flag.Duration("predict", 0, "run TestPredict: ask POST /predict for so long in each situation")
	predictUsers = flag.Int("predict-users", 20_000, "users of TestPredict, with ten events each")
	predictRate  = flag.Int("predict-rate", 400, "predictions asked per second in TestPredict")
)

// predictGoal is the time within which 99 of 100 predictions are answered.
const predictGoal = 10 * time.Millisecond

// TestPredict asks a running Millrace, with a real ClickHouse and Postgres and over
// HTTP, about users at random: while no pass has computed their features, after
// one, and while events come in and passes follow each other.
func TestPredict(t *testing.T) {
	if *predictFor == 0 {
		t.Skip("takes a minute or two: run it with -predict 10s, or as `make bench-predict`")
	}
	dir := t.TempDir()
	m := startMillrace(t, dir, "--stages", "ingest,sync,api")
	if status, body := m.predict(t, "user_000000000"); status != http.StatusConflict || !strings.Contains(body, "millrace train churn") {
		t.Errorf("without a model: %d %s", status, body)
	}
	fillForSync(t, m.store(), *predictUsers)
	m.awaitUsers(t, *predictUsers)
	m.promoteChurn(t)
	var report strings.Builder
	report.WriteString("| POST /predict | answers | features from | median | p99 | slowest |\n|---|--:|---|--:|--:|--:|\n")
	m.measure(t, &report, "no pass yet", "statistics")
	m.stop()

	m = startMillrace(t, dir, "--churn-refresh", "1s")
	m.awaitStage(t, "churn", "version 1")
	m.measure(t, &report, "after a pass", "events")
	stop, streaming := make(chan struct{}), sync.WaitGroup{}
	streaming.Go(func() { m.stream(t, stop) })
	m.measure(t, &report, "events and passes beside", "")
	close(stop)
	streaming.Wait()
	m.measureUnknown(t, &report)
	t.Logf("\n%s\n%d users, %d predictions a second\n\n%s", machine(), *predictUsers, *predictRate, report.String())
}

func userOf(n int) string { return fmt.Sprintf("user_%09d", n) }

// predict asks about a user.
func (m *millraceUp) predict(t *testing.T, user string) (status int, body string) {
	response, err := http.Post(m.API+"/predict", "application/json", strings.NewReader(fmt.Sprintf(`{"user_id":%q}`, user)))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(text)
}

// measure asks about users at random and holds the time against the goal. from is
// where the features of all must come from, empty for either place.
func (m *millraceUp) measure(t *testing.T, report *strings.Builder, situation, from string) {
	t.Helper()
	seen := map[string]int{}
	var mu sync.Mutex
	took := m.askAtRate(t, func(n int) bool {
		status, body := m.predict(t, userOf(rand.IntN(*predictUsers)))
		var p struct {
			FeaturesFrom string            `json:"features_from"`
			Reasons      []json.RawMessage `json:"reasons"`
		}
		if err := json.Unmarshal([]byte(body), &p); err != nil || status != http.StatusOK || len(p.Reasons) == 0 {
			t.Errorf("%s: %d %s", situation, status, body)
			return false
		}
		mu.Lock()
		seen[p.FeaturesFrom]++
		mu.Unlock()
		return true
	})
	if from != "" && seen[from] != len(took) {
		t.Errorf("%s: features from %v, want %s", situation, seen, from)
	}
	line(t, report, situation, strings.Join(slices.Sorted(maps.Keys(seen)), ", "), took)
}

// measureUnknown asks about users whom nobody knows.
func (m *millraceUp) measureUnknown(t *testing.T, report *strings.Builder) {
	t.Helper()
	took := m.askAtRate(t, func(n int) bool {
		status, body := m.predict(t, fmt.Sprintf("nobody_%d", n))
		if status != http.StatusNotFound || !strings.Contains(body, "unknown_user") {
			t.Errorf("an unknown user: %d %s", status, body)
		}
		return status == http.StatusNotFound
	})
	line(t, report, "unknown users", "", took)
}

// askAtRate asks for the time of the flag, from four clients that share the rate,
// and ends early at what ask calls wrong. The times are sorted.
func (m *millraceUp) askAtRate(t *testing.T, ask func(n int) bool) []time.Duration {
	t.Helper()
	const clients = 4
	each := make([][]time.Duration, clients)
	var asking sync.WaitGroup
	for c := range clients {
		asking.Go(func() {
			tick := time.NewTicker(time.Second * clients / time.Duration(*predictRate))
			defer tick.Stop()
			for began := time.Now(); time.Since(began) < *predictFor; {
				<-tick.C
				asked := time.Now()
				if !ask(c*1_000_000 + len(each[c])) {
					return
				}
				each[c] = append(each[c], time.Since(asked))
			}
		})
	}
	asking.Wait()
	took := slices.Concat(each...)
	slices.Sort(took)
	if len(took) == 0 {
		t.Fatal("nothing was answered")
	}
	return took
}

// line adds to the report, and judges.
func line(t *testing.T, report *strings.Builder, situation, from string, took []time.Duration) {
	t.Helper()
	quantile := func(q float64) time.Duration {
		return took[int(q*float64(len(took)-1))].Round(10 * time.Microsecond)
	}
	fmt.Fprintf(report, "| %s | %d | %s | %v | %v | %v |\n", situation, len(took), from, quantile(0.5), quantile(0.99), quantile(1))
	if p99 := quantile(0.99); p99 > predictGoal {
		t.Errorf("%s: p99 is %v, the goal is %v", situation, p99, predictGoal)
	}
}

// stream sends 200 events a second of known users, each a moment later than all
// before: so the newest event moves, and every look finds a pass to do.
func (m *millraceUp) stream(t *testing.T, stop <-chan struct{}) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	at := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		var events bytes.Buffer
		for range 20 {
			at = at.Add(time.Millisecond)
			fmt.Fprintf(&events, `{"type":"view","user_id":%q,"timestamp":%q}`+"\n", userOf(rand.IntN(*predictUsers)), at.Format(time.RFC3339Nano))
		}
		response, err := http.Post(m.API+"/v1/events", "application/x-ndjson", &events)
		if err != nil {
			t.Error(err)
			return
		}
		response.Body.Close()
	}
}

// awaitUsers waits until the statistics of so many users are in Postgres.
func (m *millraceUp) awaitUsers(t *testing.T, want int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), m.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	await(t, "the users are copied", func() bool {
		var n int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM user_stats").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n == want
	})
}

// awaitStage waits until a stage says what begins so.
func (m *millraceUp) awaitStage(t *testing.T, name, detail string) {
	t.Helper()
	await(t, name+" says "+detail, func() bool {
		response, err := http.Get(m.API + "/v1/status")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var status struct {
			Stages []struct{ Name, Detail string }
		}
		if err := json.NewDecoder(response.Body).Decode(&status); err != nil {
			t.Fatal(err)
		}
		for _, s := range status.Stages {
			if s.Name == name && strings.HasPrefix(s.Detail, detail) {
				return true
			}
		}
		return false
	})
}

// await asks again until the condition holds, for two minutes at most.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(2 * time.Minute); !condition(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long until %s", what)
		}
	}
}

// promoteChurn puts a model to use that looks at every feature. What it says is of
// no interest here; a training would need users who come back.
func (m *millraceUp) promoteChurn(t *testing.T) {
	t.Helper()
	everything := drift.Histogram{Edges: []float64{}, Shares: []float64{1}}
	model := churn.Model{HorizonDays: 7, ActiveWithinDays: 90, StepDays: 7, Threshold: 0.5, PlattSlope: 1, Scores: everything}
	for i, name := range churn.Names() {
		model.Weights = append(model.Weights, churn.Weight{Feature: name, Mean: 1, SD: 2, High: 90, Coefficient: float64(i%5-2) / 10, Values: everything})
	}
	parameters, err := json.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	cfg := oltp.DefaultConfig()
	cfg.Address = m.Postgres
	users, err := oltp.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer users.Close()
	saved, err := users.SaveModel(t.Context(), oltp.Model{Name: churn.Name, CodeVersion: "bench", Parameters: parameters, Metrics: []byte("{}")})
	if err == nil {
		_, err = users.PromoteModel(t.Context(), churn.Name, saved.Version, "to be measured")
	}
	if err != nil {
		t.Fatal(err)
	}
}
