package enrich

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/event"
)

const (
	chromeWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36"
	safariPhone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1"
)

func newEnricher(t testing.TB, change func(*Config)) *Enricher {
	t.Helper()
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	e, err := New(cfg, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestUserAgents(t *testing.T) {
	e := newEnricher(t, nil)
	for _, c := range []struct{ agent, device, os, browser string }{
		{chromeWindows, "Windows PC", "Windows 10", "Chrome"},
		{safariPhone, "iPhone", "iOS 17", "Safari"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15", "Mac", "macOS", "Safari"},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0", "Linux PC", "Linux", "Firefox"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36 Edg/128.0.0.0", "Windows PC", "Windows 10", "Edge"},
		{"Mozilla/5.0 (Linux; Android 14; SM-A546B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Mobile Safari/537.36", "Samsung SM-A546B", "Android 14", "Chrome"},
		{"Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36", "Pixel 7", "Android 13", "Samsung Internet"},
		{"Mozilla/5.0 (iPad; CPU OS 16_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0.6099.101 Mobile/15E148 Safari/604.1", "iPad", "iOS 16", "Chrome"},
		{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36", "Chromebook", "Chrome OS 14541", "Chrome"},
		{"Mozilla/5.0 (Android 14; Mobile; rv:131.0) Gecko/131.0 Firefox/131.0", "Generic Smartphone", "Android 14", "Firefox"},
		{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "", "", ""},
		{"something of our own", "", "", ""},
	} {
		ev := event.Event{Context: event.Context{UserAgent: c.agent}}
		e.Enrich(&ev, Origin{})
		if got := [3]string{ev.Context.Device, ev.Context.OS, ev.Context.Browser}; got != [3]string{c.device, c.os, c.browser} {
			t.Errorf("%s:\n got %q\nwant %q", c.agent, got, [3]string{c.device, c.os, c.browser})
		}
	}
}

func TestBotsAreFlaggedWithTheReason(t *testing.T) {
	e := newEnricher(t, nil)
	for _, c := range []struct{ agent, request, want string }{
		{chromeWindows, "", ""},
		{"Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0 Mobile Safari/537.36", "", ""},
		{"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "", ReasonKnownBot},
		{"Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)", "", ReasonKnownBot},
		{"facebookexternalhit/1.1", "", ReasonKnownBot},
		{strings.Replace(chromeWindows, "Chrome/", "HeadlessChrome/", 1), "", ReasonHeadless},
		{"Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1", "", ReasonHeadless},
		{"curl/8.5.0", "", ReasonHTTPLibrary},
		{"python-requests/2.32", "", ReasonHTTPLibrary},
		{"", "curl/8.5.0", ""},             // a server sends for its users
		{"", "analytics-python/2.4.0", ""}, // so does this
		{"", "", ReasonNoUserAgent},
		{"", "Googlebot/2.1", ReasonKnownBot},
		{"", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", ReasonKnownBot},
	} {
		ev := event.Event{Context: event.Context{UserAgent: c.agent}}
		e.Enrich(&ev, Origin{UserAgent: c.request})
		var got struct {
			Bot     bool     `json:"$bot"`
			Reasons []string `json:"$bot_reasons"`
		}
		if len(ev.Properties) > 0 {
			if err := json.Unmarshal(ev.Properties, &got); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Join(got.Reasons, ",") != c.want || got.Bot != (c.want != "") {
			t.Errorf("%q in a request of %q: got %v %q, want %q", c.agent, c.request, got.Bot, got.Reasons, c.want)
		}
	}
}

func TestOnlyABrowserLendsItsAddressAndAgent(t *testing.T) {
	e := newEnricher(t, nil)
	browser := Origin{IP: netip.MustParseAddr("::ffff:203.0.113.7"), UserAgent: safariPhone}
	server := Origin{IP: netip.MustParseAddr("198.51.100.1"), UserAgent: "Go-http-client/1.1"}
	for _, c := range []struct {
		name     string
		ctx      event.Context
		from     Origin
		ip, user string
	}{
		{"browser", event.Context{}, browser, "203.0.113.7", safariPhone},
		{"server", event.Context{}, server, "", ""},
		{"browser, with an address given", event.Context{IP: "192.0.2.1"}, browser, "192.0.2.1", ""},
		{"browser, with an agent given", event.Context{UserAgent: "x"}, browser, "", "x"},
		{"browser here", event.Context{}, Origin{IP: netip.MustParseAddr("127.0.0.1"), UserAgent: safariPhone}, "", safariPhone},
	} {
		ev := event.Event{Context: c.ctx}
		e.Enrich(&ev, c.from)
		if ev.Context.IP != c.ip || ev.Context.UserAgent != c.user {
			t.Errorf("%s: got %q %q", c.name, ev.Context.IP, ev.Context.UserAgent)
		}
	}
}

func TestCountries(t *testing.T) {
	file := writeCountries(t, map[string]string{"203.0.113.0/24": "IN", "198.51.100.128/25": "BR"})
	for _, drop := range []bool{false, true} {
		e := newEnricher(t, func(c *Config) { c.GeoIPFile, c.DropIP = file, drop })
		for _, c := range []struct{ ip, given, want string }{
			{"203.0.113.7", "", "IN"}, {"::ffff:203.0.113.7", "", "IN"}, {"198.51.100.200", "", "BR"}, {"198.51.100.1", "", ""},
			{"203.0.113.7", "DE", "DE"}, {"not an address", "", ""}, {"2001:db8::1", "", ""},
		} {
			ev := event.Event{Context: event.Context{IP: c.ip, Country: c.given, UserAgent: "x"}}
			e.Enrich(&ev, Origin{})
			if ev.Context.Country != c.want {
				t.Errorf("%s (%s): got %q, want %q", c.ip, c.given, ev.Context.Country, c.want)
			}
			if kept := ev.Context.IP != ""; kept == drop {
				t.Errorf("drop %v: the address is %q", drop, ev.Context.IP)
			}
		}
	}
}

func TestBrokenGeoIPFileIsNamed(t *testing.T) {
	for name, content := range map[string]string{"text": "hello", "nothing": ""} {
		path := filepath.Join(t.TempDir(), "x.mmdb")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg := DefaultConfig()
		cfg.GeoIPFile = path
		if _, err := New(cfg, prometheus.NewRegistry()); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	cfg := DefaultConfig()
	cfg.GeoIPFile = "missing.mmdb"
	if _, err := New(cfg, prometheus.NewRegistry()); err == nil || !strings.Contains(err.Error(), "missing.mmdb") {
		t.Errorf("missing: got %v", err)
	}
}

func TestCampaignAndReferrer(t *testing.T) {
	e := newEnricher(t, nil)
	for _, c := range []struct{ page, referrer, properties, want string }{
		{"/a?utm_source=news&utm_medium=e%20mail&x=1#top", "", "", `{"$utm_source":"news","$utm_medium":"e mail"}`},
		{"/a?b=1", "https://www.Google.com/search?q=x", `{"x":1}`, `{"$referrer_host":"google.com","x":1}`},
		{"https://shop.example/a", "https://shop.example/b", "", ``},
		{"/a", "", `{"url":"https://shop.example/a?utm_campaign=spring"}`, `{"$utm_campaign":"spring","url":"https://shop.example/a?utm_campaign=spring"}`},
		{"/a?utm_source=ours", "", `{"$utm_source":"theirs"}`, `{"$utm_source":"ours","$utm_source":"theirs"}`}, // the last one counts
		{"/a?utm_source=%zz&utm_term=t", "", "", `{"$utm_term":"t"}`},
		{"/a?utm_source=" + strings.Repeat("é", 200), "", "", `{"$utm_source":"` + strings.Repeat("é", 128) + `"}`},
		{"/a?utm_source=%00%22%ff", "", "", `{"$utm_source":"\u0000\"` + "\uFFFD" + `"}`},
	} {
		ev := event.Event{Properties: json.RawMessage(c.properties), Context: event.Context{Page: c.page, Referrer: c.referrer, UserAgent: "x"}}
		changed := e.Enrich(&ev, Origin{})
		if string(ev.Properties) != c.want || changed != (c.properties != c.want) {
			t.Errorf("%s: changed %v\n got %s\nwant %s", c.page, changed, ev.Properties, c.want)
		}
	}
}

// Whatever the client's properties look like, they all survive, and what is
// added is read where the client said nothing.
func TestMembersGoBeforeAnyObject(t *testing.T) {
	var m Members
	m.Text("$a", "x")
	m.Int("$n", -5)
	m.JSON("$o", json.RawMessage(`{"y":[]}`))
	m.Text("$empty", "")
	for _, c := range []string{``, `{}`, ` { } `, "\n{\n}", `{"b":{}}`, `{ "$a":"mine" }`, `{"$a":null}`} {
		got, want := map[string]any{}, map[string]any{"$a": "x", "$n": -5.0, "$o": map[string]any{"y": []any{}}}
		if c != "" {
			if err := json.Unmarshal([]byte(c), &want); err != nil {
				t.Fatal(err)
			}
		}
		if err := json.Unmarshal(m.Before(json.RawMessage(c)), &got); err != nil {
			t.Errorf("%q: %v in %s", c, err, m.Before(json.RawMessage(c)))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, want %v", c, got, want)
		}
	}
	var none Members
	if got := none.Before(json.RawMessage(`{"a":1}`)); string(got) != `{"a":1}` {
		t.Errorf("nothing added: got %s", got)
	}
}

func TestUnknownUserAgentsHaveABudget(t *testing.T) {
	e := newEnricher(t, func(c *Config) { c.ParsesPerSecond = 0.1 }) // six at once
	now := time.Unix(0, 0)
	e.budget = newBudget(0.1, func() time.Time { return now })
	read := func(i int) bool {
		ev := event.Event{Context: event.Context{UserAgent: fmt.Sprintf("%s/%d", chromeWindows, i)}}
		e.Enrich(&ev, Origin{})
		return ev.Context.OS != ""
	}
	for i := range 6 {
		if !read(i) {
			t.Errorf("agent %d was not read", i)
		}
	}
	if read(6) {
		t.Error("agent 6 was read above the budget")
	}
	if !read(3) {
		t.Error("agent 3 was forgotten")
	}
	now = now.Add(10 * time.Second)
	if !read(6) {
		t.Error("agent 6 was not read later")
	}
}

func TestConfigValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	if err := (Config{}).Validate(); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("empty config: got %v, want two faults", err)
	}
}

func BenchmarkEnrich(b *testing.B) {
	e := newEnricher(b, nil)
	known := event.Event{Properties: json.RawMessage(`{"amount":"12.50","currency":"EUR"}`),
		Context: event.Context{IP: "203.0.113.7", UserAgent: chromeWindows, Page: "/cart", Referrer: "https://www.google.com/"}}
	b.ReportAllocs()
	for b.Loop() {
		ev := known
		e.Enrich(&ev, Origin{})
	}
}

func BenchmarkUnknownUserAgent(b *testing.B) {
	e := newEnricher(b, nil)
	for i := 0; b.Loop(); i++ { // the parser itself remembers one
		e.parse([]string{chromeWindows, safariPhone}[i%2])
	}
}

// An event that was taken is still one that the ingest takes.
func FuzzEnrich(f *testing.F) {
	f.Add("/a?utm_source=x", "https://g.example/", chromeWindows, `{"url":"https://x.example/?utm_term=%00"}`)
	f.Add("", "", "curl/8\x01", `{"$bot":false, "a":{}}`)
	e := newEnricher(f, nil)
	f.Fuzz(func(t *testing.T, page, referrer, agent, properties string) {
		first := event.Event{Type: "view", UserID: "u", Properties: json.RawMessage(properties),
			Context: event.Context{Page: page, Referrer: referrer, UserAgent: agent}}
		dec := event.NewDecoder(event.DefaultLimits())
		var ev, again event.Event
		if dec.Decode(&ev, first.AppendJSON(nil)) != nil {
			return
		}
		e.Enrich(&ev, Origin{UserAgent: chromeWindows})
		if reject := dec.Decode(&again, ev.AppendJSON(nil)); reject != nil {
			t.Errorf("%v in %s", reject, ev.AppendJSON(nil))
		}
	})
}
