package olap

import (
	"context"
	"fmt"
	"time"

	"millrace/internal/query"
)

// DayRow is what happened on one UTC day: of all events or of those with one
// value of a property, of one type or, where Type is empty, of all.
type DayRow struct {
	Day           time.Time
	Value         string // empty where no property was asked for
	Type          string
	Users, Events uint64
}

// DailyActivity counts events and different users by day and type, and by the
// values of a property, "" for none. Both ends are whole UTC days.
func (s *Store) DailyActivity(ctx context.Context, from, to time.Time, name string) ([]DayRow, error) {
	st := newStatement()
	value, err := dailyValue(st, name)
	if err != nil {
		return nil, err
	}
	st.text("SELECT toDateTime(day, 'UTC') AS at, value, type, uniqExact(user_id), count() FROM (",
		"SELECT toDate(timestamp, 'UTC') AS day, ", value, " AS value, toString(type) AS type, user_id FROM events WHERE timestamp >= ",
		st.bind(from), " AND timestamp < ", st.bind(to), ") GROUP BY GROUPING SETS ((day, value, type), (day, value)) ORDER BY at, value, type")
	ctx, cancel := s.reading(ctx, st.parameters())
	defer cancel()
	rows, err := s.conn.Query(ctx, st.String())
	if err != nil {
		return nil, fmt.Errorf("read daily activity: %w", err)
	}
	defer rows.Close()
	var days []DayRow
	for rows.Next() {
		var d DayRow
		if err := rows.Scan(&d.Day, &d.Value, &d.Type, &d.Users, &d.Events); err != nil {
			return nil, fmt.Errorf("read daily activity: %w", err)
		}
		days = append(days, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read daily activity: %w", err)
	}
	return days, nil
}

// DayRevenue is what the purchases of one UTC day brought in one currency.
type DayRevenue struct {
	Day      time.Time
	Value    string // empty where no property was asked for
	Currency string
	Amount   float64
}

// DailyRevenue sums purchases up by day and currency, and by the values of a
// property, "" for none.
func (s *Store) DailyRevenue(ctx context.Context, from, to time.Time, name string) ([]DayRevenue, error) {
	st := newStatement()
	value, err := dailyValue(st, name)
	if err != nil {
		return nil, err
	}
	st.text("SELECT toDateTime(toDate(timestamp, 'UTC'), 'UTC') AS at, ", value, " AS value, toString(currency) AS money, toFloat64(sum(assumeNotNull(amount))) ",
		"FROM events WHERE type = 'purchase' AND amount IS NOT NULL AND timestamp >= ", st.bind(from), " AND timestamp < ", st.bind(to),
		" GROUP BY at, value, money ORDER BY at, value, money")
	ctx, cancel := s.reading(ctx, st.parameters())
	defer cancel()
	rows, err := s.conn.Query(ctx, st.String())
	if err != nil {
		return nil, fmt.Errorf("read daily revenue: %w", err)
	}
	defer rows.Close()
	var days []DayRevenue
	for rows.Next() {
		var d DayRevenue
		if err := rows.Scan(&d.Day, &d.Value, &d.Currency, &d.Amount); err != nil {
			return nil, fmt.Errorf("read daily revenue: %w", err)
		}
		days = append(days, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read daily revenue: %w", err)
	}
	return days, nil
}

// StepRow is how many users had a step on a UTC day, with one value of a
// property, and how many of these an event after it, on the same day.
type StepRow struct {
	Day            time.Time
	Value          string // empty where no property was asked for
	Step           string
	Users, Reached uint64
}

// DailySteps counts, for each type of event, its users by day and those who had
// the given event later that day; by the values of a property, "" for none.
func (s *Store) DailySteps(ctx context.Context, from, to time.Time, name, event string) ([]StepRow, error) {
	st := newStatement()
	value, err := dailyValue(st, name)
	if err != nil {
		return nil, err
	}
	st.text("SELECT toDateTime(day, 'UTC') AS at, value, step, count(), countIf(last > first) FROM (",
		"SELECT toDate(timestamp, 'UTC') AS day, ", value, " AS value, user_id, toString(type) AS step, min(timestamp) AS first, ",
		"max(maxIf(timestamp, type = ", st.bind(event), ")) OVER (PARTITION BY day, value, user_id) AS last FROM events WHERE timestamp >= ",
		st.bind(from), " AND timestamp < ", st.bind(to), " GROUP BY day, value, user_id, step) WHERE step != ", st.bind(event),
		" GROUP BY day, value, step ORDER BY at, value, step")
	ctx, cancel := s.reading(ctx, st.parameters())
	defer cancel()
	rows, err := s.conn.Query(ctx, st.String())
	if err != nil {
		return nil, fmt.Errorf("read daily steps: %w", err)
	}
	defer rows.Close()
	var steps []StepRow
	for rows.Next() {
		var r StepRow
		if err := rows.Scan(&r.Day, &r.Value, &r.Step, &r.Users, &r.Reached); err != nil {
			return nil, fmt.Errorf("read daily steps: %w", err)
		}
		steps = append(steps, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read daily steps: %w", err)
	}
	return steps, nil
}

// dailyValue renders a property as text, and none as the empty text.
func dailyValue(st *statement, name string) (string, error) {
	if name == "" {
		return "''", nil
	}
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
	return "toString(" + p.text(st) + ")", nil
}

// Extent is what the events table holds before an instant.
type Extent struct {
	First, Last time.Time // event times; zero where there are no events
	Events      uint64
}

// Extent looks at all events with a time before the given one.
func (s *Store) Extent(ctx context.Context, before time.Time) (Extent, error) {
	st := newStatement()
	st.text("SELECT min(timestamp), max(timestamp), count() FROM events WHERE timestamp < ", st.bind(before))
	ctx, cancel := s.reading(ctx, st.parameters())
	defer cancel()
	var e Extent
	if err := s.conn.QueryRow(ctx, st.String()).Scan(&e.First, &e.Last, &e.Events); err != nil {
		return Extent{}, fmt.Errorf("read the extent of events: %w", err)
	}
	if e.Events == 0 {
		e.First, e.Last = time.Time{}, time.Time{}
	}
	return e, nil
}
