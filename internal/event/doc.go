// Package event holds the noun that every stage shares: one user event.
//
// It has two forms. [Event] is a row, for the edges where events are made one
// at a time: the traffic generator, file replay, the collector. [Batch] is a
// struct of arrays, for the path from Kafka to ClickHouse, where an event is
// only ever a row number. [Decoder] turns the JSON envelope of the HTTP
// contract into either.
//
// A record that breaks the envelope's rules is answered with a [Reject]: a
// stable reason code, the JSON pointer of the field at fault and a sentence
// that helps. Nothing is repaired in silence.
//
// The package does no input or output and imports no driver.
package event
