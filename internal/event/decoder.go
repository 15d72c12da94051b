package event

import (
	"bytes"
	"math/bits"
	"strconv"
	"time"
	"unsafe"
)

// Decoder turns JSON envelopes into events.
//
// It reads the text once. Names are exact, in any order. Where a name is given
// twice the last value counts, whole, whatever it is: a null takes back what
// came before, and a second properties or context replaces the first. Null is
// the same as absent, and so is an empty string, except for timestamp.
//
// A Decoder is used by one goroutine at a time. It keeps no reference to the
// text it is given.
type Decoder struct {
	scanner
	limits  Limits
	scratch scratch

	shortest uint32 // the smallest of the limits on text, in bytes
	oldest   int64  // the earliest timestamp allowed, in ms
	// newest is the latest timestamp allowed when the clock was last read, in
	// ms. Time only moves that bound up, so the clock is read again only for
	// an event that lies beyond it.
	newest int64

	// What is kept of the event just scanned, beside its spans.
	timestamp int64 // ms; pos.ReceivedAt or zero where there is none
	amount    int64 // micros
	hasAmount bool
	timeFault timeFault
	// rewritten holds the fields whose text is not part of the copy of the
	// event: hoisted properties without their escapes, and properties without
	// repeated names. Their spans are marked.
	rewritten [fieldCount]string
}

// NewDecoder makes a decoder. The limits are taken to be valid.
func NewDecoder(limits Limits) *Decoder {
	if limits.Now == nil {
		limits.Now = time.Now
	}
	d := &Decoder{limits: limits, oldest: limits.Oldest.UnixMilli()}
	d.scanner.init(min(limits.Depth, deepest))
	d.shortest = uint32(min(limits.TypeBytes, limits.IDBytes, limits.ContextBytes))
	d.newest = d.oldest - 1
	return d
}

// AppendTo decodes value and appends it to b as one row. An event without
// timestamp gets pos.ReceivedAt, one without event_id an id made of pos, which
// is the same whenever the record is read.
//
// A refused event leaves b as it was.
func (d *Decoder) AppendTo(b *Batch, value []byte, pos Position) *Reject {
	if len(value) > d.limits.EventBytes {
		return d.rejectTooBig(value)
	}
	d.receive(pos)
	// The columns take what they need of this copy while it is in the nearest
	// cache. (A copy that stays in the batch, with columns that are cut out of it
	// where it lies, was tried: decoding is as fast, but the writer then goes to
	// main memory for each value of each column.)
	d.scratch.reset()
	buf := d.scratch.alloc(len(value) + padding)
	clear(buf[copy(buf, value):])
	if !d.scan(buf) || !d.check(&d.scratch, pos.ReceivedAt) {
		return d.reject(value)
	}
	b.bytes += len(value)
	d.appendRow(b, pos)
	return nil
}

// receive sets the times that are accepted by that of a record's receipt.
func (d *Decoder) receive(pos Position) {
	if !d.limits.ByReceipt {
		return
	}
	d.newest = pos.ReceivedAt + d.limits.Ahead.Milliseconds()
	if d.limits.MaxAge > 0 {
		d.oldest = max(d.limits.Oldest.UnixMilli(), pos.ReceivedAt-d.limits.MaxAge.Milliseconds())
	}
}

// Decode decodes value into ev, replacing what was there. An absent event_id
// leaves ev.ID empty and an absent timestamp leaves ev.Timestamp zero, for the
// caller to fill; see [Complete].
//
// The strings of ev share one copy of value. A refused event leaves ev as it
// was.
func (d *Decoder) Decode(ev *Event, value []byte) *Reject {
	if len(value) > d.limits.EventBytes {
		return d.rejectTooBig(value)
	}
	if d.limits.ByReceipt { // there is no receipt yet but now
		d.receive(Position{ReceivedAt: d.limits.Now().UnixMilli()})
	}
	buf := make([]byte, len(value)+padding)
	copy(buf, value)
	if !d.scan(buf) || !d.check(nil, 0) {
		return d.reject(value)
	}
	d.fill(ev)
	return nil
}

