package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/ingest"
	"millrace/internal/event"
)

var poisonRecords = flag.Int("poison", 20_000, "records of the poison flood")

// poison is one way to break an event, and what corrects it.
type poison struct {
	reason event.Reason
	broken string // %d is a number of its own
	patch  string // "" where only a whole payload helps
	big    bool   // too large to have many of
}

// poisons are all the reasons that the decoder knows.
func poisons() []poison {
	with := func(members string) string {
		return `{"event_id":"mended-%[1]d","type":"view","user_id":"u%[1]d",` + members + `}`
	}
	long := strings.Repeat
	return []poison{
		{reason: event.ReasonEmptyEvent, broken: "  "},
		{reason: event.ReasonByteOrderMark, broken: "\xef\xbb\xbf" + with(`"session_id":"s"`)},
		{reason: event.ReasonNotAnObject, broken: `["view","u%[1]d"]`},
		{reason: event.ReasonTruncatedJSON, broken: `{"event_id":"cut-%[1]d","type":"vi`},
		{reason: event.ReasonTrailingText, broken: with(`"session_id":"s"`) + with(`"session_id":"t"`)},
		{reason: event.ReasonControlCharacter, broken: with("\"session_id\":\"a\nb\"")},
		{reason: event.ReasonMalformedJSON, broken: `{'event_id':'quotes-%[1]d','type':'view'}`},
		{reason: event.ReasonInvalidUTF8, broken: with("\"session_id\":\"Andr\xe9\""), patch: `[{"op":"replace","path":"/session_id","value":"André"}]`},
		{reason: event.ReasonUnknownField, broken: `{"event_id":"mended-%[1]d","type":"view","userId":"u%[1]d"}`, patch: `[{"op":"move","from":"/userId","path":"/user_id"}]`},
		{reason: event.ReasonWrongType, broken: `{"event_id":"mended-%[1]d","type":"view","user_id":%[1]d}`, patch: `[{"op":"replace","path":"/user_id","value":"u1"}]`},
		{reason: event.ReasonMissingType, broken: `{"event_id":"mended-%[1]d","user_id":"u%[1]d"}`, patch: `[{"op":"add","path":"/type","value":"view"}]`},
		{reason: event.ReasonMissingUser, broken: `{"event_id":"mended-%[1]d","type":"view"}`, patch: `[{"op":"add","path":"/anonymous_id","value":"somebody"}]`},
		{reason: event.ReasonInvalidTimestamp, broken: with(`"timestamp":"yesterday"`), patch: `[{"op":"test","path":"/timestamp","value":"yesterday"},{"op":"remove","path":"/timestamp"}]`},
		{reason: event.ReasonMissingTimeZone, broken: with(`"timestamp":"2026-01-02T03:04:05"`), patch: `[{"op":"replace","path":"/timestamp","value":"2026-01-02T03:04:05Z"}]`},
		{reason: event.ReasonTimestampTooOld, broken: with(`"timestamp":"1850-01-02T03:04:05Z"`), patch: `[{"op":"replace","path":"/timestamp","value":"1997-01-02T03:04:05Z"}]`},
		{reason: event.ReasonTimestampInFuture, broken: with(`"timestamp":"2150-01-02T03:04:05Z"`), patch: `[{"op":"remove","path":"/timestamp"}]`},
		{reason: event.ReasonFieldTooLong, broken: with(`"session_id":"` + long("s", 600) + `"`), patch: `[{"op":"move","from":"/session_id","path":"/properties"},{"op":"replace","path":"/properties","value":{}}]`},
		{reason: event.ReasonPropertiesTooBig, broken: with(`"properties":{"note":"` + long("n", 300_000) + `","sku":"a"}`), patch: `[{"op":"remove","path":"/properties/note"}]`, big: true},
		{reason: event.ReasonEventTooBig, broken: with(`"context":{"user_agent":"` + long("a", 990_000) + `"}`), patch: `[{"op":"remove","path":"/context"}]`, big: true},
		{reason: event.ReasonTooDeep, broken: with(`"properties":` + long(`{"a":`, 40) + `1` + long(`}`, 40)), patch: `[{"op":"copy","from":"/properties/a/a","path":"/context"},{"op":"remove","path":"/context"},{"op":"replace","path":"/properties/a","value":1}]`},
		{reason: event.ReasonInvalidText, broken: with(`"session_id":"a\u0000b"`), patch: `[{"op":"replace","path":"/session_id","value":"ab"}]`},
	}
}

