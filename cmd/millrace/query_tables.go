package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// table is a part of an answer. Its cells are what the API wrote, and become
// readable only when they are shown.
type table struct {
	title   string
	columns []string
	rows    [][]string
	bar     int   // the column that is drawn as bars; -1 for none
	open    []int // rows that may still change
}

// answered is an answer as tables: short ones to look at, and one with all
// figures.
type answered struct {
	tables []table
	all    table
	facts  [][2]string // figures that stand alone
	meta   answerMeta
}

// answerMeta is the part of an answer's meta that is shown.
type answerMeta struct {
	From        string   `json:"from"`
	To          string   `json:"to"`
	Timezone    string   `json:"timezone"`
	StoredUntil *string  `json:"stored_until"`
	ElapsedMS   float64  `json:"elapsed_ms"`
	RowsRead    uint64   `json:"rows_read"`
	Cached      bool     `json:"cached"`
	Warnings    []string `json:"warnings"`
}

// readAnswer shapes an answer by what its result holds, so that a kind of
// question that this program does not know yet is shown, too.
func readAnswer(text json.RawMessage) (*answered, error) {
	var answer struct {
		Result json.RawMessage `json:"result"`
		Meta   answerMeta      `json:"meta"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	result, err := readObject(answer.Result)
	if err != nil {
		return nil, err
	}
	a := &answered{meta: answer.Meta}
	switch {
	case result.values["series"] != nil && result.values["buckets"] != nil:
		a.series(result)
	case result.values["steps"] != nil:
		a.funnel(result)
	case result.values["rows"] != nil:
		a.cohorts(result)
	default:
		a.plain(result)
	}
	return a, nil
}

// series are lines over buckets: of each line its figures, and labels that tell
// it from the others.
func (a *answered) series(result object) {
	buckets, _ := result.scalars("buckets")
	lines, _ := result.objects("series")
	open := indexes(result)
	a.all = table{columns: []string{"bucket"}, bar: -1}
	var matrix table
	for i, line := range lines {
		labels, figures := partsOf(line, len(buckets))
		if i == 0 {
			a.all.columns = append(append(a.all.columns, labels...), figures...)
			matrix = table{columns: []string{"bucket"}, bar: -1, open: open, rows: column(buckets)}
			if len(lines) > 1 && len(figures) > 1 && figures[0] != "values" {
				matrix.title = figures[0]
			}
		}
		name := labelOf(line, labels)
		for _, figure := range figures {
			values, _ := line.scalars(figure)
			heading := figure
			if len(lines) > 1 || figure == "values" {
				heading = name
			}
			matrix.columns = append(matrix.columns, heading)
			for j := range matrix.rows {
				matrix.rows[j] = append(matrix.rows[j], values[j])
			}
			if len(lines) > 1 {
				break // the first figure of each line; the others are in the totals
			}
		}
		a.all.rows = append(a.all.rows, longRows(line, buckets, labels, figures)...)
	}
	if len(lines) == 1 {
		matrix.bar = 1
	}
	a.tables = append(a.tables, matrix)
	totals := totalsOf(lines)
	switch {
	case len(totals.rows) == 1 && len(totals.columns) == 2:
		a.facts = append(a.facts, [2]string{"total", totals.rows[0][1]})
	case len(totals.rows) > 0:
		a.tables = append(a.tables, totals)
	}
	a.rest(result, "buckets", "series", "incomplete")
}

// partsOf splits the members of a line: texts that label it, and figures with one
// value per bucket.
func partsOf(line object, buckets int) (labels, figures []string) {
	for _, name := range line.names {
		if values, ok := line.scalars(name); ok && len(values) == buckets {
			figures = append(figures, name)
		} else if value := line.values[name]; value[0] == '"' || string(value) == "null" && name != "total" && name != "previous_total" {
			labels = append(labels, name)
		}
	}
	return labels, figures
}

func labelOf(line object, labels []string) string {
	var texts []string
	for _, label := range labels {
		if text := line.text(label); text != "" {
			texts = append(texts, text)
		}
	}
	if len(texts) == 0 {
		return "(none)"
	}
	return strings.Join(texts, " ")
}

func longRows(line object, buckets, labels, figures []string) [][]string {
	rows := make([][]string, len(buckets))
	for i, bucket := range buckets {
		rows[i] = []string{bucket}
		for _, label := range labels {
			rows[i] = append(rows[i], line.text(label))
		}
		for _, figure := range figures {
			values, _ := line.scalars(figure)
			rows[i] = append(rows[i], values[i])
		}
	}
	return rows
}

// totalsOf has a row per line: one figure, or several by name.
func totalsOf(lines []object) table {
	t := table{title: "whole range", bar: 1}
	for i, line := range lines {
		total := line.values["total"]
		if len(total) == 0 {
			return table{}
		}
		labels, _ := partsOf(line, -1)
		row := []string{labelOf(line, labels)}
		columns := []string{""}
		if figures, err := readObject(total); err == nil {
			for _, name := range figures.names {
				columns, row = append(columns, name), append(row, figures.text(name))
			}
		} else {
			columns, row = append(columns, "total"), append(row, scalar(total))
			if line.values["previous_total"] != nil {
				columns, row = append(columns, "previous"), append(row, line.text("previous_total"))
			}
		}
		if i == 0 {
			t.columns = columns
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// funnel has a table of steps, and one per value of the breakdown.
func (a *answered) funnel(result object) {
	steps, _ := result.objects("steps")
	whole := stepsOf(steps)
	a.tables = append(a.tables, whole)
	a.all = table{columns: append([]string{"breakdown"}, whole.columns...), rows: withFirst("", whole.rows), bar: -1}
	groups, _ := result.objects("breakdown")
	for _, group := range groups {
		steps, _ := group.objects("steps")
		one := stepsOf(steps)
		one.title = group.text("value")
		a.tables = append(a.tables, one)
		a.all.rows = append(a.all.rows, withFirst(one.title, one.rows)...)
	}
	a.rest(result, "steps", "breakdown")
}

func stepsOf(steps []object) table {
	t := table{columns: []string{"step", "count", "rate_from_first", "rate_from_previous", "median_seconds", "average_seconds"}, bar: 1}
	for _, step := range steps {
		name := step.text("name")
		if name == "" {
			name = eventName(step.values["event"])
		}
		row := []string{step.text("step") + " " + name}
		for _, column := range t.columns[1:] {
			row = append(row, step.text(column))
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// eventName is the choice of events of a step, for people.
func eventName(value json.RawMessage) string {
	choice, err := readObject(value)
	if err != nil {
		if name := scalar(value); name != "" {
			return name
		}
		return "any event"
	}
	names, _ := choice.scalars("any_of")
	return strings.Join(names, " or ")
}

// cohorts has a row per cohort and a column per period, as shares of its size.
func (a *answered) cohorts(result object) {
	a.all = table{columns: []string{"cohort", "breakdown", "size", "period", "users", "incomplete"}, bar: -1}
	a.cohortsOf(result, "")
	groups, _ := result.objects("breakdown")
	for _, group := range groups {
		a.cohortsOf(group, group.text("value"))
	}
	a.rest(result, "rows", "combined", "incomplete", "breakdown")
}

// cohortsOf adds the cohorts of one value of the breakdown, or of all users.
func (a *answered) cohortsOf(of object, value string) {
	rows, _ := of.objects("rows")
	t := table{title: value, columns: []string{"cohort", "size"}, bar: -1}
	for _, row := range rows {
		values, _ := row.scalars("values")
		open := indexes(row)
		name, size := row.text("cohort"), row.text("size")
		line := []string{name, size}
		for k, users := range values {
			if len(t.columns) < k+3 {
				t.columns = append(t.columns, fmt.Sprintf("%d_rate", k))
			}
			share := shareOf(users, size)
			if slices.Contains(open, k) && share != "" {
				share += "*"
			}
			line = append(line, share)
			a.all.rows = append(a.all.rows, []string{name, value, size, fmt.Sprint(k), users, fmt.Sprint(slices.Contains(open, k))})
		}
		t.rows = append(t.rows, line)
	}
	a.tables = append(a.tables, t)
}

// plain shows what has no shape of its own: arrays side by side, then arrays of
// objects one by one, then single figures.
func (a *answered) plain(result object) {
	side := table{bar: -1, open: indexes(result)}
	for _, name := range result.names {
		values, ok := result.scalars(name)
		if !ok || name == "incomplete" || len(values) == 0 || len(side.rows) > 0 && len(values) != len(side.rows) {
			continue
		}
		if side.rows == nil {
			side.rows = make([][]string, len(values))
		}
		side.columns = append(side.columns, name)
		for i, value := range values {
			side.rows[i] = append(side.rows[i], value)
		}
	}
	var done []string
	if len(side.rows) > 0 {
		if len(side.columns) == 2 {
			side.bar = 1
		} else {
			side.bar = slices.Index(side.columns, "rate")
		}
		a.tables = append(a.tables, side)
		done = append(side.columns, "incomplete")
	}
	a.rest(result, done...)
	if len(a.tables) > 0 {
		a.all = a.tables[0]
	}
}

// rest adds the members that are not shown yet.
func (a *answered) rest(result object, done ...string) {
	for _, name := range result.names {
		value := result.values[name]
		switch objects, ok := result.objects(name); {
		case slices.Contains(done, name) || string(value) == "null" || string(value) == "[]":
		case ok:
			a.tables = append(a.tables, tableOf(name, objects))
		case value[0] == '{':
			a.inner(name, value)
		case value[0] != '[':
			a.facts = append(a.facts, [2]string{name, scalar(value)})
		}
	}
}

// inner shows a member that is an object: its figures, and its lists of objects
// as tables.
func (a *answered) inner(name string, value json.RawMessage) {
	inner, err := readObject(value)
	if err != nil {
		return
	}
	for _, part := range inner.names {
		raw := inner.values[part]
		switch objects, ok := inner.objects(part); {
		case ok && len(objects) > 0:
			a.tables = append(a.tables, tableOf(name, objects))
		case raw[0] != '[':
			if text := inner.text(part); text != "" && text != "0" {
				a.facts = append(a.facts, [2]string{name + " " + part, text})
			}
		}
	}
}

// tableOf has a row per object and a column per member that is no object itself.
func tableOf(title string, objects []object) table {
	t := table{title: title, bar: -1}
	for _, name := range objects[0].names {
		if v := objects[0].values[name]; v[0] != '{' && v[0] != '[' {
			t.columns = append(t.columns, name)
		}
	}
	for _, o := range objects {
		row := make([]string, len(t.columns))
		for i, name := range t.columns {
			row[i] = o.text(name)
		}
		t.rows = append(t.rows, row)
	}
	for _, preferred := range []string{"explains", "count", "users", "events"} {
		if i := slices.Index(t.columns, preferred); i >= 0 && t.bar < 0 {
			t.bar = i
		}
	}
	return t
}

// indexes reads the member incomplete.
func indexes(o object) []int {
	var open []int
	_ = json.Unmarshal(o.values["incomplete"], &open) // absent where nothing is open
	return open
}

func column(values []string) [][]string {
	rows := make([][]string, len(values))
	for i, v := range values {
		rows[i] = []string{v}
	}
	return rows
}

func withFirst(first string, rows [][]string) [][]string {
	out := make([][]string, len(rows))
	for i, row := range rows {
		out[i] = append([]string{first}, row...)
	}
	return out
}

// writeCSV writes all figures as one table.
func (a *answered) writeCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	if err := w.Write(a.all.columns); err != nil {
		return err
	}
	return w.WriteAll(a.all.rows)
}
