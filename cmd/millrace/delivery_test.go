package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millrace/ingest"
	"millrace/internal/embedded"
)

// History sent as Protobuf to the backfill topic is stored like any event, and
// the metrics that tell of all this are those that docs/delivery.md explains.
func TestBackfillAndTheMetricsOfDelivery(t *testing.T) {
	r := up(t, t.TempDir())
	command(t, exitOK, "produce", "--kafka", r.Kafka, "--backfill", "--format", "protobuf", "--events", "500", "--rate", "0", "--start", "-7d", "--duplicates", "0")
	for range 2 { // the second is a repeat
		post(t, r.API+"/v1/events", `{"event_id":"e1","type":"view","user_id":"u1"}`, 202)
	}
	producer, err := ingest.NewProducer(ingest.ProducerConfig{Brokers: []string{r.Kafka}, Topic: "events", Timeout: deliveryTimeout, MaxBuffered: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.Publish(t.Context(), []ingest.Record{{Key: []byte("u1"), Value: []byte("{}")}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "every record is accounted for", func() bool {
		return clickhouse(t, r, `SELECT countIf(kafka_topic = 'events.backfill'), countIf(kafka_topic = 'events'),
			(SELECT count() FROM duplicates), (SELECT count() FROM dead_letters) FROM events FORMAT TSV`) == "500\t1\t1\t1"
	})
	eventually(t, "the views have followed", func() bool {
		return clickhouse(t, r, "SELECT sum(events) FROM windows_by_type WHERE NOT by_country") == "501"
	})
	checkWindows(t, r)
	eventually(t, "the backfill's own lag is 0", func() bool {
		for _, stage := range at(t, get(t, r.API+"/v1/status", 200), "stages").([]any) {
			if at(t, stage, "name") == "backfill" {
				return at(t, stage, "lag_records") == 0.0
			}
		}
		return false
	})
	checkMetricsDocs(t, scrape(t, r.API+"/metrics"))
}

// checkMetricsDocs holds the table of docs/delivery.md against what a process
// exposes, in both directions. The client library's own metrics have one row
// for each client, whose name ends with a star.
func checkMetricsDocs(t *testing.T, exposed series) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "delivery.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{} // and whether it was found
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "| `millrace_"); ok {
			name, _, _ = strings.Cut(name, "`")
			name, _, _ = strings.Cut(name, "{")
			documented["millrace_"+name] = false
		}
	}
	for name := range exposed {
		row := name
		for _, client := range []string{"millrace_kafka_consumer_", "millrace_kafka_producer_"} {
			if strings.HasPrefix(name, client) {
				row = client + "*"
			}
		}
		if !strings.HasPrefix(row, "millrace_ingest_") && !strings.HasPrefix(row, "millrace_kafka_") {
			continue // told elsewhere
		}
		if _, known := documented[row]; !known {
			t.Errorf("%s is exposed and not in the table of docs/delivery.md", name)
		}
		documented[row] = true
	}
	for name, found := range documented {
		if !found {
			t.Errorf("%s is in the table of docs/delivery.md and not exposed", name)
		}
	}
}

// A broker that is gone is answered with 503 and a time to come back, and the
// API takes events again once the broker is back.
func TestBrokerAwayMeansComeBackLater(t *testing.T) {
	cfg := embedded.Config{DataDir: t.TempDir(), Engines: []embedded.Engine{embedded.Kafka}}
	broker := startStack(t, cfg)
	address := broker.Addresses().Kafka
	r := up(t, t.TempDir(), "--stages", "api", "--kafka", address)
	post(t, r.API+"/v1/events", `{"type":"view","user_id":"u1"}`, 202)
	stopStack(t, broker)

	response, err := http.Post(r.API+"/v1/events", "application/json", strings.NewReader(`{"event_id":"e2","type":"view","user_id":"u1"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var problem map[string]any
	if err := json.NewDecoder(response.Body).Decode(&problem); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("status %d, Retry-After %q: %v; want 503 and a time", response.StatusCode, response.Header.Get("Retry-After"), problem)
	}

	cfg.Ports.Kafka = portOf(t, address)
	startStack(t, cfg)
	eventually(t, "events are taken again", func() bool {
		response, err := http.Post(r.API+"/v1/events", "application/json", strings.NewReader(`{"event_id":"e2","type":"view","user_id":"u1"}`))
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusAccepted
	})
}
