package event

// Reason is a stable code that says why an event was refused.
type Reason string

// The reasons an event can be refused for.
const (
	ReasonEmptyEvent        Reason = "empty_event"         // no text at all
	ReasonByteOrderMark     Reason = "byte_order_mark"     // begins with the mark that some editors write
	ReasonNotAnObject       Reason = "not_an_object"       // JSON, but a list, text or number
	ReasonTruncatedJSON     Reason = "truncated_json"      // the text ends too early
	ReasonTrailingText      Reason = "trailing_text"       // more text after the event
	ReasonControlCharacter  Reason = "control_character"   // a raw control character in a string
	ReasonMalformedJSON     Reason = "malformed_json"      // breaks the grammar of JSON in another way
	ReasonInvalidUTF8       Reason = "invalid_utf8"        // bytes that are not UTF-8
	ReasonUnknownField      Reason = "unknown_field"       // a field the envelope does not have
	ReasonWrongType         Reason = "wrong_type"          // a field with a JSON type it cannot have
	ReasonMissingType       Reason = "missing_type"        // no event type
	ReasonMissingUser       Reason = "missing_user"        // neither user_id nor anonymous_id
	ReasonInvalidTimestamp  Reason = "invalid_timestamp"   // not RFC 3339
	ReasonMissingTimeZone   Reason = "missing_time_zone"   // a timestamp that does not say whose clock
	ReasonTimestampTooOld   Reason = "timestamp_too_old"   // before 1970, or past retention
	ReasonTimestampInFuture Reason = "timestamp_in_future" // more than 24 h ahead
	ReasonFieldTooLong      Reason = "field_too_long"      // a name or id over its limit
	ReasonPropertiesTooBig  Reason = "properties_too_big"  // properties over their limit
	ReasonEventTooBig       Reason = "event_too_big"       // the whole event over its limit
	ReasonTooDeep           Reason = "too_deep"            // properties nested over the limit
	ReasonInvalidText       Reason = "invalid_text"        // a character that no store can keep
	ReasonMalformedProtobuf Reason = "malformed_protobuf"  // not a message of event.proto
	ReasonContentType       Reason = "unknown_format"      // a record whose content-type nobody reads
	ReasonStoreRejected     Reason = "store_rejected"      // the store refused it for its content
)

// Reject says why an event was refused. It is an error for the event, never
// for the stream it came in.
type Reject struct {
	Reason Reason
	// Field is the JSON pointer of the field at fault, such as "/user_id".
	Field string
	// Detail is a sentence for the sender: what is wrong and what to do.
	Detail string
}

// Error gives the code and the sentence.
func (r *Reject) Error() string { return string(r.Reason) + ": " + r.Detail }
