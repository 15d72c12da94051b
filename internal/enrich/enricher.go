package enrich

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/oschwald/maxminddb-golang/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/ua-parser/uap-go/uaparser"

	"millrace/internal/event"
)

// Origin is the HTTP request that an event came with.
type Origin struct {
	// IP is the client's address, the zero value where it is not known.
	IP netip.Addr
	// UserAgent is the request's own, which may be that of a server.
	UserAgent string
}

// Browser says whether the request came from a browser, so that its address and
// user agent are those of the user. A server that sends events of its users has
// neither. Every browser's user agent has begun like this for thirty years.
func (o Origin) Browser() bool {
	return strings.HasPrefix(o.UserAgent, "Mozilla/") || strings.HasPrefix(o.UserAgent, "Opera/")
}

// Enricher adds what can be known to events. It is safe for concurrent use.
type Enricher struct {
	cfg       Config
	metrics   *metrics
	countries *maxminddb.Reader // nil where no database is configured
	parser    *uaparser.Parser
	agents    *lru.Cache[string, agent]
	budget    *budget
}

// New reads the GeoIP database, if one is named, and registers the metrics.
func New(cfg Config, reg prometheus.Registerer) (*Enricher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	e := &Enricher{cfg: cfg, budget: newBudget(cfg.ParsesPerSecond, time.Now)}
	var err error
	if cfg.GeoIPFile != "" {
		if e.countries, err = openCountries(cfg.GeoIPFile); err != nil {
			return nil, err
		}
	}
	if e.parser, err = uaparser.New(uaparser.WithCacheSize(1)); err != nil {
		return nil, fmt.Errorf("prepare the user agent parser: %w", err)
	}
	if e.agents, err = lru.New[string, agent](cfg.UserAgents); err != nil {
		return nil, fmt.Errorf("prepare the user agents: %w", err)
	}
	if e.metrics, err = newMetrics(reg); err != nil {
		return nil, fmt.Errorf("register enrich metrics: %w", err)
	}
	return e, nil
}

// Enrich fills empty fields of the event's context and puts "$" properties before
// its own. It reports whether anything changed.
func (e *Enricher) Enrich(ev *event.Event, from Origin) (changed bool) {
	before := ev.Context
	var added Members
	e.addOrigin(&ev.Context, from)
	e.addAgent(&ev.Context, &added, from)
	page := pageOf(ev)
	addCampaign(&added, page)
	addReferrer(&added, &ev.Context, page)
	if ev.Context.Country == "" {
		ev.Context.Country = e.country(ev.Context.IP)
	}
	if e.cfg.DropIP {
		ev.Context.IP = ""
	}
	ev.Properties = added.Before(ev.Properties)
	return !added.Empty() || ev.Context != before
}

// addOrigin gives the event the address and the user agent of a browser's request.
// An event that has one of the two came through somebody else's hands: the other
// would be theirs.
func (e *Enricher) addOrigin(c *event.Context, from Origin) {
	if !from.Browser() || c.IP != "" || c.UserAgent != "" {
		return
	}
	c.UserAgent = from.UserAgent
	if ip := from.IP.Unmap(); ip.IsValid() && !ip.IsLoopback() && !ip.IsUnspecified() {
		c.IP = ip.WithZone("").String()
	}
}

// addAgent fills what the user agent says, and flags programs.
func (e *Enricher) addAgent(c *event.Context, added *Members, from Origin) {
	if c.UserAgent == "" {
		e.flag(added, senderReasons(from))
		return
	}
	a, known := e.agentOf(c.UserAgent)
	if !known {
		e.metrics.skipped.Inc()
	}
	e.flag(added, a.bots)
	if a.device == spider {
		return // it pretends to run a system and a browser
	}
	fill(&c.Device, a.device)
	fill(&c.OS, a.os)
	fill(&c.Browser, a.browser)
}

// senderReasons judges a request whose events name no user agent. A server's HTTP
// library is no reason: that is how servers send.
func senderReasons(from Origin) []string {
	switch {
	case from.UserAgent == "":
		return []string{ReasonNoUserAgent}
	case isKnownBot(strings.ToLower(cut(from.UserAgent, longestAgent))):
		return []string{ReasonKnownBot}
	}
	return nil
}

func (e *Enricher) flag(added *Members, reasons []string) {
	if len(reasons) > 0 {
		added.True("$bot")
		added.Texts("$bot_reasons", reasons)
		e.metrics.bots.Inc()
	}
}

func fill(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// pageOf is the address of the page with its query, wherever the client put it.
func pageOf(ev *event.Event) string {
	if strings.Contains(ev.Context.Page, "?") || !bytes.Contains(ev.Properties, []byte(`url"`)) {
		return ev.Context.Page
	}
	var p map[string]json.RawMessage
	if json.Unmarshal(ev.Properties, &p) != nil {
		return ev.Context.Page
	}
	for _, name := range []string{"url", "$url"} {
		var url string
		if json.Unmarshal(p[name], &url) == nil && strings.HasPrefix(url, "http") {
			return url
		}
	}
	return ev.Context.Page
}
