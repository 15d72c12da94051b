package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/ingest"
	"millrace/internal/embedded"
	"millrace/internal/fraud"
	"millrace/internal/scorer"
	"millrace/internal/traffic"
	"millrace/oltp"
)

// scorerMember is the environment variable that makes the test binary a scorer.
const scorerMember = "MILLRACE_TEST_SCORER"

// memberOf says what such a scorer works with.
type memberOf struct {
	Kafka, Postgres, Group string
}

// serveScorer runs a scorer where this process is one, and does not return then.
func serveScorer() {
	text, ok := os.LookupEnv(scorerMember)
	if !ok {
		return
	}
	var m memberOf
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err)
	}
	if err := m.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run scores until ctx ends.
func (m memberOf) run(ctx context.Context) error {
	cfg := oltp.DefaultConfig()
	cfg.Address = m.Postgres
	store, err := oltp.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer store.Close()
	model, err := fraud.DefaultModel()
	if err != nil {
		return err
	}
	scoring := scorer.DefaultConfig()
	scoring.Brokers, scoring.Group = []string{m.Kafka}, m.Group
	scoring.MaxAge, scoring.MaxRows = 20*time.Millisecond, 200 // many blocks: many places to die in
	scoring.MaxProfiles = 50
	scoring.SessionTimeout = time.Second
	s, err := scorer.New(scoring, scorer.Deps{
		Store: scoreStore{store}, Model: func() *fraud.Model { return model }, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// TestScorerKilledAtRandom kills the scorer with SIGKILL again and again while
// events stream in, and compares row by row with a scorer that nobody disturbed,
// in a group and a database of its own: each purchase has one row, and score,
// decision, reasons and features are the same. The profiles are, too.
func TestScorerKilledAtRandom(t *testing.T) {
	events, kills := 16_000, 5
	if testing.Short() {
		events, kills = 8000, 2
	}
	stack := startStack(t, embedded.Config{DataDir: t.TempDir(), Engines: []embedded.Engine{embedded.Kafka, embedded.Postgres}})
	at := stack.Addresses()
	killed := memberOf{at.Kafka, scoringDatabase(t, at.Postgres, "killed"), "killed"}
	calm := memberOf{at.Kafka, scoringDatabase(t, at.Postgres, "calm"), "calm"}
	if err := ingest.EnsureTopic(t.Context(), []string{at.Kafka}, "events", 3); err != nil {
		t.Fatal(err)
	}
	forgetMembersSoon(t, at.Kafka)
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	sent := make(chan int, 1)
	var sending sync.WaitGroup
	sending.Go(func() { sent <- sendPurchases(t, at.Kafka, events) })
	ctx, stop := context.WithCancel(t.Context())
	var scoring sync.WaitGroup
	scoring.Go(func() {
		if err := calm.run(ctx); err != nil {
			t.Errorf("the scorer that nobody disturbed: %v", err)
		}
	})
	victim := startVictim(t, killed)
	for n := range kills {
		share := (float64(n) + rng.Float64()) / float64(kills+1) // somewhere in the stream
		eventually(t, "the next part of the stream is scored", func() bool { return offsetsOf(t, killed) >= int(share*float64(events)) })
		if err := victim.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = victim.Wait()
		victim = startVictim(t, killed)
	}
	sending.Wait()
	purchases := <-sent
	for _, m := range []memberOf{killed, calm} {
		eventually(t, "everything is scored by the group "+m.Group, func() bool { return offsetsOf(t, m) == events })
	}
	stop()
	scoring.Wait()
	want, got := scoresOf(t, calm), scoresOf(t, killed)
	if len(want) != purchases {
		t.Errorf("seed %d: %d rows for %d different purchases", seed, len(want), purchases)
	}
	if !slices.Equal(want, got) {
		t.Errorf("seed %d: %d rows after kills, %d without; %s", seed, len(got), len(want), firstDifferent(want, got))
	}
	if want, got := profilesOf(t, calm), profilesOf(t, killed); !slices.Equal(want, got) {
		t.Errorf("seed %d: the profiles differ: %s", seed, firstDifferent(want, got))
	}
	alerts := 0
	for _, row := range got {
		if !strings.Contains(row, " allow ") {
			alerts++
		}
	}
	t.Logf("seed %d: %d events, %d purchases, %d alerts; killed %d times", seed, events, purchases, alerts, kills)
}

// forgetMembersSoon lets groups give up a killed member after a second.
func forgetMembersSoon(t *testing.T, broker string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	value := "100"
	change := []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "group.min.session.timeout.ms", Value: &value}}
	if _, err := kadm.NewClient(client).AlterBrokerConfigs(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

// scoringDatabase makes a database with our tables and returns its address.
func scoringDatabase(t *testing.T, server, name string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/" + name
	cfg := oltp.DefaultConfig()
	cfg.Address = address.String()
	store, err := oltp.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return cfg.Address
}

// sendPurchases sends events with much fraud and many repeats, spread over some
// seconds, and returns how many different purchases there are.
func sendPurchases(t *testing.T, kafka string, events int) int {
	cfg := ingest.DefaultProducerConfig()
	cfg.Brokers = []string{kafka}
	producer, err := ingest.NewProducer(cfg)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer producer.Close()
	people := traffic.DefaultConfig()
	people.Users, people.Rate, people.FraudShare, people.DuplicateShare = 300, 0.2, 0.05, 0.05
	g, err := traffic.New(people)
	if err != nil {
		t.Error(err)
		return 0
	}
	pace := traffic.Pace{Start: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), Rate: people.Rate}
	purchases := map[string]bool{}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for n := 0; n < events; {
		var records []ingest.Record
		for ; n < events && len(records) < 50; n++ {
			ev, _ := g.Next(pace.At(int64(n)))
			if ev.Type == "purchase" {
				purchases[ev.ID] = true
			}
			records = append(records, ingest.Record{Key: []byte(ev.Key()), Value: ev.AppendJSON(nil)})
		}
		if err := producer.Publish(t.Context(), records); err != nil {
			t.Error(err)
			return 0
		}
		<-tick.C
	}
	return len(purchases)
}

// startVictim starts a scorer as a process of its own.
func startVictim(t *testing.T, m memberOf) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return startAs(t, scorerMember, string(text))
}

// startAs starts the test binary as what the environment variable makes of it.
func startAs(t *testing.T, variable, value string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), variable+"="+value)
	var said lockedBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%.5000s", variable, said.String())
		}
	})
	return cmd
}

// offsetsOf is how many records the database of a scorer is past.
func offsetsOf(t *testing.T, m memberOf) int {
	t.Helper()
	n, err := strconv.Atoi(rowsOf(t, m, "SELECT coalesce(sum(next_offset), 0)::text FROM scoring_state")[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func scoresOf(t *testing.T, m memberOf) []string {
	t.Helper()
	return rowsOf(t, m, `SELECT concat_ws(' ', partition, "offset", event_id, user_id, event_time, amount, currency, country, score, decision, base, reasons, features)
		FROM fraud_scores ORDER BY partition, "offset"`)
}

func profilesOf(t *testing.T, m memberOf) []string {
	t.Helper()
	return rowsOf(t, m, `SELECT concat_ws(' ', user_id, partition, encode(state, 'hex')) FROM user_profiles
		UNION ALL SELECT concat_ws(' ', partition, next_offset, encode(population, 'hex')) FROM scoring_state ORDER BY 1`)
}

// rowsOf reads rows of one text column.
func rowsOf(t *testing.T, m memberOf, sql string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), m.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

func firstDifferent(want, got []string) string {
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			return fmt.Sprintf("the first difference:\nwant %.600s\ngot  %.600s", want[i], got[i])
		}
	}
	return "one has more rows"
}
