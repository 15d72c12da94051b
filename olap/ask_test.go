package olap

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestMetaSaysHowCompleteTheAnswerIs(t *testing.T) {
	until := at("2026-01-05T10:00:00.123456Z")
	s := newStore(t, func(c *Config) {
		c.Now = func() time.Time { return at("2026-01-05T12:00:00Z") }
		c.StoredUntil = func() (time.Time, bool) { return until, true }
	})
	empty := ask(t, s, `{"kind":"trends","series":[{}]}`).Meta
	if empty.Watermark != nil {
		t.Errorf("watermark of an empty store: %s, want null", *empty.Watermark)
	}
	write(t, s, "1", []row{{user: "u", kind: "view", at: at("2026-01-05T11:00:00Z")}, {user: "u", kind: "view", at: at("2026-01-01T00:00:00Z")}})
	a := ask(t, s, `{"kind":"trends","from":"2026-01-01","to":"2026-01-06","timezone":"Asia/Kolkata","interval":"day","series":[{"event":{"any_of":["it's","view"]}}]}`)
	m := a.Meta
	for _, pair := range [][2]string{
		{m.From, "2026-01-01T00:00:00+05:30"}, {m.To, "2026-01-06T00:00:00+05:30"}, {m.Timezone, "Asia/Kolkata"}, {m.Semantics, "1"},
		{*m.StoredUntil, "2026-01-05T15:30:00.123+05:30"}, {*m.Watermark, "2026-01-05T16:20:00+05:30"},
		{jsonOf(t, a.Result.(*TrendsResult).Incomplete), "[4]"}, {jsonOf(t, m.Warnings), "[]"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("got %s, want %s", pair[0], pair[1])
		}
	}
	if len(m.SQL) != 1 || !strings.Contains(m.SQL[0], `SET param_p1 = '[\'it\\\'s\',\'view\']';`) || m.RowsRead == 0 || m.BytesRead == 0 || m.ElapsedMS <= 0 {
		t.Errorf("meta %s", jsonOf(t, m))
	}
}

func TestWatermarkIsNeverInTheFuture(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2026-01-05T12:00:00Z") } })
	write(t, s, "1", []row{{user: "u", kind: "view", at: at("2026-01-06T09:00:00Z")}})
	if got, want := *ask(t, s, `{"kind":"trends","series":[{}]}`).Meta.Watermark, "2026-01-05T11:50:00Z"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAskFindsFaultsOfTheClock(t *testing.T) {
	s := newStore(t)
	q, err := ParseQuery([]byte(`{"kind":"funnel","from":"now","to":"-1d","steps":[{}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var fault *QueryError
	if _, err := s.Ask(t.Context(), q); !errors.As(err, &fault) || fault.Code != CodeInvalidRange {
		t.Errorf("got %v, want %s", err, CodeInvalidRange)
	}
}

func TestAskKeepsToItsLimits(t *testing.T) {
	question := `{"kind":"trends","from":"2026-01-01","to":"2026-02-01","series":[{"measure":"unique","property":"event_id"}]}`
	q, err := ParseQuery([]byte(question))
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(t, func(c *Config) { c.QueryMemory = 8 << 20 })
	if err := s.conn.Exec(t.Context(), "INSERT INTO events (event_id, type, user_id, timestamp) SELECT toString(number), 'view', 'u', '2026-01-01 00:00:00' FROM numbers(1000000)"); err != nil {
		t.Fatal(err)
	}
	var fault *QueryError
	if _, err := s.Ask(t.Context(), q); !errors.As(err, &fault) || fault.Code != CodeTooExpensive {
		t.Errorf("memory: got %v, want %s", err, CodeTooExpensive)
	}
	s.cfg.QueryTimeout = time.Millisecond
	if _, err := s.Ask(t.Context(), q); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("time: got %v, want a deadline", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for address, want := range map[string]string{
		"localhost":                           "write host:port or clickhouse://",
		"clickhouse://u:sec@secret@[::bad/db": "clickhouse address",
		"127.0.0.1:1":                         "reach clickhouse",
		"http://u:secret@127.0.0.1:8123":      "native port (9000, not 8123)",
	} {
		cfg := DefaultConfig()
		cfg.Address, cfg.DialTimeout = address, time.Second
		_, err := Open(t.Context(), cfg)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
	}
	cfg := DefaultConfig()
	cfg.QueryTimeout, cfg.MaxConnections, cfg.Address = 0, -1, "x"
	if err := cfg.Validate(); err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("Validate reports %v, want three faults", err)
	}
}
