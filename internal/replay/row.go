package replay

import (
	"fmt"
	"io"
	"strings"
	"time"

	"millrace/internal/event"
)

// cellKind says what is known about a cell's value.
type cellKind uint8

const (
	cellAbsent  cellKind = iota
	cellText             // text that may mean a number: from a file without types
	cellString           // text that is a string: from a file with types
	cellJSON             // a JSON value that is no string
	cellInstant          // a point in time
	cellWall             // a local time or date without a zone, as UTC in at
)

// cell is one value of a row.
type cell struct {
	kind cellKind
	text []byte    // also of times, for the properties
	at   time.Time // of cellInstant and cellWall
}

// row is one row of a file. All of it is borrowed until the next row is read.
type row struct {
	line  int64 // where it starts: the physical line, for Parquet the row
	raw   []byte
	cells []cell
}

// rows reads one file.
type rows interface {
	// names are the columns known so far. NDJSON finds more as it goes.
	names() []string
	// next reads a row. It returns io.EOF at the end, a *BadRow for a row that
	// cannot be read although the ones after it can, and any other error where
	// the file breaks off.
	next(*row) error
	// unit is what line counts: "line" or "row".
	unit() string
	io.Closer
}

// The reasons for a bad row that the file itself is at fault for; others are
// reasons of package event.
const (
	ReasonWrongColumns  event.Reason = "wrong_columns" // more or fewer cells than columns
	ReasonBrokenQuotes  event.Reason = "broken_quotes" // a quote that opens or closes in the wrong place
	ReasonRowTooLong    event.Reason = "row_too_long"  // over Config.MaxRowBytes
	ReasonSkippedTime   event.Reason = "skipped_time"  // a local time that the clocks jumped over
	ReasonMalformedJSON event.Reason = event.ReasonMalformedJSON
)

// BadRow is a row that did not become an event.
type BadRow struct {
	File   string       `json:"file"`
	Line   int64        `json:"line"`
	Reason event.Reason `json:"reason"`
	Detail string       `json:"detail"`
	Row    string       `json:"row"`
	unit   string
}

// Error says where and why.
func (b *BadRow) Error() string {
	unit := b.unit
	if unit == "" {
		unit = "line"
	}
	return fmt.Sprintf("%s: %s %d: %s", b.File, unit, b.Line, b.Detail)
}

// bad makes a BadRow of a row; the reader of the file adds its name.
func bad(r *row, reason event.Reason, format string, args ...any) *BadRow {
	return &BadRow{Line: r.line, Reason: reason, Detail: fmt.Sprintf(format, args...), Row: strings.ToValidUTF8(string(r.raw), "\uFFFD")}
}