// flood are n records of which every tenth is broken, and how many of each reason.
func flood(n int) (records []ingest.Record, broken map[string]int) {
	broken = map[string]int{}
	ways := poisons()
	for i := range n {
		value := fmt.Sprintf(`{"event_id":"good-%d","type":"view","user_id":"u%d","timestamp":"2026-01-02T03:04:05Z"}`, i, i%500)
		if i%10 == 9 {
			turn := i / 10
			way := ways[turn%len(ways)]
			if way.big && turn/len(ways)%10 != 0 {
				way = ways[0]
			}
			value = way.broken
			if strings.Contains(value, "%[1]d") {
				value = fmt.Sprintf(value, i)
			}
			broken[string(way.reason)]++
		}
		records = append(records, ingest.Record{Key: fmt.Appendf(nil, "u%d", i%500), Value: []byte(value)})
	}
	return records, broken
}

// TestPoisonFlood breaks every tenth record in one of all the ways that there
// are. No good record is lost, each reason is named, and after a correction all
// are replayed; the ledger balances before and after.
func TestPoisonFlood(t *testing.T) {
	r := up(t, t.TempDir(), "--dead-letter-topic", "events.dead")
	records, want := flood(*poisonRecords)
	letters := 0
	for _, n := range want {
		letters += n
	}
	post(t, r.API+"/v1/events", `{"type":"view"}`, 400) // refused at the door: a count of its own
	began := time.Now()
	publishAll(t, r, records)
	awaitLedger(t, r, len(records))
	took := time.Since(began)

	before := ledgerTotal(t, r)
	equal(t, "stored", before["stored"], len(records)-letters)
	equal(t, "dead-lettered", before["dead_lettered"], letters)
	equal(t, "good events", clickhouse(t, r, "SELECT uniqExact(event_id), count() FROM events WHERE event_id LIKE 'good-%' FORMAT TSV"),
		fmt.Sprintf("%d\t%[1]d", len(records)-letters))
	got := reasonsOf(t, r, "")
	equal(t, "reasons", got, want)
	if len(got) < 20 {
		t.Errorf("%d reasons are named, want at least 20", len(got))
	}
	checkCopies(t, r, letters)

	replayed := 0
	for _, way := range poisons() {
		n := want[string(way.reason)]
		replayed += n
		equal(t, "replayed of "+string(way.reason), mend(t, r, way), n)
	}
	awaitLedger(t, r, len(records)+letters)
	after := ledgerTotal(t, r)
	equal(t, "dead letters after the replay", after["dead_lettered"], letters)
	equal(t, "events after the replay", clickhouse(t, r, "SELECT count(), uniqExact(event_id) FROM events FORMAT TSV"), fmt.Sprintf("%d\t%[1]d", len(records)))
	equal(t, "letters not replayed", len(reasonsOf(t, r, "no")), 0)

	// A double click: nothing is chosen, and what is forced is known.
	again := post(t, r.API+"/v1/dead-letters/replay", `{"filter":{}}`, 200)
	equal(t, "chosen a second time", at(t, again, "selected"), 0)
	forced := post(t, r.API+"/v1/dead-letters/replay", `{"filter":{"reason":["missing_type"]},"again":true,"patch":[{"op":"add","path":"/type","value":"view"}]}`, 200)
	equal(t, "forced and known", at(t, forced, "repeated"), want["missing_type"])
	equal(t, "produced after that", ledgerTotal(t, r)["produced"], len(records)+letters)

	eventually(t, "the collector's count is written", func() bool { return ledgerTotal(t, r)["rejected"] == 1.0 })
	table, _ := command(t, exitOK, "ledger", "--api", r.API, "--from", "-2h")
	t.Logf("%d records, %d of them broken in %d ways, stored in %v; %d replayed\nbefore: %v\nafter:  %v\n%s",
		len(records), letters, len(want), took.Round(time.Millisecond), replayed, before, after, table)
}

