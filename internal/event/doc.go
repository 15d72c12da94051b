// Package event holds the noun that every stage shares: one user event.
//
// It has two forms. [Event] is a row, for the edges where events are made one
// at a time: the traffic generator, file replay, the collector. [Batch] is a
// struct of arrays, for the path from Kafka to ClickHouse, where an event is
// only ever a row number. [Decoder] turns the JSON envelope of the HTTP
// contract into either, [Event.AppendJSON] writes it, [Split] and [SplitLines]
// find the events in a request body, and [Complete] adds what a sender left
// out without encoding the rest again.
//
// A record that breaks the envelope's rules is answered with a [Reject]: a
// stable reason code, the JSON pointer of the field at fault and a sentence
// that helps. Nothing is repaired in silence.
//
// # What an event may be
//
// One JSON object, in UTF-8, within [Limits]. It needs type, and user_id or
// anonymous_id. Names are exact; unknown ones are refused in the envelope and
// in context, and free in properties. A name given twice counts with its last
// value, whole, and properties are stored without the others. Null and the
// empty string are the same as absent, except that a timestamp is never empty.
//
// A timestamp is RFC 3339, with any offset and up to nine decimals, and is kept
// in milliseconds, cut off. An amount, as a number or a string, is kept in
// millionths, rounded half to even; one that is not a number, or that does not
// fit eighteen digits, stays in properties and has no column. A product_id,
// category or video_id may be a number too and is kept as it was written.
//
// # Memory and concurrent use
//
// A Decoder and a Batch belong to one goroutine each. Decoding into a batch
// that has been filled before allocates nothing: the batch keeps a copy of each
// event's text, its strings point into that, and all of them are valid until
// [Batch.Reset].
//
// The package does no input or output and imports no driver.
package event
