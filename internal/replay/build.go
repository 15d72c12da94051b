package replay

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"time"

	"millrace/internal/event"
)

// builder turns the rows of one file into events.
type builder struct {
	file     string // as the caller names it
	identity string // as the rows' ids name it
	plan     *plan  // nil for envelopes
	times    *timeReader
	shift    time.Duration

	decoder *event.Decoder
	batch   event.Batch
	ev      event.Event
	props   []byte
	value   []byte
	hash    []byte
	fixedAt time.Time // of a constant timestamp
}

// batchRows is how often the decoder's scratch memory starts again.
const batchRows = 1024

// newBuilder prepares for one file.
func newBuilder(cfg *Config, file, identity string, p *plan) (*builder, error) {
	layouts, err := newLayouts(cfg.TimeFormats)
	if err != nil {
		return nil, err
	}
	b := &builder{
		file: file, identity: identity, plan: p,
		times:   newTimeReader(layouts, cfg.Zone),
		decoder: event.NewDecoder(cfg.Limits),
	}
	if p == nil || !p.isConst[fieldTimestamp] {
		return b, nil
	}
	b.fixedAt, err = b.times.read([]byte(p.consts[fieldTimestamp]))
	if err != nil {
		return nil, errors.New("--const timestamp=" + p.consts[fieldTimestamp] + ": not a time; write it as 2024-01-31 or 2024-01-31T12:00:00Z")
	}
	return b, nil
}

// build makes the event of a row. The record's value is borrowed until the
// next call. The error is a *BadRow.
func (b *builder) build(r *row, rec *Record) error {
	var err error
	if b.plan == nil {
		err = b.passEnvelope(r)
	} else {
		err = b.fill(r)
	}
	if err != nil {
		return err
	}
	if b.batch.Len() >= batchRows {
		b.batch.Reset()
	}
	if reject := b.decoder.AppendTo(&b.batch, b.value, event.Position{}); reject != nil {
		return b.refused(r, reject)
	}
	*rec = Record{Key: b.ev.Key(), Value: b.value, Timestamp: b.ev.Timestamp, File: b.file, Line: r.line}
	return nil
}

func (b *builder) refused(r *row, reject *event.Reject) *BadRow {
	return bad(r, reject.Reason, "%s", reject.Detail)
}

// passEnvelope leaves a line as it is, but for an id where it has none, and
// the time where it is shifted.
func (b *builder) passEnvelope(r *row) error {
	b.ev = event.Event{}
	if reject := b.decoder.Decode(&b.ev, r.raw); reject != nil {
		return b.refused(r, reject)
	}
	id := ""
	if b.ev.ID == "" || b.shift != 0 {
		id = b.id(r)
	}
	if b.shift == 0 {
		b.value = event.Complete(b.value[:0], r.raw, id, time.Time{})
		return nil
	}
	b.ev.ID = id
	if !b.ev.Timestamp.IsZero() {
		b.ev.Timestamp = b.ev.Timestamp.Add(b.shift)
	}
	b.value = b.ev.AppendJSON(b.value[:0])
	return nil
}

// fill makes an event by the plan.
func (b *builder) fill(r *row) error {
	if !validUTF8(r) {
		return bad(r, event.ReasonInvalidUTF8, "the row is not UTF-8; convert the file first: iconv -f LATIN1 -t UTF-8")
	}
	p := b.plan
	b.ev = event.Event{}
	for f, into := range b.texts() {
		text, err := b.text(r, fieldIndex(f))
		if err != nil {
			return err
		}
		if into != nil {
			*into = text
		}
	}
	at, err := b.time(r)
	if err != nil {
		return err
	}
	b.ev.Timestamp = at.Add(b.shift)
	if b.ev.ID == "" || b.shift != 0 {
		b.ev.ID = b.id(r)
	}
	b.props = b.appendProperties(append(b.props[:0], '{'), r, p)
	if len(b.props) > 1 {
		b.ev.Properties = append(b.props, '}')
	}
	b.value = b.ev.AppendJSON(b.value[:0])
	return nil
}

// texts are the places of the fields that are text, in their order.
func (b *builder) texts() [fields]*string {
	e, c := &b.ev, &b.ev.Context
	return [fields]*string{
		&e.ID, &e.Type, &e.UserID, &e.AnonymousID, &e.SessionID, nil,
		&c.IP, &c.UserAgent, &c.Country, &c.Page, &c.Referrer, &c.Platform, &c.AppVersion, &c.Device, &c.OS, &c.Browser, &c.Locale,
	}
}

