package event

import (
	"encoding/json"
	"time"
)

// MicrosPerUnit is the scale of [Batch.Amount]: 1.50 is stored as 1,500,000.
const MicrosPerUnit = 1_000_000

// Batch holds events as columns: row i of every column is event i.
//
// All strings are borrowed from the batch's arena and are valid until
// [Batch.Reset]. A Batch is used by one goroutine at a time.
type Batch struct {
	EventID     []string
	Type        []string
	UserID      []string // user_id, or anonymous_id where there is none
	AnonymousID []string
	SessionID   []string
	Timestamp   []int64 // milliseconds since 1970, UTC
	ReceivedAt  []int64 // milliseconds since 1970, UTC: the record's Kafka timestamp

	// Hot properties, hoisted out of Properties.
	Amount    []int64 // micros, see MicrosPerUnit; 0 where HasAmount is false
	HasAmount []bool
	Currency  []string
	ProductID []string
	Category  []string
	VideoID   []string

	// Properties is the whole properties object as JSON text, "{}" where absent.
	Properties []string

	IP         []string
	UserAgent  []string
	Country    []string
	Page       []string
	Referrer   []string
	Platform   []string
	AppVersion []string
	Device     []string
	OS         []string
	Browser    []string
	Locale     []string

	KafkaTopic     []string
	KafkaPartition []int32
	KafkaOffset    []int64

	arena arena
	rows  *rowDecoder
}

// Len is the number of events in the batch.
func (b *Batch) Len() int { return len(b.EventID) }

// Bytes is the size of the text the batch holds, in bytes: of the JSON that its
// rows were decoded from, since the columns are cut out of that.
func (b *Batch) Bytes() int { return b.arena.size }

// Reset makes the batch empty. It keeps the capacity of every column and every
// block of text, so a batch that is filled again allocates nothing; all strings
// handed out before become invalid. Views made by [Batch.Range] do too.
func (b *Batch) Reset() {
	b.Truncate(0)
	b.arena.reset()
}

// Truncate keeps the first n rows. The text of the others stays counted in
// [Batch.Bytes] until [Batch.Reset].
func (b *Batch) Truncate(n int) {
	for _, column := range b.texts() {
		*column = (*column)[:n]
	}
	for _, column := range b.numbers() {
		*column = (*column)[:n]
	}
	b.HasAmount = b.HasAmount[:n]
	b.KafkaPartition = b.KafkaPartition[:n]
}

// Range is a view of rows [from, to), for instance half of a batch that the
// store refused. It shares text and columns with b and is valid as long as
// they are; appending to it does not touch b.
func (b *Batch) Range(from, to int) *Batch {
	view := &Batch{
		HasAmount:      b.HasAmount[from:to:to],
		KafkaPartition: b.KafkaPartition[from:to:to],
	}
	texts := b.texts()
	for i, column := range view.texts() {
		*column = (*texts[i])[from:to:to]
	}
	numbers := b.numbers()
	for i, column := range view.numbers() {
		*column = (*numbers[i])[from:to:to]
	}
	return view
}

// AppendEvent appends one event as a row, by the same rules as
// [Decoder.AppendTo] with the default limits: it is written as JSON and
// decoded, which is simple and right, not fast.
func (b *Batch) AppendEvent(ev *Event, pos Position) *Reject {
	if b.rows == nil {
		b.rows = &rowDecoder{Decoder: NewDecoder(DefaultLimits())}
	}
	b.rows.json = ev.AppendJSON(b.rows.json[:0])
	return b.rows.AppendTo(b, b.rows.json, pos)
}

// rowDecoder is what AppendEvent needs, made at its first call.
type rowDecoder struct {
	*Decoder
	json []byte
}

// Row is event i in row form, for messages and tests. Its strings are borrowed
// from the batch.
func (b *Batch) Row(i int) Event {
	ev := Event{
		ID:          b.EventID[i],
		Type:        b.Type[i],
		UserID:      b.UserID[i],
		AnonymousID: b.AnonymousID[i],
		SessionID:   b.SessionID[i],
		Timestamp:   time.UnixMilli(b.Timestamp[i]).UTC(),
		Properties:  json.RawMessage(b.Properties[i]),
		Context: Context{
			IP:         b.IP[i],
			UserAgent:  b.UserAgent[i],
			Country:    b.Country[i],
			Page:       b.Page[i],
			Referrer:   b.Referrer[i],
			Platform:   b.Platform[i],
			AppVersion: b.AppVersion[i],
			Device:     b.Device[i],
			OS:         b.OS[i],
			Browser:    b.Browser[i],
			Locale:     b.Locale[i],
		},
	}
	return ev
}

// Position is where the record of row i lies.
func (b *Batch) Position(i int) Position {
	return Position{
		Topic: b.KafkaTopic[i], Partition: b.KafkaPartition[i], Offset: b.KafkaOffset[i], ReceivedAt: b.ReceivedAt[i],
	}
}

// texts lists the columns of text.
func (b *Batch) texts() [22]*[]string {
	return [...]*[]string{
		&b.EventID, &b.Type, &b.UserID, &b.AnonymousID, &b.SessionID,
		&b.Currency, &b.ProductID, &b.Category, &b.VideoID, &b.Properties,
		&b.IP, &b.UserAgent, &b.Country, &b.Page, &b.Referrer, &b.Platform,
		&b.AppVersion, &b.Device, &b.OS, &b.Browser, &b.Locale, &b.KafkaTopic,
	}
}

// numbers lists the columns of 64-bit integers.
func (b *Batch) numbers() [4]*[]int64 {
	return [...]*[]int64{&b.Timestamp, &b.ReceivedAt, &b.Amount, &b.KafkaOffset}
}

// Position says where a record lies in Kafka and when the broker's side of the
// system first saw it.
type Position struct {
	Topic      string
	Partition  int32
	Offset     int64
	ReceivedAt int64 // milliseconds since 1970, UTC
}
