package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// delimited reads CSV, TSV and blank-separated text.
//
// The CSV is that of RFC 4180: a cell in quotes may hold separators, line
// breaks and doubled quotes. It is written out, because encoding/csv gives
// neither the bytes of a row nor a way to go on after a quote that never
// closes: there, only the line with the quote is bad, not the rest of the file.
type delimited struct {
	lines   lineReader
	blank   bool // any run of blanks separates
	comma   byte
	columns []string

	text    []byte        // unquoted cells of the current row
	raw     []byte        // a row with quotes
	pending []pendingLine // lines to read again, after a quote that never closes
	first   *row          // a first row that turned out to be data
	close   func() error
}

// pendingLine is a line, or why it could not be had.
type pendingLine struct {
	text []byte
	err  error
}

// newDelimited prepares a reader and finds its columns.
func newDelimited(s *source, format Format, cfg *Config) (*delimited, error) {
	d := &delimited{
		lines: lineReader{from: s.Reader, most: cfg.MaxRowBytes},
		blank: format == FormatBlank,
		comma: separator(format, cfg, s.sample()),
		close: s.Close,
	}
	first := new(row)
	err := d.read(first)
	var broken *BadRow
	switch {
	case err == io.EOF && len(cfg.Columns) > 0:
		d.columns = cfg.Columns
		return d, nil
	case errors.As(err, &broken) && cfg.Header == HeaderNo:
		return nil, fmt.Errorf("%s: the first row cannot be read: %s", s.name, broken.Detail)
	case errors.As(err, &broken):
		return nil, fmt.Errorf("%s: the header cannot be read: %s", s.name, broken.Detail)
	case err == io.EOF:
		return nil, fmt.Errorf("%s is empty", s.name)
	case err != nil:
		return nil, brokenOff(s.name, "line", 0, err)
	}
	return d, d.nameColumns(s.name, first, cfg)
}

// separator is what stands between cells.
func separator(format Format, cfg *Config, begin []byte) byte {
	if cfg.Delimiter != 0 {
		return cfg.Delimiter
	}
	if format == FormatTSV {
		return '\t'
	}
	line, _, _ := bytes.Cut(begin, []byte{'\n'})
	if found := delimiterOf(line); found != 0 {
		return found
	}
	return ','
}

// nameColumns takes the names from the configuration, the first row, or counts.
func (d *delimited) nameColumns(name string, first *row, cfg *Config) error {
	hasHeader := cfg.Header == HeaderYes || cfg.Header == HeaderAuto && looksLikeHeader(first.cells, cfg.Columns)
	switch {
	case len(cfg.Columns) > 0:
		d.columns = cfg.Columns
	case hasHeader:
		d.columns = headerNames(first.cells)
	default:
		for i := range first.cells {
			d.columns = append(d.columns, fmt.Sprintf("c%d", i+1))
		}
	}
	if hasHeader {
		return nil
	}
	if len(first.cells) != len(d.columns) {
		return fmt.Errorf("%s: --columns names %d columns, the first row has %d", name, len(d.columns), len(first.cells))
	}
	d.first = cloneRow(first)
	return nil
}

// looksLikeHeader guesses: names are neither empty nor numbers nor times. Only
// the first may be empty, over an index that nobody named.
// Where the columns are named by the caller, a first row that repeats those
// names is a header too.
func looksLikeHeader(cells []cell, columns []string) bool {
	guess := newTimeReader(nil, nil)
	for i := range cells {
		text := bytes.TrimSpace(cells[i].text)
		if len(text) == 0 && i == 0 && len(cells) > 1 {
			continue
		}
		if len(text) == 0 || isNumber(text) || isDigits(text) {
			return false
		}
		if _, err := guess.read(text); err == nil {
			return false
		}
		if len(columns) > 0 && (i >= len(columns) || !bytes.EqualFold(text, []byte(columns[i]))) {
			return false
		}
	}
	return true
}

// headerNames makes the names usable: none is empty, none occurs twice.
func headerNames(cells []cell) []string {
	names := make([]string, len(cells))
	seen := map[string]bool{}
	for i := range cells {
		name := string(bytes.TrimSpace(cells[i].text))
		if name == "" {
			name = fmt.Sprintf("c%d", i+1)
		}
		unique := name
		for n := 2; seen[unique]; n++ {
			unique = fmt.Sprintf("%s_%d", name, n)
		}
		seen[unique] = true
		names[i] = unique
	}
	return names
}

func cloneRow(r *row) *row {
	kept := &row{line: r.line, raw: bytes.Clone(r.raw)}
	for _, c := range r.cells {
		c.text = bytes.Clone(c.text)
		kept.cells = append(kept.cells, c)
	}
	return kept
}

func (d *delimited) names() []string { return d.columns }
func (d *delimited) unit() string    { return "line" }
func (d *delimited) Close() error    { return d.close() }

func (d *delimited) next(r *row) error {
	if d.first != nil {
		*r, d.first = *d.first, nil
		return nil
	}
	if err := d.read(r); err != nil {
		return err
	}
	if len(r.cells) != len(d.columns) {
		return bad(r, ReasonWrongColumns, "the row has %d cells, there are %d columns", len(r.cells), len(d.columns))
	}
	return nil
}

