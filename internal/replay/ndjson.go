package replay

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
)

// ndjson reads one JSON object per line. Columns are the fields at the top,
// and such below it as the mapping names with dots: properties.distinct_id.
type ndjson struct {
	lines   lineReader
	columns []string
	index   map[string]int
	top     members
	inner   members
	paths   []path
	close   func() error
}

// path is a column inside of an object.
type path struct {
	column int
	steps  []string
}

// newNDJSON prepares a reader. The columns of the first rows are known at once.
func newNDJSON(s *source, cfg *Config) *ndjson {
	n := &ndjson{lines: lineReader{from: s.Reader, most: cfg.MaxRowBytes}, index: map[string]int{}, close: s.Close}
	for line := range bytes.Lines(s.sample()) {
		if n.top.split(bytes.TrimPrefix(line, []byte("\ufeff"))) {
			for _, name := range n.top.names {
				n.column(name)
			}
		}
	}
	for _, name := range cfg.Columns {
		n.column(name)
	}
	for _, a := range cfg.Map {
		n.addPath(a.Value)
	}
	return n
}

// column is the index of a name, new or known.
func (n *ndjson) column(name string) int {
	i, ok := n.index[name]
	if !ok {
		i = len(n.columns)
		n.index[name] = i
		n.columns = append(n.columns, name)
	}
	return i
}

// addPath makes a column of a field that lies deeper.
func (n *ndjson) addPath(name string) {
	steps := strings.Split(name, ".")
	if _, known := n.index[name]; known || len(steps) < 2 || !slices.Contains(n.columns, steps[0]) {
		return
	}
	n.paths = append(n.paths, path{n.column(name), steps})
}

func (n *ndjson) names() []string { return n.columns }
func (n *ndjson) unit() string    { return "line" }
func (n *ndjson) Close() error    { return n.close() }

func (n *ndjson) next(r *row) error {
	text, err := n.lines.nextFull()
	r.line = n.lines.line
	switch {
	case errors.Is(err, errLineTooLong):
		return tooLong(r, n.lines.most)
	case err != nil:
		return err
	}
	r.raw = text
	if !n.top.split(text) {
		return bad(r, ReasonMalformedJSON, "the line is not one JSON object")
	}
	for _, name := range n.top.names {
		n.column(name)
	}
	r.cells = append(r.cells[:0], make([]cell, len(n.columns))...)
	for i, name := range n.top.names {
		r.cells[n.index[name]] = jsonCell(n.top.values[i])
	}
	for _, p := range n.paths {
		r.cells[p.column] = jsonCell(n.follow(p.steps))
	}
	return nil
}

// follow finds the value at the end of a path, nil where there is none.
func (n *ndjson) follow(steps []string) []byte {
	value := n.top.get(steps[0])
	for _, step := range steps[1:] {
		if value == nil || !n.inner.split(value) {
			return nil
		}
		value = n.inner.get(step)
	}
	return value
}

// jsonCell is the cell of a JSON value; null is nothing.
func jsonCell(value []byte) cell {
	switch {
	case len(value) == 0 || value[0] == 'n':
		return cell{}
	case value[0] == '"':
		return cell{kind: cellString, text: unquoted(value)}
	}
	return cell{kind: cellJSON, text: value}
}

// nextFull is the next line that is not blank.
func (l *lineReader) nextFull() ([]byte, error) {
	for {
		text, err := l.next()
		if err != nil {
			return nil, err
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return text, nil
		}
	}
}

// envelopes reads NDJSON whose lines are events already.
type envelopes struct {
	lines lineReader
	close func() error
}

func (e *envelopes) names() []string { return nil }
func (e *envelopes) unit() string    { return "line" }
func (e *envelopes) Close() error    { return e.close() }

func (e *envelopes) next(r *row) error {
	text, err := e.lines.nextFull()
	r.line, r.raw = e.lines.line, text
	if errors.Is(err, errLineTooLong) {
		return tooLong(r, e.lines.most)
	}
	return err
}

var (
	_ rows      = (*delimited)(nil)
	_ rows      = (*ndjson)(nil)
	_ rows      = (*envelopes)(nil)
	_ io.Closer = (*source)(nil)
)
