package oltp

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Anomaly is an incident that the figures show.
type Anomaly struct {
	// ID stays the same while the incident is seen again, with more or other data.
	ID string
	// StartedAt is the earliest moment that nothing speaks against, FirstSeen the
	// start of the first window that shows it, EndedAt the last instant of the last
	// such window; of an ongoing incident that is the last one looked at.
	StartedAt, FirstSeen, EndedAt time.Time
	// DetectedAt is the end of the window by which it was known.
	DetectedAt time.Time
	Ongoing    bool
	Severity   string
	// Measure is the figure with the strongest evidence, Measures all that moved.
	Measure  string
	Measures []string
	// Kind is share or count, the unit of the four figures.
	Kind                      string
	Expected, Low, High, Seen float64
	// Evidence is a log-likelihood ratio, in nats.
	Evidence float64
	// Property and Value explain Part of it, empty where nothing does. Step is the
	// event behind which it lies, if any.
	Property, Value string
	Part            float64
	Step            string
	// Grid is hour or day, the windows that the four figures are of. Stays: the
	// level did not come back, and counts as usual since the end.
	Grid  string
	Stays bool
}

// nameAnomalies gives each incident the id of a stored one that it overlaps
// with and shares a figure with, or a new one.
func nameAnomalies(found, stored []Anomaly) []Anomaly {
	named := slices.Clone(found)
	taken := map[string]bool{}
	for i := range named {
		a := &named[i]
		at := slices.IndexFunc(stored, func(b Anomaly) bool { return !taken[b.ID] && a.same(&b) })
		if at >= 0 {
			a.ID = stored[at].ID
		} else {
			a.ID = a.newID()
		}
		taken[a.ID] = true
	}
	return named
}

func (a *Anomaly) same(b *Anomaly) bool {
	overlap := !a.StartedAt.After(b.EndedAt) && !b.StartedAt.After(a.EndedAt)
	return overlap && slices.ContainsFunc(a.Measures, func(m string) bool { return slices.Contains(b.Measures, m) })
}

func (a *Anomaly) newID() string {
	sum := sha256.Sum256([]byte(a.Measure + "\x00" + a.FirstSeen.UTC().Format(time.RFC3339)))
	return "an_" + hex.EncodeToString(sum[:8])
}

const anomalyColumns = `id, started_at, first_seen, ended_at, detected_at, ongoing, severity, measure, measures, kind,
expected, low, high, seen, evidence, property, value, part, step, grid, stays`

func (a *Anomaly) fields() []any {
	return []any{&a.ID, &a.StartedAt, &a.FirstSeen, &a.EndedAt, &a.DetectedAt, &a.Ongoing, &a.Severity, &a.Measure, &a.Measures, &a.Kind,
		&a.Expected, &a.Low, &a.High, &a.Seen, &a.Evidence, &a.Property, &a.Value, &a.Part, &a.Step, &a.Grid, &a.Stays}
}

//go:embed anomalies_upsert.sql
var upsertAnomalySQL string

func upsertAnomaly(ctx context.Context, tx pgx.Tx, a *Anomaly) error {
	_, err := tx.Exec(ctx, upsertAnomalySQL, a.ID, a.StartedAt, a.FirstSeen, a.EndedAt, a.DetectedAt, a.Ongoing, a.Severity, a.Measure,
		a.Measures, a.Kind, a.Expected, a.Low, a.High, a.Seen, a.Evidence, a.Property, a.Value, a.Part, a.Step, a.Grid, a.Stays)
	return err
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func readAnomalies(ctx context.Context, q querier, sql string, args ...any) ([]Anomaly, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Anomaly, error) {
		var a Anomaly
		return a, row.Scan(a.fields()...)
	})
}

// ErrUnknownAnomaly means that there is no such incident, or no longer.
var ErrUnknownAnomaly = errors.New("unknown incident")

// Anomaly returns one incident, or ErrUnknownAnomaly.
func (s *Store) Anomaly(ctx context.Context, id string) (Anomaly, error) {
	if !storable(id) {
		return Anomaly{}, ErrUnknownAnomaly
	}
	found, err := readAnomalies(ctx, s.pool, "SELECT "+anomalyColumns+" FROM anomalies WHERE NOT withdrawn AND id = $1", id)
	if err != nil {
		return Anomaly{}, wrap("look an incident up", err)
	}
	if len(found) == 0 {
		return Anomaly{}, ErrUnknownAnomaly
	}
	return found[0], nil
}

// AnomalyFilter chooses incidents; what is zero does not narrow.
type AnomalyFilter struct {
	From, To   time.Time // incidents that touch [From, To)
	Severities []string
	Ongoing    bool   // only those that go on
	Measure    string // that moved
	Property   string // by which it is explained
}

// AnomalyCursor is the incident behind which a page begins; zero for the first.
type AnomalyCursor struct {
	StartedAt time.Time
	ID        string
}

// String writes the cursor for a client to send back.
func (c AnomalyCursor) String() string {
	return strconv.FormatInt(c.StartedAt.UnixMicro(), 10) + "." + c.ID
}

// ParseAnomalyCursor reads what String has written; the empty text is the zero cursor.
func ParseAnomalyCursor(text string) (AnomalyCursor, error) {
	if text == "" {
		return AnomalyCursor{}, nil
	}
	micros, id, ok := strings.Cut(text, ".")
	at, err := strconv.ParseInt(micros, 10, 64)
	if !ok || err != nil || !storable(id) {
		return AnomalyCursor{}, errors.New("not a cursor; send next_cursor of the page before, unchanged")
	}
	return AnomalyCursor{StartedAt: time.UnixMicro(at).UTC(), ID: id}, nil
}

// Anomalies lists up to limit incidents, newest first, behind the cursor.
func (s *Store) Anomalies(ctx context.Context, f AnomalyFilter, after AnomalyCursor, limit int) ([]Anomaly, error) {
	var where strings.Builder
	var args []any
	and := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		where.WriteString(" AND " + condition)
	}
	if !f.From.IsZero() {
		and("ended_at >= ?", f.From)
	}
	if !f.To.IsZero() {
		and("started_at < ?", f.To)
	}
	if len(f.Severities) > 0 {
		and("severity = ANY(?)", f.Severities)
	}
	if f.Ongoing {
		and("ongoing")
	}
	if f.Measure != "" {
		and("? = ANY(measures)", f.Measure)
	}
	if f.Property != "" {
		and("property = ?", f.Property)
	}
	if after.ID != "" {
		and("(started_at, id) < (?, ?)", after.StartedAt, after.ID)
	}
	sql := fmt.Sprintf("SELECT %s FROM anomalies WHERE NOT withdrawn%s ORDER BY started_at DESC, id DESC LIMIT %d", anomalyColumns, where.String(), limit)
	found, err := readAnomalies(ctx, s.pool, sql, args...)
	if err != nil {
		return nil, wrap("list anomalies", err)
	}
	return found, nil
}
