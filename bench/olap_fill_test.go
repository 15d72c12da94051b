package bench

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

//go:embed olap_events.sql
var olapEventsSQL string

// fill makes the events inside the store, a few million at a time in the order
// in which they happened, through the views; and waits until nothing is left to
// merge.
func (a *olapArena) fill(t *testing.T) {
	t.Helper()
	const chunk = 2_000_000
	if a.must(t, "SELECT count() FROM events") == strconv.Itoa(a.events) { // an earlier run has made them
		a.quiet(t)
		a.sizes(t)
		return
	}
	before, err := processorTime(a.pid)
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < a.events; from += chunk {
		a.must(t, strings.NewReplacer("{table}", "events", "{from}", strconv.Itoa(from), "{rows}", strconv.Itoa(min(chunk, a.events-from)), "{total}", strconv.Itoa(a.events)).Replace(olapEventsSQL)+
			" SETTINGS max_insert_threads = 2, max_block_size = 500000, min_insert_block_size_rows = 500000, min_insert_block_size_bytes = 0, max_execution_time = 600")
	}
	a.quiet(t)
	after, err := processorTime(a.pid)
	if err != nil {
		t.Fatal(err)
	}
	a.run.Fill = float64((after - before).Microseconds()) / float64(a.events)
	a.sizes(t)
}

// settle has the second order built for the months, which are all over.
func (a *olapArena) settle(t *testing.T) {
	t.Helper()
	if _, err := a.asking.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.quiet(t)
	a.sizes(t)
	if a.run.Disk["by_person"] == 0 {
		t.Fatal("no month was settled")
	}
}

// quiet waits until the store has nothing to merge and no mutation to carry out.
func (a *olapArena) quiet(t *testing.T) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Minute)
	for calm := 0; calm < 10; {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("the store does not come to rest")
		}
		calm++
		if a.must(t, "SELECT (SELECT count() FROM system.merges) + (SELECT count() FROM system.mutations WHERE NOT is_done)") != "0" {
			calm = 0
		}
	}
}

// sizes notes what lies on disk; by_person is a part of events.
func (a *olapArena) sizes(t *testing.T) {
	t.Helper()
	text := a.must(t, `SELECT table, sum(bytes_on_disk) / 1e6 FROM system.parts WHERE active AND database = 'default' GROUP BY table
UNION ALL SELECT 'by_person', sum(bytes_on_disk) / 1e6 FROM system.projection_parts WHERE active AND database = 'default' FORMAT TSV`)
	for line := range strings.Lines(text) {
		var table string
		var mb float64
		if _, err := fmt.Sscan(line, &table, &mb); err == nil {
			a.run.Disk[table] = mb
		}
	}
}

// naiveTable is what one would make without a thought for users: the columns
// that the questions need, in the order of type and time.
func (a *olapArena) naiveTable(t *testing.T) {
	t.Helper()
	a.must(t, `CREATE OR REPLACE TABLE raw
(
    type LowCardinality(String), user_id String, timestamp DateTime64(3, 'UTC'), amount Nullable(Decimal(18, 6)),
    currency LowCardinality(String), country LowCardinality(String)
)
ENGINE = MergeTree PARTITION BY toYYYYMM(timestamp) ORDER BY (type, timestamp)`)
	for _, month := range strings.Fields(a.must(t, "SELECT DISTINCT partition FROM system.parts WHERE active AND table = 'events' ORDER BY partition")) {
		a.must(t, "INSERT INTO raw SELECT type, user_id, timestamp, amount, currency, country FROM events WHERE toYYYYMM(timestamp) = "+month+" SETTINGS max_execution_time = 1200")
	}
	a.quiet(t)
	a.sizes(t)
}

// naive is the way of plain SQL, over HTTP.
func (a *olapArena) naive(_ context.Context, q olapQuestion) (olapAnswer, error) {
	if q.naive == "" {
		return olapAnswer{}, nil
	}
	text, err := a.store.ask(q.naive + " SETTINGS max_execution_time = 300 FORMAT TSV")
	return olapAnswer{given: true, text: "[" + strings.Join(strings.Fields(text), " ") + "]"}, err
}
