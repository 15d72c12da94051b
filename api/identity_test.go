package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"millrace/internal/enrich"
	"millrace/internal/event"
	"millrace/oltp"
)

// linkBook is an Identities in memory, without chains: those are oltp's.
type linkBook struct {
	mu    sync.Mutex
	links map[oltp.Identity]string
	away  error // what every call answers, where set
}

func (b *linkBook) Resolve(_ context.Context, ids []oltp.Identity) (map[oltp.Identity]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := map[oltp.Identity]string{}
	for _, id := range ids {
		if user, ok := b.links[id]; ok {
			found[id] = user
		}
	}
	return found, b.away
}

func (b *linkBook) Link(_ context.Context, links []oltp.IdentityLink) ([]oltp.LinkResult, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away != nil {
		return nil, b.away
	}
	results := make([]oltp.LinkResult, len(links))
	for i, l := range links {
		user, known := b.links[l.From]
		switch {
		case !known:
			b.links[l.From] = l.To
			results[i] = oltp.LinkResult{Outcome: oltp.LinkMade, User: l.To}
		case user == l.To:
			results[i] = oltp.LinkResult{Outcome: oltp.LinkKnown, User: user}
		default:
			results[i] = oltp.LinkResult{Outcome: oltp.LinkConflict, User: user}
		}
	}
	return results, nil
}

func startLinked(t *testing.T, b *linkBook) *running {
	t.Helper()
	if b.links == nil {
		b.links = map[oltp.Identity]string{}
	}
	return start(t, func(_ *Config, d *Deps) { d.Identities = b })
}

// story is who the published events belong to, as "type:user", and checks that
// the key is the user.
func story(t *testing.T, s *running) string {
	t.Helper()
	var parts []string
	dec := event.NewDecoder(event.DefaultLimits())
	for _, r := range s.broker.taken() {
		var ev event.Event
		if reject := dec.Decode(&ev, r.Value); reject != nil {
			t.Fatalf("%v in %s", reject, r.Value)
		}
		if string(r.Key) != ev.Key() {
			t.Errorf("key %s of %s", r.Key, r.Value)
		}
		parts = append(parts, ev.Type+":"+ev.Key())
	}
	return strings.Join(parts, " ")
}

