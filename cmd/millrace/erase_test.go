package main

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"millrace/ingest"
	"millrace/oltp"
)

// liveALife lets a user leave something in every table: as a visitor, as a user
// with traits, with purchases of which one is blocked and told of, with a repeat
// and a dead letter that was corrected, and with what models say.
func liveALife(t *testing.T, r *running, store *oltp.Store, user string) {
	t.Helper()
	visitor := user + "-visitor"
	now := time.Now().UTC()
	events := []string{
		fmt.Sprintf(`{"type":"view","anonymous_id":%q}`, visitor),
		fmt.Sprintf(`{"event_id":"%[1]s-e","type":"view","user_id":%[1]q,"properties":{"note":"of %[1]s"}}`, user),
	}
	for n := range 12 {
		events = append(events, purchaseOf(user, fmt.Sprint("usual-", n), now.Add(time.Duration(n-13)*24*time.Hour), "900"))
	}
	events = append(events, purchaseOf(user, "huge-0", now.Add(-time.Second), "500000"), purchaseOf(user, "huge-1", now.Add(-500*time.Millisecond), "500000"))
	post(t, r.API+"/v1/events", "["+strings.Join(events, ",")+"]", http.StatusAccepted)
	post(t, r.API+"/v1/events", fmt.Sprintf(`{"event_id":"%[1]s-e","type":"view","user_id":%[1]q}`, user), http.StatusAccepted)
	post(t, r.API+"/v1/identify", fmt.Sprintf(`{"userId":%q,"anonymousId":%q,"traits":{"plan":"gold"}}`, user, visitor), http.StatusOK)
	produceRaw(t, r, "events", user, fmt.Sprintf(`{"user_id":%q,"type":"view","timestamp":"yesterday"}`, user))
	if _, err := store.SavePredictions(t.Context(), "churn", []oltp.Prediction{{UserID: user, Version: 1, AsOf: now, Score: 0.9}}); err != nil {
		t.Fatal(err)
	}
	if err := store.SaveChurnFeatures(t.Context(), []oltp.ChurnFeatures{{UserID: user, AsOf: now, Features: map[string]float64{"x": 1}}}); err != nil {
		t.Fatal(err)
	}
	clickhouse(t, r, fmt.Sprintf("INSERT INTO user_scores (name, user_id, latest) VALUES ('churn', '%s', (1, 0.9))", user))
}

func purchaseOf(user, id string, at time.Time, amount string) string {
	return fmt.Sprintf(`{"event_id":"%[1]s-%[2]s","type":"purchase","user_id":%[1]q,"timestamp":"%[3]s","properties":{"amount":"%[4]s","currency":"INR"},
		"context":{"country":"IN","platform":"android"}}`, user, id, at.Format(time.RFC3339Nano), amount)
}

// tracesOf lists the tables of both stores in which a row has the text, with the
// number of rows, whatever the column.
func tracesOf(t *testing.T, r *running, text string) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	for table := range strings.Lines(clickhouse(t, r, "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'")) {
		table = strings.TrimSpace(table)
		var n int64
		fmt.Sscan(clickhouse(t, r, fmt.Sprintf("SELECT countIf(position(formatRow('RowBinary', *), '%s') > 0) FROM %s", text, table)), &n)
		if n > 0 {
			found["clickhouse."+table] = n
		}
	}
	conn, err := pgx.Connect(t.Context(), r.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		var n int64
		const count = "SELECT count(*) FROM %s AS row WHERE row::text LIKE '%%' || $1 || '%%' OR row::text LIKE '%%' || $2 || '%%'"
		if err := conn.QueryRow(t.Context(), fmt.Sprintf(count, table), text, hex.EncodeToString([]byte(text))).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			found["postgres."+table] = n
		}
	}
	return found
}

