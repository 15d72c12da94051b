//go:build linux

package faults

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"millrace/ingest"
	"millrace/olap"
)

// check counts. It changes nothing.
func (r *run) check(ctx context.Context, result *Result) error {
	if err := r.awaitStore(ctx); err != nil {
		return err
	}
	if err := r.awaitQuiet(ctx); err != nil {
		return err
	}
	ends, err := r.ends(ctx)
	if err != nil {
		return err
	}
	counted, err := r.compare(ctx, ends, *result)
	if err != nil { // it may have started again in between; once
		if err := r.awaitStore(ctx); err != nil {
			return err
		}
		counted, err = r.compare(ctx, ends, *result)
	}
	*result = counted
	if err != nil {
		// The store is back and quiet: what it cannot read it has lost.
		result.Violations = append(result.Violations, "the store cannot be read: "+err.Error())
	}
	return nil
}

// compare reads what is stored and compares. It returns the result with what
// it has found.
func (r *run) compare(ctx context.Context, ends map[int32]int64, result Result) (Result, error) {
	result.Violations = slices.Clone(result.Violations)
	rows, err := r.stored(ctx, "events", "event_id")
	if err != nil {
		return result, err
	}
	letters, err := r.stored(ctx, "dead_letters", "''")
	if err != nil {
		return result, err
	}
	repeats, err := r.stored(ctx, "duplicates", "event_id")
	if err != nil {
		return result, err
	}
	result.Violations = append(result.Violations, compareLog(ends, r.produced, rows, letters, repeats)...)
	for _, end := range ends {
		result.Records += int(end)
	}
	result.Letters, result.Repeats = len(letters), len(repeats)
	if len(result.Violations) > 0 {
		r.journal.note("stored more than once, by block: %s", r.evidence(ctx))
	}
	views, differ, err := r.compareViews(ctx)
	result.Views = views
	result.Violations = append(result.Violations, differ...)
	if err == nil {
		differ, err = r.askLedger(ctx)
		result.Violations = append(result.Violations, differ...)
	}
	r.journal.note("checked: %d records in the log, %d rows, %d dead letters, %d repeats, %d views", result.Records, len(rows), len(letters), len(repeats), views)
	return result, err
}

// askLedger asks the product itself, whose ledger has to find nothing wrong,
// and nothing that is still pending.
func (r *run) askLedger(ctx context.Context) (violations []string, err error) {
	cfg := olap.DefaultConfig()
	cfg.Address, cfg.Database = r.storeAddress(), r.name
	store, err := olap.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	log, err := ingest.NewTopicLog([]string{r.broker.address()}, r.name, r.name)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	line, views, err := store.LedgerOfAll(ctx, []olap.TopicLog{log})
	if err != nil {
		return nil, err
	}
	if !line.Balanced() || line.Pending > 0 || line.Aggregated == nil {
		violations = append(violations, fmt.Sprintf("the ledger does not balance: %+v", line))
	}
	for _, v := range views {
		if v.Stored == nil || *v.Stored != v.Events {
			violations = append(violations, fmt.Sprintf("the ledger's view %s counts %d events", v.Name, v.Events))
		}
	}
	return violations, nil
}

// evidence tells when the rows that are there twice were stored, which tells
// who stored them.
func (r *run) evidence(ctx context.Context) string {
	var text string
	err := r.conn.QueryRow(ctx, `SELECT toString(groupArray((kafka_partition, first, last, times))) FROM (
		SELECT kafka_partition, min(kafka_offset) AS first, max(kafka_offset) AS last, times FROM (
			SELECT kafka_partition, kafka_offset, arraySort(groupArray(stored_at)) AS times FROM `+r.name+`.events
			GROUP BY kafka_partition, kafka_offset HAVING count() > 1)
		GROUP BY kafka_partition, times ORDER BY kafka_partition, first LIMIT 20)`).Scan(&text)
	if err != nil {
		return err.Error()
	}
	return text
}

// awaitQuiet returns when the store works on no insert any more: a member that
// is gone may have left one behind.
func (r *run) awaitQuiet(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		var inserts uint64
		err := r.conn.QueryRow(ctx, "SELECT count() FROM system.processes WHERE query ILIKE 'INSERT%'").Scan(&inserts)
		if err == nil && inserts == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d inserts are still running: %w", inserts, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// storedRow is a row of events or of dead_letters.
type storedRow struct {
	position
	id string
}

func (r *run) stored(ctx context.Context, table, id string) ([]storedRow, error) {
	rows, err := r.conn.Query(ctx, fmt.Sprintf("SELECT kafka_partition, kafka_offset, %s FROM %s.%s ORDER BY 1, 2", id, r.name, table))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []storedRow
	for rows.Next() {
		var s storedRow
		if err := rows.Scan(&s.partition, &s.offset, &s.id); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, rows.Err()
}

// compareLog compares the topic's log with what is stored: each offset once, as
// a row, a dead letter or a repeat; each row the record that the broker
// acknowledged at its offset; and each event once.
func compareLog(ends map[int32]int64, p *produced, rows, letters, repeats []storedRow) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	events := map[string]bool{}
	for _, s := range rows {
		events[s.id] = true
	}
	times := map[position]int{}
	var missing, twice, alien, wrong, unacknowledged offsets
	look := func(stored []storedRow, isEvent bool) {
		for _, s := range stored {
			times[s.position]++
			want, known := p.at[s.position]
			switch {
			case s.offset >= ends[s.partition]:
				alien.add(s.position)
			case known && (want != s.id || (want != "") != isEvent):
				wrong.add(s.position)
			}
		}
	}
	look(rows, true)
	look(letters, false)
	look(repeats, true)
	var orphans offsets
	for _, s := range repeats {
		if !events[s.id] {
			orphans.add(s.position)
		}
	}
	var again []string
	if n := len(rows) - len(events); n > 0 {
		again = []string{fmt.Sprintf("%d rows repeat the event_id of another", n)}
	}
	for partition, end := range ends {
		for offset := range end {
			at := position{partition, offset}
			switch n := times[at]; {
			case n == 0:
				missing.add(at)
			case n > 1:
				twice.add(at)
			}
			if _, known := p.at[at]; !known {
				unacknowledged.add(at)
			}
		}
	}
	for at := range p.at {
		if at.offset >= ends[at.partition] {
			missing.add(at) // the broker has lost what it acknowledged
		}
	}
	return slices.Concat(
		again, orphans.say("left out as repeats of what is not stored"),
		missing.say("lost: in no table"), twice.say("stored more than once"), alien.say("stored, but not in the log"),
		wrong.say("stored, but not the record of its offset"), unacknowledged.say("in the log, never acknowledged: the broker stored a record twice"))
}

// offsets is a set of positions to report.
type offsets []position

func (o *offsets) add(p position) { *o = append(*o, p) }

// say names the positions as ranges.
func (o offsets) say(what string) []string {
	if len(o) == 0 {
		return nil
	}
	slices.SortFunc(o, func(a, b position) int {
		return cmp.Or(cmp.Compare(a.partition, b.partition), cmp.Compare(a.offset, b.offset))
	})
	var ranges []string
	for i := 0; i < len(o) && len(ranges) < 20; {
		j := i
		for j+1 < len(o) && o[j+1] == (position{o[j].partition, o[j].offset + 1}) {
			j++
		}
		ranges = append(ranges, fmt.Sprintf("%d/%d-%d", o[i].partition, o[i].offset, o[j].offset))
		i = j + 1
	}
	return []string{fmt.Sprintf("%d records %s: %s", len(o), what, strings.Join(ranges, " "))}
}