func TestLinksCountFromTheEventThatMakesThem(t *testing.T) {
	b := &linkBook{}
	s := startLinked(t, b)
	s.send(`[{"type":"view","anonymous_id":"a1"},{"type":"identify","anonymous_id":"a1","user_id":"u1"},{"type":"cart","anonymous_id":"a1"},{"type":"other","anonymous_id":"a2"}]`)
	s.send(`{"type":"later","anonymous_id":"a1"}`)
	s.send(`[{"type":"alias","user_id":"u2","properties":{"previous_id":"u1"}},{"type":"renamed","user_id":"u1"},{"type":"renamed","anonymous_id":"a1"}]`)
	const want = "view:a1 identify:u1 cart:u1 other:a2 later:u1 alias:u2 renamed:u2 renamed:u2"
	if got := story(t, s); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	var renamed struct {
		Properties map[string]any `json:"properties"`
	}
	if err := json.Unmarshal(s.broker.taken()[6].Value, &renamed); err != nil || renamed.Properties["$aliased_from"] != "u1" {
		t.Errorf("what was replaced is not told: %v in %s", err, s.broker.taken()[6].Value)
	}
	for _, want := range []string{
		`millrace_api_identity_links_total{outcome="linked"} 3`, "millrace_api_events_linked_total 4",
	} {
		if metrics := string(s.get("/metrics").body); !strings.Contains(metrics, want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestTheFirstLinkStays(t *testing.T) {
	s := startLinked(t, &linkBook{})
	s.send(`[{"type":"identify","anonymous_id":"a1","user_id":"u1"},{"type":"identify","anonymous_id":"a1","user_id":"u2"},{"type":"view","anonymous_id":"a1"},{"type":"view","anonymous_id":"a1","user_id":"u2"}]`)
	if got, want := story(t, s), "identify:u1 identify:u2 view:u1 view:u2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// An identify may not take over the events of a user whose id it names as
// anonymous.
func TestIdentifyLinksAnonymousIDsOnly(t *testing.T) {
	s := startLinked(t, &linkBook{})
	s.send(`[{"type":"identify","anonymous_id":"victim","user_id":"thief"},{"type":"view","user_id":"victim"}]`)
	if got, want := story(t, s), "identify:thief view:victim"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestEventsAreTakenWithoutPostgres(t *testing.T) {
	b := &linkBook{away: errors.New("connection refused"), links: map[oltp.Identity]string{{Scope: oltp.ScopeAnonymous, ID: "known"}: "u9"}}
	s := startLinked(t, b)
	answer := s.send(`[{"type":"identify","anonymous_id":"a1","user_id":"u1"},{"type":"view","anonymous_id":"a1"},{"type":"view","anonymous_id":"known"}]`)
	if answer.status != http.StatusAccepted {
		t.Fatalf("got %d %s", answer.status, answer.body)
	}
	if got, want := story(t, s), "identify:u1 view:a1 view:u9"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	metrics := string(s.get("/metrics").body)
	for _, want := range []string{
		`millrace_api_identity_failures_total{kind="resolve"} 1`, `millrace_api_identity_failures_total{kind="link"} 1`,
		`millrace_api_identity_links_total{outcome="lost"} 1`, "millrace_api_events_unresolved_total 3",
	} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
}

// Links work across the chunks of a large request.
func TestLinksInALargeRequest(t *testing.T) {
	s := startLinked(t, &linkBook{})
	var body strings.Builder
	for range chunkEvents {
		body.WriteString(`{"type":"before","anonymous_id":"a1"}` + "\n")
	}
	body.WriteString(`{"type":"identify","anonymous_id":"a1","user_id":"u1"}` + "\n" + `{"bad"` + "\n")
	for range chunkEvents {
		body.WriteString(`{"type":"after","anonymous_id":"a1"}` + "\n")
	}
	answer := s.do(http.MethodPost, "/v1/events", []byte(body.String()), "Content-Type", "application/x-ndjson")
	receipt := decodeReply[Receipt](t, answer)
	if receipt.Accepted != 2*chunkEvents+1 || len(receipt.Rejected) != 1 || receipt.Rejected[0].Index != chunkEvents+1 {
		t.Fatalf("got %s", answer.body)
	}
	want := strings.Repeat("before:a1 ", chunkEvents) + "identify:u1" + strings.Repeat(" after:u1", chunkEvents)
	if got := story(t, s); got != want {
		t.Errorf("got %.200s…", got)
	}
}

// enrichFunc is an Enricher.
type enrichFunc func(*event.Event, enrich.Origin) bool

func (f enrichFunc) Enrich(ev *event.Event, from enrich.Origin) bool { return f(ev, from) }

// What is added never turns an event that was taken into one that the ingest
// refuses.
func TestAdditionsRespectTheLimits(t *testing.T) {
	s := start(t, func(c *Config, d *Deps) {
		c.Limits.PropertiesBytes = 100
		d.Enricher = enrichFunc(func(ev *event.Event, _ enrich.Origin) bool {
			var added enrich.Members
			added.Text("$x", strings.Repeat("x", 60))
			ev.Properties = added.Before(ev.Properties)
			ev.Context.Country = "IN"
			return true
		})
	})
	s.send(`[{"type":"view","user_id":"u1","event_id":"e1","properties":{"y":1}},{"type":"view","user_id":"u1","event_id":"e2","properties":{"y":"` + strings.Repeat("y", 80) + `"}}]`)
	limits := event.DefaultLimits()
	limits.PropertiesBytes = 100
	var added []bool
	for _, r := range s.broker.taken() {
		var ev event.Event
		if reject := event.NewDecoder(limits).Decode(&ev, r.Value); reject != nil {
			t.Errorf("the ingest would say %v", reject)
		}
		added = append(added, strings.Contains(string(ev.Properties), "$x"))
	}
	if !slices.Equal(added, []bool{true, false}) {
		t.Errorf("added: got %v", added)
	}
}

func TestOrigin(t *testing.T) {
	var seen enrich.Origin
	enricher := enrichFunc(func(_ *event.Event, from enrich.Origin) bool { seen = from; return false })
	for _, c := range []struct {
		name, trusted, forwarded, want string
	}{
		{"nobody is trusted", "", "203.0.113.7", "127.0.0.1"},
		{"one proxy", "127.0.0.0/8", "203.0.113.7", "203.0.113.7"},
		{"a client that pretends", "127.0.0.0/8", "1.2.3.4, 203.0.113.7", "203.0.113.7"},
		{"two proxies", "127.0.0.0/8 10.0.0.0/8", "1.2.3.4, 203.0.113.7, 10.1.2.3", "203.0.113.7"},
		{"only proxies", "127.0.0.0/8 10.0.0.0/8", "10.1.2.3", "10.1.2.3"},
		{"nonsense", "127.0.0.0/8", "203.0.113.7, unknown", "127.0.0.1"},
		{"no header", "127.0.0.0/8", "", "127.0.0.1"},
		{"version 6", "127.0.0.0/8", "2001:db8::1", "2001:db8::1"},
	} {
		s := start(t, func(cfg *Config, d *Deps) {
			d.Enricher = enricher
			for network := range strings.FieldsSeq(c.trusted) {
				cfg.TrustedProxies = append(cfg.TrustedProxies, netip.MustParsePrefix(network))
			}
		})
		s.do(http.MethodPost, "/v1/track", []byte(`{"userId":"u1","event":"x"}`), "Content-Type", "application/json", "X-Forwarded-For", c.forwarded, "User-Agent", "Mozilla/5.0 \xffx"+strings.Repeat("y", 2000))
		if seen.IP.String() != c.want {
			t.Errorf("%s: got %s, want %s", c.name, seen.IP, c.want)
		}
		if !strings.HasPrefix(seen.UserAgent, "Mozilla/5.0 xyy") || len(seen.UserAgent) > longestUserAgent {
			t.Errorf("user agent: got %.20s with %d bytes", seen.UserAgent, len(seen.UserAgent))
		}
	}
}
