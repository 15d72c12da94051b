package ingest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/zeebo/xxh3"

	"millrace/internal/event"
)

// unnamed is the epoch in the token of a block that may still grow.
const unnamed = -1

// block is what is stored in one step: the records of one partition in the
// offsets [first, last], as columns, and those among them that are no events.
// A partition has two blocks, one being built while the other is written.
type block struct {
	batch      *event.Batch // its own, or one of the few large ones
	own        event.Batch
	letters    []event.DeadLetter
	duplicates []event.Duplicate
	aside      int // bytes of letters and duplicates
	checked    int // rows of the batch that are known to be no repeats
	refused    int // rows of the batch that the store has refused for their content
	measured   int // bytes of the batch when its records had measuredAt bytes
	measuredAt int

	first    int64     // first offset of the range
	last     int64     // last offset of the range; the range is empty while it is below first
	epoch    int32     // leader epoch of the last record; -1 for none
	named    int32     // the epoch in its token, which is another where an older program has sealed it; unnamed until it is fixed
	opened   time.Time // when the first record came in
	oldest   int64     // timestamp of the first record, in milliseconds since 1970
	closedBy string    // what ended the block, for the metrics

	// What the metrics may read while somebody works on the block.
	shownOldest, shownBytes atomic.Int64
}

// reset makes the block empty, beginning at offset first, with a large batch or
// with its own where that is nil. Memory is kept.
func (b *block) reset(first int64, large *event.Batch) {
	b.own.Reset()
	if b.batch = large; large == nil {
		b.batch = &b.own
	}
	clear(b.letters)
	clear(b.duplicates)
	b.letters, b.duplicates = b.letters[:0], b.duplicates[:0]
	b.aside, b.checked, b.refused, b.measured, b.measuredAt = 0, 0, 0, 0, 0
	b.first, b.last = first, first-1
	b.closedBy, b.named, b.epoch = "", unnamed, -1
}

// isSealed gives the block the instant and the epoch that an earlier owner has
// fixed for it.
func (b *block) isSealed(by seal) { b.batch.SealedAt, b.named = by.at, by.epoch }

// empty reports whether the range holds no record.
func (b *block) empty() bool { return b.last < b.first }

// show lets the metrics see how large the block is now.
func (b *block) show() {
	if b.empty() {
		return
	}
	b.shownOldest.Store(b.oldest)
	b.shownBytes.Store(int64(b.memory()))
}

// release gives a large batch back, once nobody reads it any more.
func (b *block) release(budget *budget) {
	if b.batch != nil && b.batch != &b.own {
		budget.give(b.batch)
	}
	b.batch = &b.own
	if b.own.Footprint() > 2*budget.small {
		b.own = event.Batch{} // an event may be much larger than a small block
	}
	b.shownOldest.Store(0)
	b.shownBytes.Store(0)
}

// What records that are no rows cost beside their bytes.
const (
	letterBytes    = 512 // with its reason in words
	duplicateBytes = 160
)

// measureEvery is how many bytes of records come in between two measurements.
const measureEvery = 32 << 10

// memory is what the block takes, roughly. Columns grow by a quarter at a time.
func (b *block) memory() int {
	if b.batch.Bytes()-b.measuredAt >= measureEvery {
		b.measured, b.measuredAt = b.batch.Size()/4*5, b.batch.Bytes()
	}
	return b.measured + b.batch.Bytes() - b.measuredAt + b.aside
}

// rows is the number of records, events or not.
func (b *block) rows() int { return b.batch.Len() + len(b.letters) + len(b.duplicates) }

