package olap

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"millrace/internal/query"
)

func catalogStore(t testing.TB) *Store {
	t.Helper()
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2026-03-10T12:00:00Z") } })
	write(t, s, "1", []row{
		{user: "a", kind: "view", at: at("2026-03-01T00:05:00Z"), country: "IN", page: "/", properties: `{"plan":"pro","utm":{"source":"ads","odd key":1},"tags":["x"],"none":null}`},
		{user: "b", kind: "view", at: at("2026-03-02T00:15:00Z"), country: "DE", properties: `{"plan":"free","beta":true}`},
		{user: "b", kind: "view", at: at("2026-03-02T00:25:00Z"), country: "IN", properties: `{"plan":7}`},
		{user: "a", kind: "purchase", at: at("2026-03-03T00:00:00Z"), amount: "5", currency: "INR", properties: `{"plan":"pro","amount":5,"price.net":4.5}`},
		{user: "a", kind: "identify", at: at("2026-03-01T00:00:00Z"), properties: `{"tier":"gone","old":1}`},
	})
	write(t, s, "2", []row{
		{user: "a", kind: "identify", at: at("2026-03-02T00:00:00Z"), properties: `{"tier":"gold","home":{"city":"Pune"},"none":null}`},
		{user: "c", kind: "identify", at: at("2026-03-02T00:00:00Z"), properties: `{"tier":"gilt","age":30}`},
	})
	return s
}

func TestCatalogListsWhatIsStored(t *testing.T) {
	s := catalogStore(t)
	for name, filter := range map[string]CatalogFilter{
		"all": {}, "event": {Event: "purchase"}, "property": {Property: "plan"}, "values": {Property: "context.country", Prefix: "i"}, "trait": {Property: "user.tier", Prefix: "G"}, "traits": {Prefix: "user.t"}, "prefix": {Prefix: "P"}, "nothing": {Event: "nonsense"},
	} {
		c, err := s.Catalog(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "catalog/"+name+".json", strings.ReplaceAll(jsonOf(t, c), "},{", "},\n{")+"\n")
	}
	var fault *QueryError
	if _, err := s.Catalog(t.Context(), CatalogFilter{Property: "contry"}); !errors.As(err, &fault) || !strings.Contains(err.Error(), `did you mean "country"`) {
		t.Errorf("got %v", err)
	}
}

func TestCatalogReadsASampleOfMuch(t *testing.T) {
	s := newStore(t)
	const sql = `INSERT INTO events (event_id, type, user_id, timestamp, received_at, properties)
SELECT toString(number), if(number % 4000 = 0, 'rare', 'view'), toString(rand() % 5000), toDateTime64('2026-01-01 00:00:00', 3) + number, now64(3), if(number % 4000 = 0, '{"seldom":1}', '{"n":1}') FROM numbers(400000)`
	if err := s.conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
	c, err := s.Catalog(t.Context(), CatalogFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if c.StoredRows != 400_000 || c.SampledRows > 2*unpackPerType || jsonOf(t, c.propertyNames()) != `["properties.n","properties.seldom"]` {
		t.Errorf("%d of %d rows, %v", c.SampledRows, c.StoredRows, c.propertyNames())
	}
	if n := c.Properties[0].Count; n != 399_900 {
		t.Errorf("n is on about %d events, want 399,900", n)
	}
	st := newStatement()
	selected := strips(st, sampleRows, 400_000, 400_000)
	st.text("SELECT count(), sum(length(properties)) FROM events WHERE ", selected)
	tables, err := s.tablesRead(t.Context(), st)
	if err != nil || len(tables) != 1 || tables[0].rows > 3*sampleRows/2 || tables[0].rows < sampleRows/2 {
		t.Errorf("the index leaves %+v (%v), want about %d rows", tables, err, sampleRows)
	}
}

func TestUnknownNamesAreWarnedOf(t *testing.T) {
	s := catalogStore(t)
	g := newGuard(t, s)
	for question, want := range map[string]string{
		`{"kind":"trends","series":[{"event":"view","where":"properties.plan = \"pro\" and properties.utm.source exists and country = \"IN\""}],"breakdown":{"property":"currency"}}`:           `[]`,
		`{"kind":"trends","series":[{"event":"vew"},{"event":{"any_of":["purchase","login"]}}],"where":"not (properties.plam exists or x in (1))","breakdown":{"property":"properties.beeta"}}`: `["no event called \"login\" is stored","no event called \"vew\" is stored; did you mean \"view\"?","none of 7 events looked at has properties.beeta; did you mean \"properties.beta\"?","none of 7 events looked at has properties.plam; did you mean \"properties.plan\"?","none of 7 events looked at has properties.x"]`,
		`{"kind":"funnel","steps":[{"event":"view"},{"event":"purchse"}],"where":"user.tier exists and user.teir exists","breakdown":{"property":"properties.plan"}}`:                           `["no event called \"purchse\" is stored; did you mean \"purchase\"?","none of the users looked at has user.teir; did you mean \"user.tier\"?"]`,
	} {
		if got := jsonOf(t, guarded(t, g, question).Meta.Warnings); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", question, got, want)
		}
	}
}

func BenchmarkCatalog(b *testing.B) {
	s := newStore(b)
	for i := range 10 {
		const sql = `INSERT INTO events (event_id, type, user_id, timestamp, received_at, country, properties)
SELECT toString(number), ['view', 'click', 'purchase', 'login'][1 + number %% 4], toString(rand() %% 200000), toDateTime64('2026-01-01 00:00:00', 3) + number * 2, now64(3), ['IN', 'US', 'DE'][1 + number %% 3],
    '{"plan":"pro","price":' || toString(number %% 1000) || ',"utm":{"source":"ads","medium":"cpc"},"tags":["a","b"],"list_position":' || toString(number %% 40) || ',"query":"shoes ' || toString(number %% 5000) || '"}' FROM numbers(%d, 1000000)`
		if err := s.conn.Exec(b.Context(), fmt.Sprintf(sql, i*1000000)); err != nil {
			b.Fatal(err)
		}
	}
	for name, filter := range map[string]CatalogFilter{"all": {}, "event": {Event: "purchase"}, "values": {Property: "query", Prefix: "shoes 12"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Catalog(b.Context(), filter); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("version", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.version(b.Context(), time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ping", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.CountStored(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// What a client writes is bound, never spliced.
func TestCatalogTakesAnyText(t *testing.T) {
	s := catalogStore(t)
	for _, evil := range []string{`' OR 1=1 --`, `\`, "x') UNION ALL SELECT 1 --", "\x00", "{p1:String}"} {
		c, err := s.Catalog(t.Context(), CatalogFilter{Event: evil, Property: `properties.` + query.NamePart(evil), Prefix: evil})
		if err != nil || len(c.Events)+len(c.Properties) > 0 {
			t.Errorf("%q: %s, %v", evil, jsonOf(t, c), err)
		}
	}
}
