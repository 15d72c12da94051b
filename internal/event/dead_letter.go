package event

// DeadLetter is a record that could not become an event: kept whole, with the
// reason, so that it can be corrected and replayed.
type DeadLetter struct {
	Position
	Reject
	// Payload is the record's value as it came.
	Payload []byte
}

// Duplicate is a record that was left out because its event is stored already.
type Duplicate struct {
	Position
	EventID string
	// StoredOffset is the offset of the record that is stored, in the same
	// topic and partition.
	StoredOffset int64
}
