package olap

import "time"

// Semantics is the version of the rules that answers follow; docs/queries.md
// states them.
const Semantics = "1"

// Answer is what a question returns, in the shape of the HTTP contract.
type Answer struct {
	Kind   string `json:"kind"`
	Result Result `json:"result"`
	Meta   Meta   `json:"meta"`
}

// Result is the part of an answer that its kind shapes: [*TrendsResult] or
// [*FunnelResult]. It marshals to JSON.
type Result interface{ result() }

// Meta says how an answer came about and how complete it is.
type Meta struct {
	// Semantics is the version of the rules.
	Semantics string `json:"semantics"`
	// From and To are the range [from, to), RFC 3339 in the question's zone.
	From     string `json:"from"`
	To       string `json:"to"`
	Timezone string `json:"timezone"`
	// StoredUntil: everything the broker accepted before it is included. Null
	// where it is not known. It is read before the first row is.
	StoredUntil *string `json:"stored_until"`
	// Watermark is the newest event time (never later than now) minus the
	// allowed lateness. Buckets that end after it may still change. Null while
	// nothing is stored.
	Watermark *string `json:"watermark"`
	// ElapsedMS is the time from the question to its answer, in milliseconds.
	ElapsedMS float64 `json:"elapsed_ms"`
	// RowsRead and BytesRead are what the store read, uncompressed bytes.
	RowsRead  uint64 `json:"rows_read"`
	BytesRead uint64 `json:"bytes_read"`
	// Cached tells an answer that was computed for an earlier question.
	Cached bool `json:"cached"`
	// Estimated tells figures that are not exact.
	Estimated bool `json:"estimated"`
	// SQL lists the statements that were run, with their parameters.
	SQL []string `json:"sql"`
	// Warnings are sentences about what the figures leave out.
	Warnings []string `json:"warnings"`
}

func stampOf(t *time.Time, zone *time.Location) *string {
	if t == nil {
		return nil
	}
	s := stamp(t.In(zone))
	return &s
}
