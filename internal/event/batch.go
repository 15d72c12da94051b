package event

import (
	"encoding/json"
	"slices"
	"time"
)

// MicrosPerUnit is the scale of [Batch.Amount]: 1.50 is stored as 1,500,000.
const MicrosPerUnit = 1_000_000

// Batch holds events as columns: row i of every column is event i.
//
// Columns of text have the form in which ClickHouse takes them, so that they are
// written where the event is decoded and not touched again. All strings are
// borrowed from them and are valid until [Batch.Reset]. A Batch is used by one
// goroutine at a time.
type Batch struct {
	EventID     Text
	Type        Words
	UserID      Text // user_id, or anonymous_id where there is none
	AnonymousID Text
	SessionID   Text
	Timestamp   []int64 // milliseconds since 1970, UTC
	ReceivedAt  []int64 // milliseconds since 1970, UTC: the record's Kafka timestamp

	// Hot properties, hoisted out of Properties.
	Amount    []int64 // micros, see MicrosPerUnit; 0 where HasAmount is false
	HasAmount []bool
	Currency  Words
	ProductID Text
	Category  Words
	VideoID   Text

	// Properties is the whole properties object as JSON text, "{}" where absent.
	Properties Text

	IP         Text
	UserAgent  Text
	Country    Words
	Page       Text
	Referrer   Text
	Platform   Words
	AppVersion Words
	Device     Words
	OS         Words
	Browser    Words
	Locale     Words

	KafkaTopic     Words
	KafkaPartition []int32
	KafkaOffset    []int64

	// SealedAt is when the batch was fixed as it is, in milliseconds since
	// 1970, the same for every row and for every try to store them; 0 before.
	SealedAt int64

	bytes int
	rows  *rowDecoder
}

// Len is the number of events in the batch.
func (b *Batch) Len() int { return b.EventID.Len() }

// Bytes is the size of the records that the rows were decoded from, in bytes.
// The columns hold somewhat less.
func (b *Batch) Bytes() int { return b.bytes }

// Size is what the columns hold, in bytes.
func (b *Batch) Size() int {
	rows := b.Len()
	size := rows * (8*len(b.numbers()) + 4 + 1) // KafkaPartition and HasAmount are the others
	for _, column := range b.texts() {
		size += len(column.wire) + 4*rows
	}
	for _, column := range b.words() {
		size += len(column.words.wire) + 4*rows + 20*column.words.Len() // with its end and four slots
	}
	return size
}

// Footprint is what the batch takes, in bytes, whether it is full or empty.
func (b *Batch) Footprint() int {
	size := cap(b.HasAmount) + 4*cap(b.KafkaPartition)
	for _, column := range b.numbers() {
		size += 8 * cap(*column)
	}
	for _, column := range b.texts() {
		size += column.footprint()
	}
	for _, column := range b.words() {
		size += column.words.footprint() + 4*cap(column.keys) + 4*cap(column.slots)
	}
	return size
}

func (t *Text) footprint() int { return cap(t.wire) + 4*cap(t.ends) }

// Reset makes the batch empty. It keeps the capacity of every column, so a batch
// that is filled again allocates nothing; all strings handed out before become
// invalid. Views made by [Batch.Range] do too.
func (b *Batch) Reset() {
	b.Truncate(0)
	for _, column := range b.words() {
		column.reset()
	}
	b.bytes = 0
	b.SealedAt = 0
}

// Truncate keeps the first n rows. The text of the others stays counted in
// [Batch.Bytes] until [Batch.Reset].
func (b *Batch) Truncate(n int) {
	for _, column := range b.texts() {
		column.truncate(n)
	}
	for _, column := range b.words() {
		column.truncate(n)
	}
	for _, column := range b.numbers() {
		*column = (*column)[:n]
	}
	b.HasAmount = b.HasAmount[:n]
	b.KafkaPartition = b.KafkaPartition[:n]
}

