package event

import (
	"bytes"
	"time"

	"github.com/google/uuid"
)

// Complete appends value, the JSON text of a valid event, to dst with the
// fields that the sender left out: event_id where id is not empty, timestamp
// where at is not zero. The rest is copied as it is.
//
// They go to the end of the object, not to its beginning: an event may say
// "event_id":null, and the last value counts.
func Complete(dst, value []byte, id string, at time.Time) []byte {
	value = bytes.Trim(value, " \t\r\n")
	if id == "" && at.IsZero() {
		return append(dst, value...)
	}
	w := fieldWriter{dst: append(dst, value[:len(value)-1]...), some: true}
	w.text("event_id", id)
	if !at.IsZero() {
		w.time("timestamp", at)
	}
	return append(w.dst, '}')
}

// NewID makes an event id: a UUID of version 7 (RFC 9562), so that ids made
// later sort later, by the millisecond of now.
func NewID(now time.Time) string {
	id := uuid.New()
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x70
	return id.String()
}