// TestAnErasedUserIsGone fills all tables for two users, erases one, and looks for
// both in every column of every table of both stores.
func TestAnErasedUserIsGone(t *testing.T) {
	hook := newReceiver(t, nil)
	r := up(t, t.TempDir())
	store := openUsers(t, r)
	post(t, r.API+"/v1/alert-rules", fmt.Sprintf(`{"name":"Fraud","watch":{"kind":"fraud"},"channels":[{"kind":"webhook","url":%q,"secret":%q}]}`,
		hook.URL, alertSecret), http.StatusCreated)
	users := []string{"zoe-who-goes", "kim-who-stays"}
	for _, user := range users {
		liveALife(t, r, store, user)
	}
	places := []string{
		"clickhouse.events", "clickhouse.user_traits", "clickhouse.user_scores", "clickhouse.dead_letters", "clickhouse.duplicates", "postgres.user_stats",
		"postgres.identity_links", "postgres.predictions", "postgres.churn_features", "postgres.user_profiles", "postgres.fraud_scores", "postgres.alerts", "postgres.alert_deliveries",
	}
	full := map[string]map[string]int64{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("found at the beginning: %v", full)
		}
	})
	for _, user := range users {
		eventually(t, "all tables have something of "+user, func() bool {
			full[user] = tracesOf(t, r, user)
			for _, place := range places {
				if full[user][place] == 0 {
					return false
				}
			}
			return full[user]["postgres.user_stats"] == 2 && full[user]["postgres.alert_deliveries"] == 2
		})
	}

	answer := remove(t, r.API+"/v1/users/"+users[0], http.StatusOK)
	equal(t, "state", answer["state"], "done")
	equal(t, "ids", answer["ids"], 2)
	for _, place := range answer["places"].([]any) {
		p := place.(map[string]any)
		equal(t, fmt.Sprint(p["place"], " afterwards"), p["after"], 0)
	}
	equal(t, "what is left of the erased one", tracesOf(t, r, users[0]), map[string]int64{})
	equal(t, "what is left of the other", tracesOf(t, r, users[1]), full[users[1]])
	get(t, r.API+"/v1/users/"+users[0], http.StatusNotFound)
	ledger := get(t, r.API+"/v1/ledger?from=-2h", http.StatusOK)
	equal(t, "balanced", ledger["balanced"], true)
	equal(t, "erased", at(t, ledger, "total", "erased"), 17) // a view as a visitor, one as a user, an identify, 14 purchases

	// What comes later is new: to the scoring, too, which has had the profile in memory.
	post(t, r.API+"/v1/events", purchaseOf(users[0], "new", time.Now().UTC(), "900"), http.StatusAccepted)
	eventually(t, "a new purchase is stored and scored", func() bool {
		left := tracesOf(t, r, users[0])
		return left["clickhouse.events"] == 1 && left["postgres.fraud_scores"] == 1 && left["postgres.user_stats"] == 1
	})
	for i, known := range []int{1, 12} { // what was blocked teaches nothing
		verdict := post(t, r.API+"/v1/score/fraud", fmt.Sprintf(`{"user_id":%q,"amount":"900","currency":"INR"}`, users[i]), http.StatusOK)
		equal(t, "purchases that the scoring knows of "+users[i], verdict["purchases_known"], known)
	}
}

// openUsers opens the Postgres of a running millrace.
func openUsers(t *testing.T, r *running) *oltp.Store {
	t.Helper()
	cfg := oltp.DefaultConfig()
	cfg.Address = r.Postgres
	store, err := oltp.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// produceRaw puts a record into Kafka, past the collector.
func produceRaw(t *testing.T, r *running, topic, key, value string) {
	t.Helper()
	cfg := ingest.DefaultProducerConfig()
	cfg.Brokers, cfg.Topic = []string{r.Kafka}, topic
	producer, err := ingest.NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.Publish(t.Context(), []ingest.Record{{Key: []byte(key), Value: []byte(value)}}); err != nil {
		t.Fatal(err)
	}
}

// remove sends a DELETE and decodes the JSON answer.
func remove(t *testing.T, url string, wantStatus int) map[string]any {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, response, wantStatus, url)
}