// read reads the next row that is not empty.
func (d *delimited) read(r *row) error {
	for {
		text, err := d.line()
		r.line, r.cells, d.text = d.lines.line-int64(len(d.pending)), r.cells[:0], d.text[:0]
		switch {
		case errors.Is(err, errLineTooLong):
			return tooLong(r, d.lines.most)
		case err != nil:
			return err
		case len(bytes.TrimLeft(text, " \t")) == 0:
			continue
		case d.blank:
			r.raw = text
			d.splitBlank(r)
			return nil
		}
		return d.splitQuoted(r, text)
	}
}

// line is the next physical line.
func (d *delimited) line() ([]byte, error) {
	if len(d.pending) > 0 {
		next := d.pending[0]
		d.pending = d.pending[1:]
		return next.text, next.err
	}
	return d.lines.next()
}

func (d *delimited) splitBlank(r *row) {
	for field := range bytes.FieldsSeq(r.raw) {
		r.cells = append(r.cells, cell{kind: cellText, text: field})
	}
}

// splitQuoted reads a row of CSV that starts with the line.
func (d *delimited) splitQuoted(r *row, text []byte) error {
	if bytes.IndexByte(text, '"') < 0 {
		r.raw = text
		d.splitPlain(r)
		return nil
	}
	d.raw = append(d.raw[:0], text...)
	ends := []int{len(d.raw)} // of the lines that the row has so far
	place := place{quoted: -1}
	for {
		fault := d.splitFrom(r, &place)
		r.raw = d.raw
		if fault != "" {
			return d.broken(r, ends, nil, fault)
		}
		if place.quoted < 0 {
			return nil
		}
		more, err := d.line()
		switch {
		case err == io.EOF:
			return d.broken(r, ends, nil, "a quote opens that is never closed; write quotes inside a cell twice")
		case errors.Is(err, errLineTooLong) || err == nil && len(d.raw)+len(more) >= d.lines.most:
			return d.broken(r, ends, &pendingLine{bytes.Clone(more), err}, "a quote opens that is not closed within the longest row; write quotes inside a cell twice")
		case err != nil:
			return err
		}
		d.raw = append(append(d.raw, '\n'), more...)
		ends = append(ends, len(d.raw))
	}
}

// broken is the bad row of the first line; the lines after it, of which there
// may be another that is not in the row, are read again.
func (d *delimited) broken(r *row, ends []int, last *pendingLine, fault string) error {
	var again []pendingLine
	for i := 1; i < len(ends); i++ {
		again = append(again, pendingLine{text: bytes.Clone(d.raw[ends[i-1]+1 : ends[i]])})
	}
	if last != nil {
		again = append(again, *last)
	}
	d.pending = append(again, d.pending...)
	r.raw = d.raw[:ends[0]]
	return bad(r, ReasonBrokenQuotes, "%s", fault)
}

func (d *delimited) splitPlain(r *row) {
	rest := r.raw
	for {
		i := bytes.IndexByte(rest, d.comma)
		if i < 0 {
			r.cells = append(r.cells, cell{kind: cellText, text: rest})
			return
		}
		r.cells = append(r.cells, cell{kind: cellText, text: rest[:i]})
		rest = rest[i+1:]
	}
}

// place is how far a row has been split.
type place struct {
	at     int // in d.raw
	quoted int // where in d.text the cell starts that is still open, or -1
}

// splitFrom splits d.raw from a place to its end, or returns what is wrong with
// the quotes. Cells may point into memory that d.raw and d.text have outgrown.
func (d *delimited) splitFrom(r *row, p *place) (fault string) {
	for {
		var value []byte
		switch {
		case p.quoted >= 0:
			end, closed := d.unquote(p.at)
			p.at = end
			if !closed {
				return ""
			}
			value, p.quoted = d.text[p.quoted:len(d.text):len(d.text)], -1
			if p.at < len(d.raw) && d.raw[p.at] != d.comma {
				return fmt.Sprintf("cell %d goes on after its closing quote; write quotes inside a cell twice", len(r.cells)+1)
			}
		case p.at < len(d.raw) && d.raw[p.at] == '"':
			p.at, p.quoted = p.at+1, len(d.text)
			continue
		default:
			value = d.raw[p.at:]
			if end := bytes.IndexByte(value, d.comma); end >= 0 {
				value = value[:end]
			}
			p.at += len(value)
			if d.comma != '\t' && bytes.IndexByte(value, '"') >= 0 { // TSV has no rule against it
				return fmt.Sprintf("cell %d has a quote in the middle; put the whole cell in quotes and write the quotes inside twice", len(r.cells)+1)
			}
		}
		r.cells = append(r.cells, cell{kind: cellText, text: value})
		if p.at == len(d.raw) {
			return ""
		}
		p.at++
	}
}

// unquote appends quoted text from a byte on to d.text and returns the byte
// after the closing quote, or the end.
func (d *delimited) unquote(at int) (end int, closed bool) {
	for {
		i := bytes.IndexByte(d.raw[at:], '"')
		if i < 0 {
			d.text = append(d.text, d.raw[at:]...)
			return len(d.raw), false
		}
		d.text = append(d.text, d.raw[at:at+i]...)
		at += i + 1
		if at == len(d.raw) || d.raw[at] != '"' {
			return at, true
		}
		d.text = append(d.text, '"')
		at++
	}
}
