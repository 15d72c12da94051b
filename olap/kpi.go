package olap

import (
	"context"
	"fmt"
	"strings"
	"time"

	"millrace/internal/query"
)

// KPIWindows are the windows that figures are counted in: clock hours of UTC,
// or calendar days of a zone. From and To are bounds of such windows.
type KPIWindows struct {
	Hours    bool
	Zone     *time.Location // of days
	From, To time.Time
}

// start renders the beginning of the window that an event lies in.
func (w KPIWindows) start(st *statement, column string) string {
	if w.Hours {
		return "toStartOfHour(toDateTime(" + column + ", 'UTC'))"
	}
	return "toDateTime(toStartOfDay(" + column + ", " + st.bind(w.Zone.String()) + "), 'UTC')"
}

func (w KPIWindows) holds(st *statement, column string) string {
	return column + " >= " + st.bind(w.From) + " AND " + column + " < " + st.bind(w.To)
}

// ActivityRow is what happened in one window: of all events, where Property is
// empty, or of those with one value of it; of one type or, where Type is empty,
// of all.
type ActivityRow struct {
	Window          time.Time
	Property, Value string
	Type            string
	Users, Events   uint64
}

// Activity counts events and different users by window and type, of all events
// and by the values of properties.
func (s *Store) Activity(ctx context.Context, w KPIWindows, properties []string) ([]ActivityRow, error) {
	st := newStatement()
	parts, err := kpiParts(st, properties)
	if err != nil {
		return nil, err
	}
	st.text("SELECT at, part.1 AS property, part.2 AS value, type, uniqExact(user_id), count() FROM (",
		"SELECT ", w.start(st, "timestamp"), " AS at, part, toString(type) AS type, user_id FROM events ARRAY JOIN ", parts, " AS part WHERE ", w.holds(st, "timestamp"),
		") GROUP BY GROUPING SETS ((at, part, type), (at, part)) ORDER BY at, property, value, type")
	var rows []ActivityRow
	err = s.eachRow(ctx, st, func(scan func(...any) error) error {
		var r ActivityRow
		err := scan(&r.Window, &r.Property, &r.Value, &r.Type, &r.Users, &r.Events)
		rows = append(rows, r)
		return err
	})
	return rows, kpiFault("activity", err)
}

// TakingsRow is what the purchases of one window brought in one currency.
type TakingsRow struct {
	Window          time.Time
	Property, Value string
	Currency        string
	Amount          float64
}

// Takings sums purchases up by window and currency, of all and by the values of
// properties.
func (s *Store) Takings(ctx context.Context, w KPIWindows, properties []string) ([]TakingsRow, error) {
	st := newStatement()
	parts, err := kpiParts(st, properties)
	if err != nil {
		return nil, err
	}
	st.text("SELECT ", w.start(st, "timestamp"), " AS at, part.1 AS property, part.2 AS value, toString(currency) AS money, toFloat64(sum(assumeNotNull(amount))) ",
		"FROM events ARRAY JOIN ", parts, " AS part WHERE type = 'purchase' AND amount IS NOT NULL AND ", w.holds(st, "timestamp"),
		" GROUP BY at, property, value, money ORDER BY at, property, value, money")
	var rows []TakingsRow
	err = s.eachRow(ctx, st, func(scan func(...any) error) error {
		var r TakingsRow
		err := scan(&r.Window, &r.Property, &r.Value, &r.Currency, &r.Amount)
		rows = append(rows, r)
		return err
	})
	return rows, kpiFault("revenue", err)
}

// StepRow is how many users had a step in a window, and how many of these an
// event after it, in the same window.
type StepRow struct {
	Window          time.Time
	Property, Value string
	Step            string
	Users, Reached  uint64
}

// Steps counts, for the given types of events or, without any, for all, their
// users by window and those who had the event afterwards within the window; of
// all events and by the values of properties, where both have the same value.
func (s *Store) Steps(ctx context.Context, w KPIWindows, properties []string, event string, from ...string) ([]StepRow, error) {
	st := newStatement()
	parts, err := kpiParts(st, properties)
	if err != nil {
		return nil, err
	}
	only := "1"
	if len(from) > 0 {
		only = "type IN (" + st.bind(append([]string{event}, from...)) + ")"
	}
	st.text("SELECT at, part.1 AS property, part.2 AS value, step, count(), countIf(last > first) FROM (",
		"SELECT ", w.start(st, "timestamp"), " AS at, part, user_id, toString(type) AS step, min(timestamp) AS first, ",
		"max(maxIf(timestamp, type = ", st.bind(event), ")) OVER (PARTITION BY at, part, user_id) AS last FROM events ARRAY JOIN ", parts, " AS part WHERE ",
		w.holds(st, "timestamp"), " AND ", only, " GROUP BY at, part, user_id, step) WHERE step != ", st.bind(event),
		" GROUP BY at, property, value, step ORDER BY at, property, value, step")
	var rows []StepRow
	err = s.eachRow(ctx, st, func(scan func(...any) error) error {
		var r StepRow
		err := scan(&r.Window, &r.Property, &r.Value, &r.Step, &r.Users, &r.Reached)
		rows = append(rows, r)
		return err
	})
	return rows, kpiFault("steps", err)
}

