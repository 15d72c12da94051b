package event

import (
	"bytes"
	"fmt"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// The numbers of event.proto that are not in the order of the fields.
const (
	protoTimestamp  protowire.Number = 6
	protoContext    protowire.Number = 7
	protoProperties protowire.Number = 15
)

// protoField is the field of a string of event.proto, false where the number
// means none.
func protoField(number protowire.Number, in section) (field, bool) {
	if in == sectionContext {
		f := firstContext + field(number) - 1
		return f, number >= 1 && number <= protowire.Number(firstHot-firstContext)
	}
	return fieldEventID + field(number) - 1, number >= 1 && number < protoTimestamp
}

// AppendProtobufTo is AppendTo for an event in the form of event.proto. The
// outcome is that of the same event as JSON, the row or the reject.
func (d *Decoder) AppendProtobufTo(b *Batch, value []byte, pos Position) *Reject {
	if len(value) > d.limits.EventBytes {
		return &Reject{ReasonEventTooBig, "", fmt.Sprintf("the event is %s of Protobuf and the limit is %s. Shorten it, or keep the content elsewhere and send a link.",
			byteCount(len(value)), byteCount(d.limits.EventBytes))}
	}
	d.receive(pos)
	d.scratch.reset()
	m := protoMessage{}
	if !d.readProtobuf(&m, value) || !d.check(&d.scratch, pos.ReceivedAt) || m.hasTime && !d.takeTime(m.time) {
		return d.rejectProtobuf(value)
	}
	b.bytes += len(value)
	d.appendRow(b, pos)
	return nil
}

// takeTime takes a timestamp that came as a number.
func (d *Decoder) takeTime(ms int64) bool {
	d.timestamp = ms
	return d.checkWindow()
}

// protoMessage is what a message holds beside its strings.
type protoMessage struct {
	time       int64
	hasTime    bool
	properties span
}

// readProtobuf finds the values of a message and puts them where scan puts
// those of a JSON text. The strings stay in a copy of the message; properties
// are scanned at the end of it, where the padding follows.
func (d *Decoder) readProtobuf(m *protoMessage, value []byte) bool {
	size := len(value)
	buf := d.scratch.alloc(size + padding)
	clear(buf[copy(buf, value):])
	d.begin(buf)
	if !d.readMessage(m, 0, size, sectionEnvelope) {
		return false
	}
	if m.properties.absent() {
		return true
	}
	from, to := m.properties.from(), m.properties.to()
	if to != size {
		longer := d.scratch.alloc(size + to - from + padding)
		copy(longer, buf[:size])
		clear(longer[size+copy(longer[size:], buf[from:to]):])
		d.buf, from, to = longer, size, size+to-from
	}
	return d.readProperties(from, to)
}

// readProperties scans the JSON text of properties.
func (d *Decoder) readProperties(from, to int) bool {
	i := skipSpace(d.buf, from)
	switch d.buf[i] {
	case '{':
		i = d.properties(i)
	case 'n':
		i = d.literal(i) // null is the same as absent
	default:
		return false
	}
	return i >= 0 && skipSpace(d.buf, i) == to && (d.high&highBits == 0 || utf8.Valid(d.buf[from:to]))
}

// readMessage reads the fields of the envelope or of context in buf[from:to].
// As Protobuf has it, the last value of a field counts, and a second context
// adds to the first.
func (d *Decoder) readMessage(m *protoMessage, from, to int, in section) bool {
	for i := from; i < to; {
		number, kind, n := protowire.ConsumeTag(d.buf[i:to])
		if n < 0 {
			return false
		}
		i += n
		if in == sectionEnvelope && number == protoTimestamp && kind == protowire.VarintType {
			ms, n := protowire.ConsumeVarint(d.buf[i:to])
			if n < 0 {
				return false
			}
			m.time, m.hasTime = int64(ms), true
			i += n
			continue
		}
		size, n := protowire.ConsumeVarint(d.buf[i:to])
		if kind != protowire.BytesType || n < 0 || size > uint64(to-i-n) {
			return false
		}
		i += n
		end := i + int(size)
		if !d.readBytes(m, number, i, end, in) {
			return false
		}
		i = end
	}
	return true
}

// readBytes takes one string, context or properties.
func (d *Decoder) readBytes(m *protoMessage, number protowire.Number, from, to int, in section) bool {
	if f, known := protoField(number, in); known {
		if !d.isText(from, to) {
			return false
		}
		d.spans[f] = span{uint32(from), uint32(to)}
		if from == to {
			d.spans[f] = span{}
		}
		d.longest = max(d.longest, uint32(to-from))
		return true
	}
	switch {
	case in == sectionEnvelope && number == protoContext:
		return d.readMessage(m, from, to, sectionContext)
	case in == sectionEnvelope && number == protoProperties:
		m.properties = span{uint32(from), uint32(to)}
		if from == to {
			m.properties = span{}
		}
		return true
	}
	return false
}

// isText reports whether a string is UTF-8 without U+0000.
func (d *Decoder) isText(from, to int) bool {
	for i := from; i < to; i += 8 {
		word := load(d.buf, i) // the padding makes that possible
		if left := to - i; left < 8 {
			word |= ^uint64(0) << (8 * left) & lowBits
			word &^= ^uint64(0) << (8 * left) &^ lowBits
		}
		if (word|(word-lowBits)&^word)&highBits != 0 {
			text := d.buf[from:to]
			return utf8.Valid(text) && bytes.IndexByte(text, 0) < 0
		}
	}
	return true
}

// rejectProtobuf puts the fault of a message into words. What can be read is
// written as JSON and read again, so that there is one place that explains.
func (d *Decoder) rejectProtobuf(value []byte) *Reject {
	var ev Event
	if reject := ev.parseProtobuf(value, sectionEnvelope); reject != nil {
		return reject
	}
	text := ev.jsonAsSent()
	if !d.scan(append(bytes.Clone(text), make([]byte, padding)...)) || !d.check(nil, 0) {
		return d.reject(text)
	}
	return &Reject{ReasonMalformedJSON, "/properties", "properties are not one JSON object. Send an object, such as {}, or leave the field out."}
}

// ProtobufJSON is the JSON envelope of an event in the form of event.proto,
// whether or not it keeps the rules; false where the message cannot be read, or
// could not be written as JSON without a loss.
func ProtobufJSON(value []byte) ([]byte, bool) {
	var ev Event
	if ev.parseProtobuf(value, sectionEnvelope) != nil || !utf8.Valid(ev.Properties) {
		return nil, false
	}
	return ev.jsonAsSent(), true
}

// jsonAsSent is AppendJSON with properties byte by byte as they are.
func (e *Event) jsonAsSent() []byte {
	return e.appendJSON(fieldWriter{dst: []byte{'{'}, asSent: true})
}

// parseProtobuf reads a message into ev, or says why it cannot be read.
func (e *Event) parseProtobuf(value []byte, in section) *Reject {
	broken := func(at int, err error) *Reject {
		return &Reject{ReasonMalformedProtobuf, "", fmt.Sprintf("the Protobuf breaks, %s before its end: %v. Encode the event by event.proto.", byteCount(at), err)}
	}
	for len(value) > 0 {
		number, kind, n := protowire.ConsumeTag(value)
		if n < 0 {
			return broken(len(value), protowire.ParseError(n))
		}
		size := protowire.ConsumeFieldValue(number, kind, value[n:])
		if size < 0 {
			return broken(len(value), protowire.ParseError(size))
		}
		if reject := e.parseField(number, kind, value[n:n+size], in); reject != nil {
			return reject
		}
		value = value[n+size:]
	}
	return nil
}

// parseField reads one field of the message, whose value is complete.
func (e *Event) parseField(number protowire.Number, kind protowire.Type, value []byte, in section) *Reject {
	f, isText := protoField(number, in)
	isTime := in == sectionEnvelope && number == protoTimestamp
	isObject := in == sectionEnvelope && (number == protoContext || number == protoProperties)
	if !isText && !isTime && !isObject {
		return &Reject{ReasonUnknownField, "", fmt.Sprintf("field number %d is not in the message that it was found in. Leave it out, or send the value in properties.", number)}
	}
	want := protowire.BytesType
	if isTime {
		want = protowire.VarintType
	}
	if kind != want {
		return &Reject{ReasonMalformedProtobuf, "", fmt.Sprintf("field number %d has wire type %d; it must be %d. Encode the event by event.proto.", number, kind, want)}
	}
	if isTime {
		ms, _ := protowire.ConsumeVarint(value)
		e.Timestamp = time.UnixMilli(int64(ms))
		return nil
	}
	text, _ := protowire.ConsumeBytes(value)
	switch {
	case isText && !utf8.Valid(text):
		d := Decoder{scanner: scanner{of: f}}
		return &Reject{ReasonInvalidUTF8, d.pointer(), d.path() + " is not UTF-8. Send the text encoded as UTF-8."}
	case isText:
		*e.textOf(f) = string(text)
	case number == protoContext:
		return e.parseProtobuf(text, sectionContext)
	default:
		e.Properties = bytes.Clone(text)
	}
	return nil
}

// textOf is where the event keeps a string.
func (e *Event) textOf(f field) *string {
	c := &e.Context
	return [...]*string{
		&e.ID, &e.Type, &e.UserID, &e.AnonymousID, &e.SessionID, nil,
		&c.IP, &c.UserAgent, &c.Country, &c.Page, &c.Referrer, &c.Platform, &c.AppVersion, &c.Device, &c.OS, &c.Browser, &c.Locale,
	}[f-fieldEventID]
}

// AppendProtobuf appends the event to dst in the form of event.proto. Empty
// fields are left out.
func (e *Event) AppendProtobuf(dst []byte) []byte {
	for f := fieldEventID; f < fieldTimestamp; f++ {
		dst = appendProtoText(dst, protowire.Number(f-fieldEventID)+1, *e.textOf(f))
	}
	if !e.Timestamp.IsZero() {
		dst = protowire.AppendTag(dst, protoTimestamp, protowire.VarintType)
		dst = protowire.AppendVarint(dst, uint64(e.Timestamp.UnixMilli()))
	}
	if e.Context != (Context{}) {
		var context []byte
		for f := firstContext; f < firstHot; f++ {
			context = appendProtoText(context, protowire.Number(f-firstContext)+1, *e.textOf(f))
		}
		dst = protowire.AppendTag(dst, protoContext, protowire.BytesType)
		dst = protowire.AppendBytes(dst, context)
	}
	return appendProtoText(dst, protoProperties, string(e.Properties))
}

func appendProtoText(dst []byte, number protowire.Number, text string) []byte {
	if text == "" {
		return dst
	}
	dst = protowire.AppendTag(dst, number, protowire.BytesType)
	return protowire.AppendString(dst, text)
}