// check holds the scanned event against the rules, and reads its numbers.
// Rewritten text goes to a, or to the heap where a is nil.
func (d *Decoder) check(a *scratch, receivedAt int64) bool {
	if d.spans[fieldProperties].size() > d.limits.PropertiesBytes {
		return d.fail(faultPropertiesTooBig, 0)
	}
	if d.marked != 0 && !d.rewrite(a) {
		return false
	}
	if d.spans[fieldCurrency].bare() { // a number names no currency
		d.spans[fieldCurrency] = span{}
	}
	if d.spans[fieldType].size() == 0 {
		return d.fail(faultMissingType, 0)
	}
	if d.spans[fieldUserID].size() == 0 && d.spans[fieldAnonymousID].size() == 0 {
		return d.fail(faultMissingUser, 0)
	}
	if d.longest > d.shortest && !d.checkLengths() {
		return false
	}
	d.amount, d.hasAmount = 0, false
	if d.spans[fieldAmount].size() != 0 {
		d.amount, d.hasAmount = parseMicros(d.read(fieldAmount))
	}
	d.timestamp = receivedAt
	return d.spans[fieldTimestamp].absent() || d.readTimestamp()
}

// field is what a field says, unescaped. It is part of the copy of the event
// and valid as long as that.
func (d *Decoder) field(f field) string {
	s := d.spans[f]
	if s.rewritten() {
		return d.rewritten[f]
	}
	return unsafe.String(&d.buf[s.from()], s.size())
}

// read is field for those who only read it. There is room behind most of it: the
// rest of the event and the padding.
func (d *Decoder) read(f field) []byte {
	if d.spans[f].rewritten() {
		return unsafe.Slice(unsafe.StringData(d.rewritten[f]), len(d.rewritten[f]))
	}
	return d.raw(f)
}

// rewrite gives the marked spans the text that they stand for.
func (d *Decoder) rewrite(a *scratch) bool {
	for left := d.marked; left != 0; left &= left - 1 {
		f := field(bits.TrailingZeros32(left))
		if !d.spans[f].rewritten() || f == fieldOther {
			continue // a later value has taken its place
		}
		if f == fieldProperties {
			d.rewritten[f] = d.uniqueProperties(a)
			continue
		}
		src := d.raw(f)
		dst := unescape(newText(a, len(src)), src)
		if d.zeros && bytes.IndexByte(dst, 0) >= 0 {
			return d.failField(faultZero, f)
		}
		d.rewritten[f] = borrowed(dst)
	}
	return true
}

// newText returns n bytes of a, or of the heap where that is nil.
func newText(a *scratch, n int) []byte {
	if a == nil {
		return make([]byte, n)
	}
	return a.alloc(n)
}

// checkLengths holds every text that is stored as a column against its limit.
func (d *Decoder) checkLengths() bool {
	for f := fieldEventID; f < fieldOther; f++ {
		if d.spans[f].size() != 0 && len(d.read(f)) > d.limit(f) {
			return d.failField(faultTooLong, f)
		}
	}
	return true
}

// limit is the number of bytes that a field's text may have.
func (d *Decoder) limit(f field) int {
	switch {
	case f == fieldType:
		return d.limits.TypeBytes
	case f >= firstContext && f < firstHot:
		return d.limits.ContextBytes
	case f == fieldTimestamp, f == fieldAmount:
		return d.limits.EventBytes // their own rules say more than a length
	}
	return d.limits.IDBytes
}

// readTimestamp reads the timestamp and holds it against its window.
func (d *Decoder) readTimestamp() bool {
	d.timestamp, d.timeFault = parseTimestamp(d.read(fieldTimestamp))
	if d.timeFault != timeFine {
		return d.failField(faultTimestamp, fieldTimestamp)
	}
	return d.checkWindow()
}

// checkWindow holds the timestamp against the times that are accepted.
func (d *Decoder) checkWindow() bool {
	switch {
	case d.timestamp < d.oldest:
		return d.failField(faultTooOld, fieldTimestamp)
	case d.timestamp > d.newest:
		if !d.limits.ByReceipt {
			d.newest = d.limits.Now().Add(d.limits.Ahead).UnixMilli()
		}
		if d.timestamp > d.newest {
			return d.failField(faultInFuture, fieldTimestamp)
		}
	}
	return true
}

