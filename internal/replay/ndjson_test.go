package replay

import (
	"slices"
	"strings"
	"testing"

	"millrace/internal/event"
)

func TestNDJSON(t *testing.T) {
	t.Run("bad lines", func(t *testing.T) {
		content := `{"user":"u","event":"v","ts":1704067200}
[1,2]
{"user":"u","event":"v","ts":1704067200,
{"user":{"id":1},"event":"v","ts":1704067200}
{"user":5,"event":"v","ts":1704067200.25,"deep":{"a":[1,"x"]},"ok":true,"esc":"a\u0000\"é"}
`
		got := replayFiles(t, DefaultConfig(), write(t, "a.jsonl", []byte(content)))
		if got.err != nil || len(got.values) != 2 || len(got.bad) != 3 {
			t.Fatalf("got %v, %v, %v", got.err, got.values, got.bad)
		}
		if !strings.HasSuffix(got.values[1], `"type":"v","user_id":"5","timestamp":"2024-01-01T00:00:00.250Z","properties":{"deep":{"a":[1,"x"]},"ok":true,"esc":"a\u0000\"é"}}`) {
			t.Errorf("got %s", got.values[1])
		}
		for i, want := range []event.Reason{ReasonMalformedJSON, ReasonMalformedJSON, event.ReasonWrongType} {
			if got.bad[i].Reason != want || got.bad[i].Line != int64(i+2) {
				t.Errorf("got %v", got.bad[i])
			}
		}
	})
	t.Run("a column that comes late", func(t *testing.T) {
		content := strings.Repeat(`{"user":"u","event":"v","ts":1704067200,"filler":"`+strings.Repeat("x", 1000)+"\"}\n", 400) +
			`{"user":"u","event":"v","ts":1704067200,"session":"s","coupon":"c"}` + "\n"
		got := replayFiles(t, DefaultConfig(), write(t, "a.jsonl", []byte(content)))
		got.events(t)
		if last := got.values[400]; !strings.HasSuffix(last, `"user_id":"u","session_id":"s","timestamp":"2024-01-01T00:00:00.000Z","properties":{"coupon":"c"}}`) {
			t.Errorf("got %s", last)
		}
	})
	t.Run("fields that lie deeper", func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.Map = assignments(t, "user_id=properties.distinct_id,timestamp=properties.time,event_id=properties.$insert_id,properties.*=*")
		content := `{"event":"Signed up","properties":{"time":1704067200,"distinct_id":"d1","$insert_id":"i1","plan":"pro"}}` + "\n"
		got := replayFiles(t, cfg, write(t, "a.jsonl", []byte(content)))
		want := `{"event_id":"i1","type":"Signed up","user_id":"d1","timestamp":"2024-01-01T00:00:00.000Z","properties":{"time":1704067200,"distinct_id":"d1","$insert_id":"i1","plan":"pro"}}`
		if got.events(t); got.values[0] != want {
			t.Errorf("got %s\nwant %s", got.values[0], want)
		}
	})
}

func TestEnvelopesPassUnchanged(t *testing.T) {
	lines := []string{
		`{"event_id":"e1","type":"purchase","user_id":"u1","session_id":"s1","timestamp":"2026-01-02T03:04:05.678Z","properties":{"amount":"499.00", "b" : [1]},"context":{"ip":"203.0.113.7","country":"IN"}}`,
		`{ "context":{"page":"/"},"user_id":"u1","type":"view","event_id":"e2","timestamp":"2026-01-02T03:04:05Z" }`,
	}
	got := replayFiles(t, DefaultConfig(), write(t, "a.ndjson", []byte(strings.Join(lines, "\n"))))
	got.events(t)
	if !slices.Equal(got.values, lines) {
		t.Errorf("got %s", strings.Join(got.values, "\n"))
	}
	if got.records[0].Key != "u1" || got.records[0].Timestamp.UnixMilli() != 1767323045678 {
		t.Errorf("got %+v", got.records[0])
	}
}

func TestEnvelopeFaultsAndIDs(t *testing.T) {
	content := `{"type":"view","user_id":"u1","timestamp":"2026-01-02T03:04:05Z","properties":{}}
{"type":"view","user_id":"u1","timestamp":"2026-01-02T03:04:05Z","properties":{},"colour":"red"}
`
	got := replayFiles(t, DefaultConfig(), write(t, "a.ndjson", []byte(content)))
	if got.err != nil || len(got.bad) != 1 || got.bad[0].Reason != event.ReasonUnknownField || got.bad[0].Line != 2 {
		t.Fatalf("got %v, %v", got.err, got.bad)
	}
	again := replayFiles(t, DefaultConfig(), write(t, "a.ndjson.gz", gzipped(t, []byte(content))))
	if got.values[0] != again.values[0] || !strings.Contains(got.values[0], `"event_id":"`) {
		t.Errorf("the id is not repeatable: %s, %s", got.values[0], again.values[0])
	}
	cfg := DefaultConfig()
	cfg.Const = assignments(t, "type=x")
	cfg.Format = FormatEnvelope
	if got := replayFiles(t, cfg, write(t, "a.ndjson", []byte(content))); got.err == nil || !strings.Contains(got.err.Error(), "--format ndjson") {
		t.Errorf("got %v", got.err)
	}
}
