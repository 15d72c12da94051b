package olap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/prometheus/client_golang/prometheus"
)

func newGuard(t testing.TB, s *Store, change ...func(*GuardConfig)) *Guard {
	t.Helper()
	cfg := DefaultGuardConfig()
	for _, c := range change {
		c(&cfg)
	}
	g, err := NewGuard(s, cfg, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func guarded(t testing.TB, g *Guard, question string) *Answer {
	t.Helper()
	q, err := ParseQuery([]byte(question))
	if err != nil {
		t.Fatal(err)
	}
	a, err := g.Ask(t.Context(), Caller{Name: "test"}, q)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestGuardRemembersUntilDataChange(t *testing.T) {
	until := at("2026-03-10T11:59:00Z")
	s := newStore(t, func(c *Config) {
		c.Now = func() time.Time { return at("2026-03-10T12:00:00Z") }
		c.StoredUntil = func() (time.Time, bool) { return until, true }
	})
	g := newGuard(t, s)
	write(t, s, "1", []row{{user: "u", kind: "view", at: at("2026-03-05T00:00:00Z")}, {user: "u", kind: "view", at: at("2026-01-05T00:00:00Z")}})
	// The condition holds for all: with it the events themselves are read.
	const march = `{"kind":"trends","from":"2026-03-01","to":"2026-03-10","series":[{"event":"view","where":"event_id exists"}]}`
	const january = `{"kind":"trends","from":"2026-01-01","to":"2026-02-01","series":[{"event":"view","where":"event_id exists"}]}`
	for _, question := range []string{march, january} {
		first := guarded(t, g, question)
		again := guarded(t, g, strings.Replace(question, `"kind":"trends",`, `"where":null, "kind" : "trends",`, 1))
		if first.Meta.Cached || !again.Meta.Cached || jsonOf(t, first.Result) != jsonOf(t, again.Result) {
			t.Errorf("%s: first %s\nagain %s", question, jsonOf(t, first), jsonOf(t, again))
		}
	}
	until = at("2026-03-10T11:59:30Z")
	if got, want := *guarded(t, g, march).Meta.StoredUntil, "2026-03-10T11:59:30Z"; got != want {
		t.Errorf("stored_until of a remembered answer is %s, want that of now, %s", got, want)
	}
	write(t, s, "2", []row{{user: "v", kind: "view", at: at("2026-03-06T00:00:00Z")}})
	changed := guarded(t, g, march)
	if changed.Meta.Cached || jsonOf(t, changed.Result.(*TrendsResult).Series[0].Total) != "2" {
		t.Errorf("after an insert: %s", jsonOf(t, changed))
	}
	if !guarded(t, g, january).Meta.Cached {
		t.Error("an insert in March made the answer about January forgotten")
	}
	write(t, s, "3", []row{{user: "v", kind: "view", at: at("2026-01-31T23:00:00Z")}})
	late := guarded(t, g, january)
	if late.Meta.Cached || jsonOf(t, late.Result.(*TrendsResult).Series[0].Total) != "2" {
		t.Errorf("after a late event: %s", jsonOf(t, late))
	}
	if err := s.conn.Exec(t.Context(), "OPTIMIZE TABLE events FINAL"); err != nil {
		t.Fatal(err)
	}
	if !guarded(t, g, january).Meta.Cached {
		t.Error("a merge made an answer forgotten")
	}
	if err := s.conn.Exec(t.Context(), "ALTER TABLE events DELETE WHERE user_id = 'v' SETTINGS mutations_sync = 2"); err != nil {
		t.Fatal(err)
	}
	erased := guarded(t, g, january)
	if erased.Meta.Cached || jsonOf(t, erased.Result.(*TrendsResult).Series[0].Total) != "1" {
		t.Errorf("after erasing: %s", jsonOf(t, erased))
	}
}

// Every table is either read by questions or named as one that is not, so that
// nobody adds one without deciding.
func TestVersionKnowsEveryTable(t *testing.T) {
	s := newStore(t)
	read := map[string]bool{"events": true, "windows_by_type": true, "windows_missing": true, "user_traits": true, "user_scores": true}
	for _, name := range otherTables() {
		read[name] = false
	}
	rows, err := s.conn.Query(t.Context(), "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if _, ok := read[name]; !ok {
			t.Errorf("table %s: name it in otherTables if no question reads it, and here otherwise", name)
		}
	}
}

// What a question reads until is what it says: events from after it change
// nothing, and the answer from memory is the answer.
func TestReadsUntilHolds(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2026-06-01T00:00:00Z") } })
	history := func(month string) []row {
		var rows []row
		for u := range 6 {
			for i, kind := range []string{"view", "add_to_cart", "purchase", "refund", "video_play"} {
				rows = append(rows, row{id: fmt.Sprint(month, u, i), user: fmt.Sprint("u", u), kind: kind, amount: "5", currency: "INR", video: "v", page: "/" + kind, at: at(month + "-10T00:00:00Z").Add(time.Duration(u*7+i*31) * time.Hour)})
			}
		}
		return rows
	}
	write(t, s, "1", append(history("2026-01"), row{id: "now", user: "x", kind: "other", at: at("2026-05-31T00:00:00Z")}))
	questions := map[string]string{}
	for kind, rest := range map[string]string{
		"trends": `"series":[{"measure":"users"},{"measure":"new_users"},{"measure":"weekly_active"},{"measure":"sessions"}],"compare":"previous"`, "funnel": `"steps":[{"event":"view"},{"event":"purchase"}],"finish_after_range":true`,
		"stickiness": `"event":null`, "revenue": `"breakdown":{"property":"currency"}`, "windows": `"event":null`, "lifecycle": `"event":null`,
		"paths": `"by":"user","gap":"60d"`, "sessions": `"gap":"24h"`, "video": `"breakdown":{"property":"video_id"}`, "retention": `"start":{"event":"view"},"return":{},"periods":30,"count":"on_or_after"`,
	} {
		to := "2026-02-01"
		if kind == "windows" {
			to = "2026-01-20"
		}
		questions[kind] = `{"kind":"` + kind + `","from":"2026-01-05","to":"` + to + `",` + rest + `}`
	}
	before := map[string]string{}
	for kind, question := range questions {
		before[kind] = jsonOf(t, ask(t, s, question).Result)
	}
	write(t, s, "2", append(history("2026-03"), history("2026-04")...))
	for kind, question := range questions {
		q, err := ParseQuery([]byte(question))
		if err != nil {
			t.Fatal(err)
		}
		f, err := q.span(s.now())
		if err != nil {
			t.Fatal(err)
		}
		if after := jsonOf(t, ask(t, s, question).Result); after != before[kind] {
			if _, known := readsUntil(q, f); known {
				t.Errorf("%s reads further than it says:\n%s\n%s", kind, before[kind], after)
			}
		}
	}
	q, err := ParseText("trends view from 2026-01-05 to 2026-01-20 breakdown user.plan")
	if err != nil {
		t.Fatal(err)
	}
	if until, known := readsUntil(q, frame{}); known {
		t.Errorf("a trait is said to be settled at %s; an identify may come at any time", until)
	}
}

func TestGuardRefusesWhatIsOverBudget(t *testing.T) {
	s := newStore(t, func(c *Config) { c.Now = func() time.Time { return at("2026-07-01T00:00:00Z") } })
	for m := 1; m <= 6; m++ {
		const sql = "INSERT INTO events (event_id, type, user_id, timestamp, received_at, properties) SELECT toString(number), 'view', toString(number %% 100), toDateTime64('2026-0%d-01 00:00:00', 3) + number, now64(3), '{}' FROM numbers(20000)"
		if err := s.conn.Exec(t.Context(), fmt.Sprintf(sql, m)); err != nil {
			t.Fatal(err)
		}
	}
	g := newGuard(t, s, func(c *GuardConfig) { c.Budget.Rows = 50_000 })
	q, err := ParseText("trends view by users from 2026-01-01 to 2026-07-01 where event_id exists")
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Ask(t.Context(), Caller{Name: "a"}, q)
	var over *BudgetError
	if !errors.As(err, &over) {
		t.Fatalf("got %v", err)
	}
	if over.Estimate.Rows != 120_000 || over.Fits == nil || over.Fits.Rows != 40_000 || over.Fits.Days != 90 {
		t.Errorf("got %+v, fits %+v", over, over.Fits)
	}
	if want := "this would read about 120,000 rows, and 50,000 is the most for one question; the 90 days from 2026-04-02T00:00:00Z would fit, with about 40,000 rows"; err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	fitting, err := withRange(q, at(over.Fits.From), at(over.Fits.To))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Ask(t.Context(), Caller{Name: "a"}, fitting); err != nil {
		t.Errorf("what would fit does not: %v", err)
	}
	if _, err := g.Ask(t.Context(), Caller{Name: "rich", Budget: Budget{Rows: 200_000}}, q); err != nil {
		t.Errorf("a caller with a budget of its own: %v", err)
	}
	p, err := g.Preview(t.Context(), Caller{Name: "a"}, q)
	if err != nil || p.Fits || p.FittingRange.Days != 90 || p.Estimate.Rows != 120_000 || p.Estimate.Bytes == 0 || p.Estimate.Marks == 0 {
		t.Errorf("preview %+v, %v", p, err)
	}
	// Where the estimate did not help, the server itself stops at the budget.
	if _, err := s.ask(t.Context(), q, Budget{Rows: 50_000}); !errors.As(err, &over) {
		t.Errorf("the server's own limit: got %v", err)
	}
	all, err := ParseQuery([]byte(`{"kind":"trends","from":"2026-06-01","to":"2026-07-01","series":[{"measure":"new_users"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Ask(t.Context(), Caller{Name: "a"}, all); !errors.As(err, &over) || over.Fits != nil || !strings.Contains(err.Error(), "no shorter range would do") {
		t.Errorf("a question about all of history: got %v", err)
	}
}

// slow is a question that takes the server half a minute.
type slow struct{ common }

func newSlow() *slow {
	q := &slow{common: defaultCommon()}
	q.remember([]byte(`{"kind":"slow"}`))
	return q
}

func (*slow) Kind() string { return "slow" }

func (*slow) result() {}

func (q *slow) answer(ctx context.Context, r *run) (Result, error) {
	st := newStatement()
	st.text("SELECT sum(sleepEachRow(0.01)) FROM (SELECT number FROM system.numbers LIMIT 3000) SETTINGS max_block_size = 10")
	return q, r.each(ctx, st, func(rows driver.Rows) error { return nil })
}

// serverWorksOn counts the slow questions that the server works on.
func serverWorksOn(t testing.TB, s *Store) int {
	t.Helper()
	var n uint64
	if err := s.conn.QueryRow(t.Context(), "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%system.processes%'").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return int(n)
}

func TestIdenticalQuestionsRunOnceUntilTheLastLeaves(t *testing.T) {
	s := newStore(t)
	g := newGuard(t, s)
	ctxs := make([]context.Context, 3)
	leave := make([]context.CancelFunc, 3)
	done := make(chan error, 3)
	for i := range ctxs {
		ctxs[i], leave[i] = context.WithCancel(t.Context())
		defer leave[i]()
		go func() { _, err := g.Ask(ctxs[i], Caller{Name: fmt.Sprint(i)}, newSlow()); done <- err }()
	}
	aboard := func() int {
		g.flights.mu.Lock()
		defer g.flights.mu.Unlock()
		for _, f := range g.flights.all {
			return f.aboard
		}
		return 0
	}
	until(t, "all three wait for one run", func() bool { return aboard() == 3 && serverWorksOn(t, s) == 1 })
	for i := range 2 {
		leave[i]()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
	}
	if n := serverWorksOn(t, s); n != 1 {
		t.Errorf("the server works on %d while one still waits", n)
	}
	left := time.Now()
	leave[2]()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("who left got %v", err)
	}
	until(t, "the server stops", func() bool { return serverWorksOn(t, s) == 0 })
	t.Logf("stopped %s after the last had left", time.Since(left))
	until(t, "the place is free", func() bool { running, _ := g.queue.lengths(); return running == 0 })
}

func TestCutAnswerSaysHowFarItGot(t *testing.T) {
	s := newStore(t, func(c *Config) { c.QueryTimeout = 500 * time.Millisecond })
	_, err := s.Ask(t.Context(), newSlow())
	var cut *CutError
	if !errors.As(err, &cut) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if cut.After < 400*time.Millisecond || !strings.HasPrefix(err.Error(), "the answer was stopped after ") {
		t.Errorf("got %v", err)
	}
	r := &run{frame: frame{from: at("2026-01-01T00:00:00Z"), to: at("2026-01-31T00:00:00Z")}}
	r.rows.Store(40_000_000)
	r.ahead.Store(120_000_000)
	got := r.cut(context.DeadlineExceeded, 30*time.Second).Error()
	if want := "the answer was stopped after 30s, having read 40 million of about 120 million rows; at that speed about 10 days of the range would fit"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// until waits for a state that comes by itself.
func until(t testing.TB, what string, reached func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !reached() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("it never came that %s", what)
		}
	}
}
