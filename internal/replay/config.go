package replay

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"millrace/internal/event"
	"millrace/internal/nearest"
)

// Format is how rows are written in a file.
type Format string

// The formats of a file. FormatEnvelope is NDJSON whose lines are events
// already; FormatAuto finds out by the file's name and then by its content.
const (
	FormatAuto     Format = "auto"
	FormatCSV      Format = "csv"
	FormatTSV      Format = "tsv"
	FormatBlank    Format = "blank"
	FormatNDJSON   Format = "ndjson"
	FormatEnvelope Format = "envelope"
	FormatParquet  Format = "parquet"
)

func formatNames() []string {
	return []string{"auto", "csv", "tsv", "blank", "ndjson", "envelope", "parquet"}
}

// Header says whether the first row of a text file names the columns.
type Header string

// HeaderAuto takes the first row for names unless one of its cells is empty, a
// number or a time.
const (
	HeaderAuto Header = "auto"
	HeaderYes  Header = "yes"
	HeaderNo   Header = "no"
)

// Config says how files become events.
type Config struct {
	// Format of all files.
	Format Format
	// Delimiter between the cells of CSV; 0 finds out.
	Delimiter byte
	// Header says whether there is one.
	Header Header
	// Columns names the columns where there is no header; for NDJSON, columns
	// that occur although the first rows lack them.
	Columns []string
	// Map lists assignments target=column, Const target=value; see ParseAssignments.
	Map, Const []Assignment
	// TimeFormats are tried in order: Go layouts, strftime patterns, or names
	// (unix, unix_ms, unix_us, unix_ns, rfc3339). None means to find out.
	TimeFormats []string
	// Zone is where times without a zone were taken.
	Zone *time.Location
	// ShiftTo moves all events in time so that the last one lands here; zero
	// leaves them where they are.
	ShiftTo time.Time
	// Speed is how many seconds of event time pass in one second; 0 is as fast
	// as possible.
	Speed float64
	// Limit is the number of rows to read altogether; 0 is all.
	Limit int64
	// MaxRowBytes bounds one row, MaxSortBytes what Speed may hold to sort.
	MaxRowBytes  int
	MaxSortBytes int64
	// Limits are the rules that an event must keep.
	Limits event.Limits
	// Stdin is read for the file name "-".
	Stdin io.Reader
}

// DefaultConfig reads any file as fast as possible and takes times for UTC.
func DefaultConfig() Config {
	return Config{
		Format:       FormatAuto,
		Header:       HeaderAuto,
		Zone:         time.UTC,
		MaxRowBytes:  8 << 20,
		MaxSortBytes: 1 << 30,
		Limits:       event.DefaultLimits(),
	}
}

// Validate reports every fault of the configuration at once.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !contains(formatNames(), string(c.Format)) {
		fault("format: %q is not one of %s%s", c.Format, strings.Join(formatNames(), ", "), nearest.Hint(string(c.Format), formatNames()))
	}
	if c.Header != HeaderAuto && c.Header != HeaderYes && c.Header != HeaderNo {
		fault("header: %q; use auto, yes or no", c.Header)
	}
	if c.Delimiter == '"' || c.Delimiter == '\n' || c.Delimiter == '\r' || c.Delimiter >= 0x80 {
		fault("delimiter: %q cannot separate cells; use one ASCII character", c.Delimiter)
	}
	if _, err := newLayouts(c.TimeFormats); err != nil {
		faults = append(faults, err)
	}
	if c.Zone == nil {
		fault("time zone: none; use UTC where in doubt")
	}
	if c.Speed < 0 || c.Limit < 0 {
		fault("speed %v and limit %d must not be negative", c.Speed, c.Limit)
	}
	if c.MaxRowBytes < 1 || c.MaxSortBytes < 1 {
		fault("bounds: %d bytes a row and %d bytes to sort must be positive", c.MaxRowBytes, c.MaxSortBytes)
	}
	if err := checkAssignments(c.Map, c.Const); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}