// Delete takes row i out. What comes behind it moves up, so it is meant for rows
// near the end. The row's text stays counted in [Batch.Bytes] until [Batch.Reset].
func (b *Batch) Delete(i int) {
	for _, column := range b.texts() {
		column.delete(i)
	}
	for _, column := range b.words() {
		column.keys = slices.Delete(column.keys, i, i+1)
	}
	for _, column := range b.numbers() {
		*column = slices.Delete(*column, i, i+1)
	}
	b.HasAmount = slices.Delete(b.HasAmount, i, i+1)
	b.KafkaPartition = slices.Delete(b.KafkaPartition, i, i+1)
}

// leastRows is the room for rows that a batch begins with.
const leastRows = 256

// reserve makes room for one more row in every column, or for twice as many as
// there are.
func (b *Batch) reserve() {
	if n := b.Len(); cap(b.Timestamp) == n {
		b.reserveRows(max(n, leastRows))
	}
}

// reserveRows makes room for so many more rows in every column.
func (b *Batch) reserveRows(more int) {
	for _, column := range b.texts() {
		column.ends = withRoom(column.ends, more)
	}
	for _, column := range b.words() {
		column.keys = withRoom(column.keys, more)
	}
	for _, column := range b.numbers() {
		*column = withRoom(*column, more)
	}
	b.HasAmount = withRoom(b.HasAmount, more)
	b.KafkaPartition = withRoom(b.KafkaPartition, more)
}

// Range is a view of rows [from, to), for instance half of a batch that the
// store refused. It shares text and columns with b and is valid as long as
// they are; appending to it does not touch b.
func (b *Batch) Range(from, to int) *Batch {
	view := &Batch{
		HasAmount:      b.HasAmount[from:to:to],
		KafkaPartition: b.KafkaPartition[from:to:to],
		SealedAt:       b.SealedAt,
	}
	texts := b.texts()
	for i, column := range view.texts() {
		*column = texts[i].between(from, to)
	}
	words := b.words()
	for i, column := range view.words() {
		*column = words[i].between(from, to)
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
		ID:          b.EventID.At(i),
		Type:        b.Type.At(i),
		UserID:      b.UserID.At(i),
		AnonymousID: b.AnonymousID.At(i),
		SessionID:   b.SessionID.At(i),
		Timestamp:   time.UnixMilli(b.Timestamp[i]).UTC(),
		Properties:  json.RawMessage(b.Properties.At(i)),
		Context: Context{
			IP:         b.IP.At(i),
			UserAgent:  b.UserAgent.At(i),
			Country:    b.Country.At(i),
			Page:       b.Page.At(i),
			Referrer:   b.Referrer.At(i),
			Platform:   b.Platform.At(i),
			AppVersion: b.AppVersion.At(i),
			Device:     b.Device.At(i),
			OS:         b.OS.At(i),
			Browser:    b.Browser.At(i),
			Locale:     b.Locale.At(i),
		},
	}
	return ev
}

// Position is where the record of row i lies.
func (b *Batch) Position(i int) Position {
	return Position{
		Topic: b.KafkaTopic.At(i), Partition: b.KafkaPartition[i], Offset: b.KafkaOffset[i], ReceivedAt: b.ReceivedAt[i],
	}
}

// texts lists the columns of text.
func (b *Batch) texts() [11]*Text {
	return [...]*Text{
		&b.EventID, &b.UserID, &b.AnonymousID, &b.SessionID, &b.ProductID, &b.VideoID, &b.Properties,
		&b.IP, &b.UserAgent, &b.Page, &b.Referrer,
	}
}

// words lists the columns of text that repeats.
func (b *Batch) words() [11]*Words {
	return [...]*Words{
		&b.Type, &b.Currency, &b.Category, &b.Country, &b.Platform, &b.AppVersion,
		&b.Device, &b.OS, &b.Browser, &b.Locale, &b.KafkaTopic,
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
