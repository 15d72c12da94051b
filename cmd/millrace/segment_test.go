package main

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var segment = flag.Bool("segment", false, "also run the tests that need Segment's client libraries (make test-segment)")

// TestSegmentClients starts everything, lets Segment's own Node and Python
// clients send to it, and reads their events back: the scripts are in
// api/segment-test.
func TestSegmentClients(t *testing.T) {
	if !*segment {
		t.Skip("run it with make test-segment; it needs Python 3 and packages of Segment's")
	}
	r := up(t, t.TempDir())
	for _, c := range []struct{ name, program, script string }{
		{"node", "node", "send.mjs"},
		{"python", os.Getenv("MILLRACE_PYTHON"), "send.py"},
	} {
		t.Run(c.name, func(t *testing.T) {
			send := exec.CommandContext(t.Context(), c.program, c.script)
			send.Dir = filepath.Join("..", "..", "api", "segment-test")
			send.Env = append(os.Environ(), "BASE_URL="+r.API)
			out, err := send.CombinedOutput()
			t.Logf("%s: %s", c.script, out)
			if err != nil {
				t.Fatal(err)
			}
			segmentEvents(t, r, c.name)
		})
	}
	equal(t, "dead letters", clickhouse(t, r, "SELECT count() FROM dead_letters"), 0)
}

// segmentEvents checks what became of one library's story.
func segmentEvents(t *testing.T, r *running, who string) {
	t.Helper()
	ours := "(user_id LIKE '" + who + "-%' OR anonymous_id LIKE '" + who + "-%')"
	eventually(t, "all of the story is stored", func() bool {
		n, err := ask(r, "SELECT count() FROM events WHERE "+ours)
		return err == nil && n == "9"
	})
	got := clickhouse(t, r, "SELECT type, user_id FROM events WHERE "+ours+" ORDER BY kafka_partition, type, user_id FORMAT TSV")
	want := map[string]string{
		// Before identify the visitor is anonymous, and that history stays as it is.
		"page_view": who + "-visitor", "view": who + "-visitor",
		// From identify on the anonymous id means the user.
		"identify": who + "-user", "add_to_cart": who + "-user", "purchase": who + "-user", "screen_view": who + "-user", "group": who + "-user",
		// From alias on the old user id means the new one.
		"alias": who + "-user-renamed", "logout": who + "-user-renamed",
	}
	for line := range strings.Lines(got) {
		typ, user, _ := strings.Cut(strings.TrimSpace(line), "\t")
		equal(t, "user of "+typ, user, want[typ])
		delete(want, typ)
	}
	equal(t, "missing events", len(want), 0)

	page := clickhouse(t, r, "SELECT page, referrer, ip, locale, device, os, browser FROM events WHERE type = 'page_view' AND "+ours+" FORMAT TSV")
	equal(t, "page", page, "/pricing\thttps://www.google.com/\t203.0.113.7\ten-IN\tiPhone\tiOS 17\tSafari")
	purchase := clickhouse(t, r, "SELECT event_id, amount, currency, product_id, app_version, os, dateDiff('second', timestamp, received_at) BETWEEN 59 AND 70 FROM events WHERE type = 'purchase' AND "+ours+" FORMAT TSV")
	equal(t, "purchase", purchase, who+"-purchase-1\t499.5\tINR\tp1\t3.1\tiOS 17\t1")

	for typ, expected := range map[string]map[string]any{
		"page_view":   {"name": "Pricing", "page_category": "Docs", "$utm_source": "news", "$utm_campaign": "spring", "$referrer_host": "google.com"},
		"identify":    {"plan": "pro", "email": "a@example.com"},
		"purchase":    {"$utm_medium": "email", "$utm_campaign": "spring"},
		"screen_view": {"name": "Cart"},
		"group":       {"group_id": "acme", "employees": 42.0},
		"alias":       {"previous_id": who + "-user"},
		"logout":      {"$aliased_from": who + "-user"},
	} {
		properties := segmentProperties(t, r, typ, ours)
		for name, value := range expected {
			equal(t, typ+"'s "+name, properties[name], value)
		}
		if library, _ := properties["$library"].(string); !strings.HasPrefix(library, "@segment/analytics-node/") && !strings.HasPrefix(library, "analytics-python/") {
			t.Errorf("%s's library: got %q", typ, library)
		}
		if skew, ok := properties["$clock_skew_ms"].(float64); !ok || skew > 1000 || skew < -10_000 {
			t.Errorf("%s's clock skew: got %v", typ, properties["$clock_skew_ms"])
		}
	}
	note := at(t, segmentProperties(t, r, "purchase", ours), "items", 0, "note")
	equal(t, "text with quotes", note, `naïve "quotes" ☃`)

	answer := post(t, r.API+"/v1/query", `{"kind":"trends","from":"-1d","to":"now","interval":"day","where":"properties.$utm_source = \"news\" and user_id = \"`+who+`-user\"",
		"series":[{"event":"purchase","measure":"sum","property":"amount"}]}`, 200)
	equal(t, "revenue of the campaign", at(t, answer, "result", "series", 0, "total"), 499.5)
}

// segmentProperties are the stored properties of the one event of a type.
func segmentProperties(t *testing.T, r *running, typ, ours string) map[string]any {
	t.Helper()
	text := clickhouse(t, r, "SELECT properties FROM events WHERE type = '"+typ+"' AND "+ours+" FORMAT TSVRaw")
	var properties map[string]any
	if err := json.Unmarshal([]byte(text), &properties); err != nil {
		t.Fatalf("properties of %s: %v in %s", typ, err, text)
	}
	return properties
}