// text is the value of a field that is text.
func (b *builder) text(r *row, f fieldIndex) (string, error) {
	if f == fieldTimestamp {
		return "", nil
	}
	column := b.plan.columns[f]
	if column == none || column >= len(r.cells) {
		return b.plan.consts[f], nil
	}
	c := &r.cells[column]
	if c.kind == cellJSON && (c.text[0] == '{' || c.text[0] == '[') {
		return "", bad(r, event.ReasonWrongType, "%s must be text, here it is %s", fieldTitle(f), excerpt(c.text))
	}
	if c.kind == cellText {
		return string(bytes.TrimSpace(c.text)), nil
	}
	return string(c.text), nil
}

// time is when the event happened.
func (b *builder) time(r *row) (time.Time, error) {
	column := b.plan.columns[fieldTimestamp]
	if column == none {
		return b.fixedAt, nil
	}
	if column >= len(r.cells) || len(r.cells[column].text) == 0 {
		return time.Time{}, bad(r, event.ReasonInvalidTimestamp, "there is no time")
	}
	c := &r.cells[column]
	var at time.Time
	var err error
	switch c.kind {
	case cellInstant:
		return c.at, nil
	case cellWall:
		at, err = b.times.local(c.at)
	default:
		at, err = b.times.read(c.text)
	}
	if errors.Is(err, errSkipped) {
		return at, bad(r, ReasonSkippedTime, "%s does not exist in %s: the clocks were set forward over it; check --timezone", excerpt(c.text), b.times.zone.zone)
	}
	if err != nil {
		return at, bad(r, event.ReasonInvalidTimestamp, "%s is not a time that is known; name its form with --time-format, such as %%d/%%m/%%Y", excerpt(c.text))
	}
	return at, nil
}

// id is the repeatable id of a row: a UUID of version 8 (RFC 9562) made of its
// identity.
func (b *builder) id(r *row) string {
	h := append(append(b.hash[:0], b.identity...), 0)
	h = binary.BigEndian.AppendUint64(h, uint64(r.line))
	if b.shift != 0 {
		h = binary.BigEndian.AppendUint64(h, uint64(b.shift))
	}
	h = append(h, r.raw...)
	b.hash = h
	sum := sha256.Sum256(h)
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], sum[0:4])
	hex.Encode(text[9:13], sum[4:6])
	hex.Encode(text[14:18], sum[6:8])
	hex.Encode(text[19:23], sum[8:10])
	hex.Encode(text[24:36], sum[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}

// appendProperties appends the members of properties to an open object.
func (b *builder) appendProperties(dst []byte, r *row, p *plan) []byte {
	if p.spread != none && p.spread < len(r.cells) {
		switch c := &r.cells[p.spread]; {
		case c.kind == cellAbsent || len(c.text) == 0:
		case c.text[0] == '{':
			dst = append(dst, bytes.TrimSpace(c.text[1:len(c.text)-1])...)
		default:
			dst = appendCell(append(dst, `"properties":`...), c)
		}
	}
	return appendMembers(dst, r, p.props)
}

// appendMembers appends those properties that the row has.
func appendMembers(dst []byte, r *row, props []*property) []byte {
	for _, q := range props {
		before := len(dst)
		if dst[before-1] != '{' {
			dst = append(dst, ',')
		}
		dst = append(dst, q.quoted...)
		start := len(dst)
		switch {
		case q.constant != nil:
			dst = append(dst, q.constant...)
		case q.column == none:
			dst = appendMembers(append(dst, '{'), r, q.members)
			if len(dst) == start+1 {
				dst = dst[:start]
			} else {
				dst = append(dst, '}')
			}
		case q.column < len(r.cells):
			dst = appendCell(dst, &r.cells[q.column])
		}
		if len(dst) == start { // the row has no such value
			dst = dst[:before]
		}
	}
	return dst
}

// appendCell appends a value as JSON, or nothing where there is none.
func appendCell(dst []byte, c *cell) []byte {
	switch c.kind {
	case cellAbsent:
		return dst
	case cellJSON:
		return append(dst, c.text...)
	case cellText:
		trimmed := bytes.TrimSpace(c.text)
		if len(trimmed) == 0 {
			return dst
		}
		if isNumber(trimmed) {
			return append(dst, trimmed...)
		}
	}
	return appendQuoted(dst, c.text)
}

// excerpt is a value as a message shows it.
func excerpt(text []byte) string {
	const most = 60
	if len(text) > most {
		text = append(bytes.Clone(text[:most]), "…"...)
	}
	return string(appendQuoted(nil, bytes.ToValidUTF8(text, []byte("?"))))
}
