package event

// fault is what the scanner or the checks found wrong, before it is put into
// words. Most events have none, so the words wait until they are needed.
type fault uint8

const (
	faultNone fault = iota

	// The text is not one JSON object.
	faultNotObject
	faultName
	faultColon
	faultValue
	faultCommaOrBrace
	faultCommaOrBracket
	faultNumber
	faultEscape
	faultControl
	faultTrailing

	// The text is JSON but not an event.
	faultUTF8
	faultZero
	faultUnknown
	faultWrongType
	faultTooDeep
	faultMissingType
	faultMissingUser
	faultTooLong
	faultPropertiesTooBig
	faultTimestamp
	faultTooOld
	faultInFuture
)