// add puts a record at the end: into the columns or among the dead letters.
// Whether rows repeat what is stored is asked for many at a time, at the latest
// by check before the block is handed over; a nil memory knows no repeats.
// Kafka's own markers of transactions take an offset and are no events.
func (b *block) add(decoder *event.Decoder, memory *memory, r *kgo.Record) {
	if b.empty() {
		b.opened, b.oldest = time.Now(), r.Timestamp.UnixMilli()
	}
	b.last, b.epoch = r.Offset, r.LeaderEpoch
	if r.Attrs.IsControl() {
		return
	}
	pos := event.Position{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, ReceivedAt: r.Timestamp.UnixMilli()}
	if reject := decode(decoder, b.batch, r, pos); reject != nil {
		letter := event.DeadLetter{Position: pos, Reject: *reject, Payload: payload(r)}
		b.letters = append(b.letters, letter)
		b.aside += len(r.Value) + letterBytes
		return
	}
	if b.batch.Len()-b.checked == askedTogether {
		b.check(memory)
	}
}

// check takes the rows that repeat what is stored out of the columns.
func (b *block) check(memory *memory) {
	if memory == nil {
		return
	}
	var hashes [askedTogether]xxh3.Uint128
	asked := hashes[:b.batch.Len()-b.checked]
	for i := range asked {
		asked[i] = xxh3.HashString128(b.batch.EventID.At(b.checked + i))
	}
	memory.approach(asked)
	for _, hash := range asked {
		pos := b.batch.Position(b.checked)
		at, known := memory.note(hash, pos.Offset, pos.ReceivedAt)
		if !known {
			b.checked++
			continue
		}
		repeat := event.Duplicate{Position: pos, EventID: strings.Clone(b.batch.EventID.At(b.checked)), StoredOffset: at}
		b.duplicates = append(b.duplicates, repeat)
		b.aside += len(repeat.EventID) + duplicateBytes
		b.batch.Delete(b.checked)
	}
}

// piece is the part of a block that is written in one step: the whole, unless
// the store has refused the whole for its content.
type piece struct {
	first, last int64 // offsets
}

// whole is the piece that is the block.
func (b *block) whole() piece { return piece{b.first, b.last} }

// token names the piece for the store: the same range of the same records has
// the same token, whoever writes it and however often.
func (s piece) token(group string, key partitionKey, epoch int32) string {
	token := fmt.Sprintf("%s/%s/%d/%d-%d", group, key.topic, key.partition, s.first, s.last)
	if epoch > 0 {
		token += fmt.Sprintf("@%d", epoch)
	}
	return token
}

// rowsOf are the rows [from, to) of the batch that lie in the piece.
func (b *block) rowsOf(s piece) (from, to int) {
	from, _ = slices.BinarySearch(b.batch.KafkaOffset, s.first)
	to, _ = slices.BinarySearch(b.batch.KafkaOffset, s.last+1)
	return from, to
}

// lettersOf are the dead letters that lie in the piece.
func (b *block) lettersOf(s piece) []event.DeadLetter {
	return within(s, b.letters, func(l event.DeadLetter) int64 { return l.Offset })
}

// duplicatesOf are the repeats that lie in the piece.
func (b *block) duplicatesOf(s piece) []event.Duplicate {
	return within(s, b.duplicates, func(d event.Duplicate) int64 { return d.Offset })
}

// within are the items, which are in the order of their offsets, that lie in
// the piece.
func within[T any](s piece, items []T, offset func(T) int64) []T {
	byOffset := func(item T, want int64) int { return cmp.Compare(offset(item), want) }
	from, _ := slices.BinarySearchFunc(items, s.first, byOffset)
	to, _ := slices.BinarySearchFunc(items, s.last+1, byOffset)
	return items[from:to]
}

// refuse makes row i of the batch a dead letter. The record itself is gone by
// now; the payload is the event, written again.
func (b *block) refuse(i int, err error) event.DeadLetter {
	b.refused++
	row := b.batch.Row(i)
	return event.DeadLetter{
		Position: b.batch.Position(i),
		Reject:   event.Reject{Reason: event.ReasonStoreRejected, Detail: "The store refused the event: " + err.Error()},
		Payload:  row.AppendJSON(nil),
	}
}
