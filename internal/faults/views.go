//go:build linux

package faults

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// view is a materialized view as the store knows it.
type view struct {
	name   string
	query  string // what it selects from each block
	target string // database.table that it fills
}

// target finds the table in a view's definition.
var targetOf = regexp.MustCompile(`(?s)^CREATE MATERIALIZED VIEW \S+ TO (\S+)`)

// compareViews compares every materialized view with its own query over the
// whole raw table. It returns how many there are.
func (r *run) compareViews(ctx context.Context) (count int, differ []string, err error) {
	views, err := r.views(ctx)
	if err != nil {
		return 0, nil, err
	}
	for _, v := range views {
		difference, err := r.compareView(ctx, v)
		if err != nil {
			return 0, nil, fmt.Errorf("compare %s: %w", v.name, err)
		}
		if difference != "" {
			differ = append(differ, difference)
		}
	}
	return len(views), differ, nil
}

func (r *run) views(ctx context.Context) ([]view, error) {
	rows, err := r.conn.Query(ctx, "SELECT name, as_select, create_table_query FROM system.tables WHERE database = $1 AND engine = 'MaterializedView' ORDER BY name", r.name)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var views []view
	for rows.Next() {
		var v view
		var definition string
		if err := rows.Scan(&v.name, &v.query, &definition); err != nil {
			return nil, err
		}
		found := targetOf.FindStringSubmatch(definition)
		if found == nil {
			return nil, fmt.Errorf("view %s has no target table that could be compared: %s", v.name, definition)
		}
		v.target = found[1]
		views = append(views, v)
	}
	return views, rows.Err()
}

// compareView says how the target differs from the view's query, "" for not at
// all. FINAL merges the states of a target; states are compared by their value.
func (r *run) compareView(ctx context.Context, v view) (string, error) {
	columns, keys, final, err := r.columns(ctx, v)
	if err != nil {
		return "", err
	}
	have := fmt.Sprintf("SELECT %s FROM %s %s", columns, v.target, final)
	want := fmt.Sprintf("SELECT %s FROM (%s)", columns, v.query)
	var only, lacks uint64
	count := "SELECT (SELECT count() FROM (%[1]s EXCEPT ALL %[2]s)), (SELECT count() FROM (%[2]s EXCEPT ALL %[1]s))"
	if err := r.conn.QueryRow(ctx, fmt.Sprintf(count, have, want)).Scan(&only, &lacks); err != nil {
		return "", err
	}
	if only+lacks == 0 {
		return "", nil
	}
	if r.breakage == Intact {
		r.journal.note("%s differs in all rows of the blocks (partition, first, last offset, month, rows): %s", v.name,
			r.blocksBehind(ctx, v, keys, final))
	}
	return fmt.Sprintf("%s differs from its query over the raw rows: %d rows it should not have, %d it lacks; %s",
		v.name, only, lacks, r.example(ctx, have, want)), nil
}

// example shows a few rows on either side.
func (r *run) example(ctx context.Context, have, want string) string {
	var text []string
	for _, side := range []struct{ name, sql string }{{"has", have + " EXCEPT ALL " + want}, {"lacks", want + " EXCEPT ALL " + have}} {
		var some []string
		err := r.conn.QueryRow(ctx, "SELECT groupArray(3)(toString(tuple(*))) FROM ("+side.sql+")").Scan(&some)
		if err != nil {
			return err.Error()
		}
		text = append(text, side.name+" "+strings.Join(some, " "))
	}
	return strings.Join(text, "; ")
}

// blocksBehind names the sealed blocks, by month, all of whose rows in the view
// are among those that differ: these are in the view twice, or not at all. A
// month of a block is one part of the raw table, and one of the view's.
func (r *run) blocksBehind(ctx context.Context, v view, keys, final string) string {
	ctx, cancel := context.WithTimeout(ctx, time.Minute) // a question per block
	defer cancel()
	raw := r.name + ".events"
	if !strings.Contains(v.query, "FROM "+raw) {
		return "not known for a view of this form"
	}
	differ := fmt.Sprintf("SELECT %[1]s FROM (SELECT %[2]s FROM %[3]s %[4]s EXCEPT ALL SELECT %[2]s FROM (%[5]s)) UNION ALL "+
		"SELECT %[1]s FROM (SELECT %[2]s FROM (%[5]s) EXCEPT ALL SELECT %[2]s FROM %[3]s %[4]s)", keys, "*", v.target, final, v.query)
	rows, err := r.conn.Query(ctx, "SELECT kafka_partition, sealed_at, toYYYYMM(timestamp) AS month, min(kafka_offset), max(kafka_offset) FROM "+raw+
		" GROUP BY kafka_partition, sealed_at, month ORDER BY kafka_partition, sealed_at, month")
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var partition int32
		var sealed time.Time
		var month uint32
		var first, last int64
		if err := rows.Scan(&partition, &sealed, &month, &first, &last); err != nil {
			return err.Error()
		}
		block := fmt.Sprintf("(SELECT * FROM %s WHERE kafka_partition = %d AND kafka_offset BETWEEN %d AND %d AND toYYYYMM(timestamp) = %d)", raw, partition, first, last, month)
		of := strings.Replace(v.query, "FROM "+raw, "FROM "+block, 1)
		var all, differing uint64
		if err := r.conn.QueryRow(ctx, fmt.Sprintf("SELECT count(), countIf((%s) IN (%s)) FROM (%s)", keys, differ, of)).Scan(&all, &differing); err != nil {
			return strings.Join(append(found, err.Error()), " ")
		}
		if all == differing {
			found = append(found, fmt.Sprintf("(%d, %d, %d, %d, %d)", partition, first, last, month, all))
		}
	}
	return strings.Join(found, " ")
}

// columns lists what is compared of the view's target, as text, which of its
// columns are the key, and how to read the target merged.
func (r *run) columns(ctx context.Context, v view) (columns, keys, final string, err error) {
	database, name, _ := strings.Cut(strings.ReplaceAll(v.target, "`", ""), ".")
	var engine string
	var names, types []string
	var isKey []uint8
	err = r.conn.QueryRow(ctx, `SELECT any(t.engine), groupArray(c.name), groupArray(c.type), groupArray(c.is_in_sorting_key) FROM system.columns AS c
		JOIN system.tables AS t ON t.database = c.database AND t.name = c.table WHERE c.database = $1 AND c.table = $2`, database, name).
		Scan(&engine, &names, &types, &isKey)
	if err != nil {
		return "", "", "", err
	}
	var compared, key []string
	for i, column := range names {
		quoted := "`" + column + "`"
		if isKey[i] == 1 {
			key = append(key, quoted)
		}
		switch {
		case strings.HasPrefix(types[i], "AggregateFunction("):
			quoted = "finalizeAggregation(" + quoted + ")"
		case strings.HasPrefix(types[i], "SimpleAggregateFunction(groupUniqArrayArray,"): // a set: merges keep no order
			quoted = "arraySort(" + quoted + ")"
		}
		compared = append(compared, "toString("+quoted+")")
	}
	switch {
	case engine == "MergeTree":
	case strings.HasSuffix(engine, "MergeTree"):
		final = "FINAL"
	default:
		return "", "", "", fmt.Errorf("do not know how to read %s, a table of engine %s", v.target, engine)
	}
	return strings.Join(compared, ", "), strings.Join(key, ", "), final, nil
}