// appendRow appends the checked event to every column of b.
func (d *Decoder) appendRow(b *Batch, pos Position) {
	b.reserve()
	if d.spans[fieldEventID].size() != 0 {
		b.EventID.add(d.read(fieldEventID))
	} else {
		b.EventID.Append(d.ownID(pos))
	}
	b.Type.add(d.read(fieldType))
	b.AnonymousID.add(d.read(fieldAnonymousID))
	user := d.read(fieldUserID)
	if len(user) == 0 {
		user = d.read(fieldAnonymousID)
	}
	b.UserID.add(user)
	b.SessionID.add(d.read(fieldSessionID))
	b.Timestamp = append(b.Timestamp, d.timestamp)
	b.ReceivedAt = append(b.ReceivedAt, pos.ReceivedAt)
	d.appendProperties(b)
	d.appendContext(b)
	b.KafkaTopic.addSame(pos.Topic)
	b.KafkaPartition = append(b.KafkaPartition, pos.Partition)
	b.KafkaOffset = append(b.KafkaOffset, pos.Offset)
}

func (d *Decoder) appendProperties(b *Batch) {
	b.Amount = append(b.Amount, d.amount)
	b.HasAmount = append(b.HasAmount, d.hasAmount)
	b.Currency.add(d.read(fieldCurrency))
	b.ProductID.add(d.read(fieldProductID))
	b.Category.add(d.read(fieldCategory))
	b.VideoID.add(d.read(fieldVideoID))
	if d.spans[fieldProperties].absent() {
		b.Properties.Append("{}")
	} else {
		b.Properties.add(d.read(fieldProperties))
	}
}

func (d *Decoder) appendContext(b *Batch) {
	b.IP.add(d.read(fieldIP))
	b.UserAgent.add(d.read(fieldUserAgent))
	b.Country.add(d.read(fieldCountry))
	b.Page.add(d.read(fieldPage))
	b.Referrer.add(d.read(fieldReferrer))
	b.Platform.add(d.read(fieldPlatform))
	b.AppVersion.add(d.read(fieldAppVersion))
	b.Device.add(d.read(fieldDevice))
	b.OS.add(d.read(fieldOS))
	b.Browser.add(d.read(fieldBrowser))
	b.Locale.add(d.read(fieldLocale))
}

// ownID is the id of an event that has none: where its record lies. The record's
// time is part of it because a topic that is deleted and made again
// counts its offsets from zero.
func (d *Decoder) ownID(pos Position) string {
	id := append(d.scratch.alloc(len(pos.Topic) + 64)[:0], pos.Topic...)
	id = append(id, '/')
	id = strconv.AppendInt(id, int64(pos.Partition), 10)
	id = append(id, '/')
	id = strconv.AppendInt(id, pos.Offset, 10)
	id = append(id, '@')
	id = strconv.AppendInt(id, pos.ReceivedAt, 10)
	return borrowed(id)
}

// fill writes the checked event to ev.
func (d *Decoder) fill(ev *Event) {
	*ev = Event{
		ID:          d.field(fieldEventID),
		Type:        d.field(fieldType),
		UserID:      d.field(fieldUserID),
		AnonymousID: d.field(fieldAnonymousID),
		SessionID:   d.field(fieldSessionID),
		Context: Context{
			IP:         d.field(fieldIP),
			UserAgent:  d.field(fieldUserAgent),
			Country:    d.field(fieldCountry),
			Page:       d.field(fieldPage),
			Referrer:   d.field(fieldReferrer),
			Platform:   d.field(fieldPlatform),
			AppVersion: d.field(fieldAppVersion),
			Device:     d.field(fieldDevice),
			OS:         d.field(fieldOS),
			Browser:    d.field(fieldBrowser),
			Locale:     d.field(fieldLocale),
		},
	}
	if !d.spans[fieldTimestamp].absent() {
		ev.Timestamp = time.UnixMilli(d.timestamp).UTC()
	}
	if !d.spans[fieldProperties].absent() {
		text := d.field(fieldProperties)
		ev.Properties = unsafe.Slice(unsafe.StringData(text), len(text))
	}
}