// RejectedRow counts, by the time of receipt, the events that the collector has
// refused and the records that became dead letters.
type RejectedRow struct {
	Window  time.Time
	Reason  string
	Records uint64
}

// Rejected counts what was not taken by window and reason.
func (s *Store) Rejected(ctx context.Context, w KPIWindows) ([]RejectedRow, error) {
	st := newStatement()
	st.text("SELECT at, reason, sum(n) FROM (",
		"SELECT ", w.start(st, "received_at"), " AS at, toString(reason) AS reason, count() AS n FROM dead_letters WHERE ", w.holds(st, "received_at"), " GROUP BY at, reason",
		" UNION ALL SELECT ", w.start(st, "minute"), " AS at, toString(reason) AS reason, sum(events) AS n FROM collector_rejections WHERE ", w.holds(st, "minute"), " GROUP BY at, reason",
		") GROUP BY at, reason ORDER BY at, reason")
	var rows []RejectedRow
	err := s.eachRow(ctx, st, func(scan func(...any) error) error {
		var r RejectedRow
		err := scan(&r.Window, &r.Reason, &r.Records)
		rows = append(rows, r)
		return err
	})
	return rows, kpiFault("rejected records", err)
}

func kpiFault(what string, err error) error {
	if err != nil {
		return fmt.Errorf("read %s by window: %w", what, err)
	}
	return nil
}

// kpiParts renders the parts that an event counts for: the whole, and the value
// that it has of each property. One pass over the events serves all.
func kpiParts(st *statement, properties []string) (string, error) {
	parts := []string{"('', '')"}
	for _, name := range properties {
		parsed, err := query.ParseName(name)
		if err != nil {
			return "", fmt.Errorf("property %q: %w", name, err)
		}
		p, err := resolveName(parsed)
		if err != nil {
			return "", err
		}
		if p.of != "" {
			return "", fmt.Errorf("property %q is of the user, not of the event", name)
		}
		parts = append(parts, "("+st.bind(name)+", toString("+p.text(st)+"))")
	}
	return "[" + strings.Join(parts, ", ") + "]", nil
}

// Extent is what is stored of a stretch of event time.
type Extent struct {
	First  time.Time // start of the 10-minute window of the first event; zero without events
	Events uint64
}

// Extent counts the events of [from, to), whole 10-minute windows, late ones
// included. It reads the rollup only.
func (s *Store) Extent(ctx context.Context, from, to time.Time) (Extent, error) {
	missing, err := s.missingWindows(ctx)
	if err != nil {
		return Extent{}, err
	}
	st := newStatement()
	stretch := windowRows{timeRange: timeRange{from, to}, missing: missing, only: "1"}
	st.text("SELECT fromUnixTimestamp64Milli(min(at), 'UTC'), sum(events) FROM ", stretch.render(st))
	var e Extent
	if err := s.readRow(ctx, st, &e.First, &e.Events); err != nil {
		return Extent{}, fmt.Errorf("read the extent of events: %w", err)
	}
	if e.First = e.First.UTC(); e.Events == 0 {
		e.First = time.Time{}
	}
	return e, nil
}

// Newest looks at the events with a time since the given one that were received
// before an instant: the newest event time of them, and when the last of them was
// received. Both are zero where there is none. What comes in the order of event
// time, a history that is replayed too, is complete up to the former where all
// that was received before the instant is stored.
func (s *Store) Newest(ctx context.Context, since, receivedBefore time.Time) (event, received time.Time, err error) {
	st := newStatement()
	st.text("SELECT max(timestamp), max(received_at), count() FROM events WHERE timestamp >= ", st.bind(since), " AND timestamp <= ", st.bind(receivedBefore),
		" AND received_at < ", st.bind(receivedBefore))
	var n uint64
	if err := s.readRow(ctx, st, &event, &received, &n); err != nil {
		return event, received, fmt.Errorf("look for the newest event: %w", err)
	}
	if n == 0 {
		return time.Time{}, time.Time{}, nil
	}
	return event.UTC(), received.UTC(), nil
}
