package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/ingest"
)

// TestFraudFromEventToAnswer sends purchases to a whole `millrace up`, as a shop
// would: usual ones, then half a million rupees twice within a second.
func TestFraudFromEventToAnswer(t *testing.T) {
	r := up(t, t.TempDir())
	var events []string
	purchase := func(id string, at time.Time, amount string) string {
		return fmt.Sprintf(`{"event_id":"%s","type":"purchase","user_id":"u1","timestamp":"%s","properties":{"amount":"%s","currency":"INR"},
			"context":{"country":"IN","platform":"android","device":"Pixel 9"}}`, id, at.UTC().Format(time.RFC3339Nano), amount)
	}
	now := time.Now()
	for n := range 12 {
		events = append(events, purchase(fmt.Sprintf("usual-%d", n), now.Add(time.Duration(n-13)*24*time.Hour), fmt.Sprintf("%d.00", 900+20*n)))
	}
	events = append(events, purchase("huge-0", now.Add(-time.Second), "500000.00"), purchase("huge-1", now.Add(-500*time.Millisecond), "500000.00"))
	post(t, r.API+"/v1/events", "["+strings.Join(events, ",")+"]", http.StatusAccepted)

	var found map[string]any
	eventually(t, "both huge purchases are listed", func() bool {
		found = get(t, r.API+"/v1/fraud?user=u1", http.StatusOK)
		return len(found["purchases"].([]any)) == 2
	})
	equal(t, "the second one's decision", at(t, found, "purchases", 0, "decision"), "block")
	equal(t, "its id", at(t, found, "purchases", 0, "event_id"), "huge-1")
	equal(t, "its amount", at(t, found, "purchases", 0, "amount"), "500000")
	allowed := get(t, r.API+"/v1/fraud?user=u1&decision=allow", http.StatusOK)
	equal(t, "usual purchases", len(allowed["purchases"].([]any)), 12)

	verdict := post(t, r.API+"/v1/score/fraud",
		`{"user_id":"u1","amount":"450000.00","currency":"INR","context":{"country":"IN","platform":"android","device":"Pixel 9"}}`, http.StatusOK)
	equal(t, "a third one, asked about before it is made", verdict["decision"], "block")
	again := get(t, r.API+"/v1/fraud?user=u1", http.StatusOK)
	equal(t, "purchases found after asking", len(again["purchases"].([]any)), 2)

	checkHistoryIsNotJudged(t, r)
	stages := fmt.Sprint(get(t, r.API+"/v1/status", http.StatusOK)["stages"])
	if !strings.Contains(stages, "name:score") {
		t.Errorf("GET /v1/status does not show the stage: %s", stages)
	}
}

// checkHistoryIsNotJudged sends a purchase to the backfill: no row comes of it, and
// its user is known to who asks.
func checkHistoryIsNotJudged(t *testing.T, r *running) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.Kafka))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	at := time.Now().AddDate(0, 0, -100).UTC().Format(time.RFC3339)
	value := fmt.Appendf(nil, `{"event_id":"old","type":"purchase","user_id":"u9","timestamp":%q,"properties":{"amount":"500000.00","currency":"INR"}}`, at)
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: ingest.BackfillTopic, Key: []byte("u9"), Value: value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the profile has learnt from the history", func() bool {
		verdict := post(t, r.API+"/v1/score/fraud", `{"user_id":"u9","amount":"1.00","currency":"INR"}`, http.StatusOK)
		return verdict["purchases_known"] == 1.0
	})
	listed := get(t, r.API+"/v1/fraud?user=u9&decision=allow&decision=review&decision=block", http.StatusOK)
	equal(t, "rows of the history", len(listed["purchases"].([]any)), 0)
}
