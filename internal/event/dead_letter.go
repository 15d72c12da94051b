package event

// DeadLetter is a record that could not become an event: kept whole, with the
// reason, so that it can be corrected and replayed.
type DeadLetter struct {
	Position
	Reject
	// Payload is the record's value as it came.
	Payload []byte
}