// publishAll puts records straight into Kafka: the collector would refuse the
// broken ones.
func publishAll(t *testing.T, r *running, records []ingest.Record) {
	t.Helper()
	cfg := ingest.DefaultProducerConfig()
	cfg.Brokers = []string{r.Kafka}
	producer, err := ingest.NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for chunk := range slices.Chunk(records, 5000) {
		if err := producer.Publish(t.Context(), chunk); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitLedger waits until so many records are settled, and checks the balance.
func awaitLedger(t *testing.T, r *running, produced int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d records are settled", produced), func() bool {
		total := ledgerTotal(t, r)
		return total["produced"] == float64(produced) && total["pending"] == 0.0
	})
	answer := get(t, r.API+"/v1/ledger?from=-2h", 200)
	if at(t, answer, "balanced") != true || at(t, answer, "total", "difference") != 0.0 {
		t.Errorf("the ledger does not balance: %v", answer)
	}
	total := ledgerTotal(t, r)
	equal(t, "aggregated", total["aggregated"], total["stored"])
	for _, v := range at(t, answer, "views").([]any) {
		equal(t, fmt.Sprint(at(t, v, "view"), " against the rows"), at(t, v, "difference"), 0)
	}
}

// ledgerTotal is the last line of the ledger.
func ledgerTotal(t *testing.T, r *running) map[string]any {
	t.Helper()
	return at(t, get(t, r.API+"/v1/ledger?from=-2h", 200), "total").(map[string]any)
}

// reasonsOf are the counts of dead letters, by reason.
func reasonsOf(t *testing.T, r *running, replayed string) map[string]int {
	t.Helper()
	query := url.Values{}
	if replayed != "" {
		query.Set("replayed", replayed)
	}
	counts := map[string]int{}
	for _, c := range at(t, get(t, r.API+"/v1/dead-letters?"+query.Encode(), 200), "reasons").([]any) {
		counts[at(t, c, "reason").(string)] = int(at(t, c, "count").(float64))
	}
	return counts
}

// mend corrects and replays the letters of one kind, and returns how many.
func mend(t *testing.T, r *running, way poison) int {
	t.Helper()
	if way.patch != "" {
		file := filepath.Join(t.TempDir(), "patch.json")
		if err := os.WriteFile(file, []byte(way.patch), 0o644); err != nil {
			t.Fatal(err)
		}
		out, _ := command(t, exitOK, "dead-letters", "replay", "--api", r.API, "--reason", string(way.reason), "--patch", file, "--json")
		var receipt struct{ Accepted int }
		if err := json.Unmarshal([]byte(out), &receipt); err != nil {
			t.Fatal(err)
		}
		return receipt.Accepted
	}
	mended := 0
	for {
		page := get(t, r.API+"/v1/dead-letters?replayed=no&limit=500&reason="+string(way.reason), 200)
		payloads := map[string]json.RawMessage{}
		for i, l := range at(t, page, "dead_letters").([]any) {
			payloads[at(t, l, "id").(string)] = fmt.Appendf(nil, `{"type":"view","user_id":"mended%d"}`, i%50)
		}
		if len(payloads) == 0 {
			return mended
		}
		body, err := json.Marshal(map[string]any{"payloads": payloads})
		if err != nil {
			t.Fatal(err)
		}
		answer := post(t, r.API+"/v1/dead-letters/replay", string(body), 200)
		equal(t, "rejected", len(at(t, answer, "rejected").([]any)), 0)
		mended += int(at(t, answer, "accepted").(float64))
	}
}

// checkCopies counts the topic of dead letters.
func checkCopies(t *testing.T, r *running, letters int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.Kafka), kgo.ConsumeTopics("events.dead"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), "events.dead")
	if err != nil {
		t.Fatal(err)
	}
	copies := 0
	ends.Each(func(o kadm.ListedOffset) { copies += int(o.Offset) })
	equal(t, "copies of dead letters", copies, letters)
	fetches := client.PollRecords(t.Context(), 1)
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	headers := map[string]string{}
	for _, h := range fetches.Records()[0].Headers {
		headers[h.Key] = string(h.Value)
	}
	if headers["reason"] == "" || headers["detail"] == "" || headers["source-topic"] != "events" {
		t.Errorf("headers %v", headers)
	}
	equal(t, "key", string(fetches.Records()[0].Key), fmt.Sprintf("events/%s/%s", headers["source-partition"], headers["source-offset"]))
}
