package event

import (
	"bytes"
	"fmt"
	"iter"
)

// Split gives the events of a request body that is one JSON object or an array
// of them, each as its own piece of body. It looks only at brackets, commas and
// strings: whether a piece is an event is for [Decoder] to say, so one bad
// event does not spoil its neighbours.
//
// Where the array itself is broken the sequence ends with a [Reject] that names
// the index and the byte; the events before it have been given by then. An
// empty array gives nothing.
func Split(body []byte) iter.Seq2[[]byte, *Reject] {
	return func(yield func([]byte, *Reject) bool) {
		trimmed := bytes.TrimLeft(body, " \t\r\n")
		if len(trimmed) == 0 || trimmed[0] != '[' {
			yield(bytes.TrimRight(trimmed, " \t\r\n"), nil)
			return
		}
		splitArray(body, len(body)-len(trimmed)+1, yield)
	}
}

// SplitLines gives the events of an NDJSON body, one to a line. Empty lines are
// passed over. It never rejects: a bad line is for [Decoder] to name, and the
// others stand for themselves.
func SplitLines(body []byte) iter.Seq2[[]byte, *Reject] {
	return func(yield func([]byte, *Reject) bool) {
		for len(body) > 0 {
			line, rest, _ := bytes.Cut(body, []byte{'\n'})
			body = rest
			if line = bytes.Trim(line, " \t\r"); len(line) > 0 && !yield(line, nil) {
				return
			}
		}
	}
}

// splitArray gives the elements of an array, from after its bracket.
func splitArray(body []byte, i int, yield func([]byte, *Reject) bool) {
	if i = spaceEnd(body, i); i < len(body) && body[i] == ']' {
		finishArray(body, i+1, yield)
		return
	}
	for index := 0; ; index++ {
		end := elementEnd(body, i)
		if end == i || end >= len(body) {
			yield(nil, brokenArray(body, end, index))
			return
		}
		if !yield(bytes.TrimRight(body[i:end], " \t\r\n"), nil) {
			return
		}
		switch body[end] {
		case ',':
			i = spaceEnd(body, end+1)
		case ']':
			finishArray(body, end+1, yield)
			return
		default:
			yield(nil, brokenArray(body, end, index+1))
			return
		}
	}
}

// finishArray rejects what follows the closing bracket.
func finishArray(body []byte, i int, yield func([]byte, *Reject) bool) {
	if i = spaceEnd(body, i); i < len(body) {
		yield(nil, &Reject{ReasonMalformedJSON, "", fmt.Sprintf(
			"there is more text after the array, at byte %d: %s. Send one array, or one event to a line as application/x-ndjson.",
			i, near(body, i))})
	}
}

func brokenArray(body []byte, at, index int) *Reject {
	pointer := fmt.Sprintf("/%d", index)
	if at >= len(body) {
		return &Reject{ReasonMalformedJSON, pointer, fmt.Sprintf(
			"the array ends too early, in event %d (counted from 0), after %s. Check that the whole body was sent.", index, byteCount(len(body)))}
	}
	return &Reject{ReasonMalformedJSON, pointer, fmt.Sprintf(
		"the array breaks at byte %d, at event %d (counted from 0), near %s. The events from there on were not read.", at, index, near(body, at))}
}

func spaceEnd(body []byte, i int) int {
	for i < len(body) && (body[i] == ' ' || body[i] == '\n' || body[i] == '\t' || body[i] == '\r') {
		i++
	}
	return i
}

// elementEnd is the index of the first comma or bracket after the element at
// i, or of the byte that cannot belong to it, or len(body). Brackets of either
// kind count alike: the decoder tells them apart.
func elementEnd(body []byte, i int) int {
	depth, from := 0, i
	for i < len(body) {
		switch body[i] {
		case '"':
			i = quoteEnd(body, i+1, len(body))
			if i == len(body) {
				return i
			}
		case '{', '[':
			if depth == 0 && i > from {
				return i
			}
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return spaceEnd(body, i+1)
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
		i++
	}
	return i
}
