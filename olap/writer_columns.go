package olap

import (
	"encoding/binary"
	"math"
	"strings"
	"time"

	"millrace/internal/event"
)

// insertColumn is a column of the table events and where a batch has it.
type insertColumn struct {
	name, kind string
	write      func(w *blockWriter, b *event.Batch)
}

// insertColumns are all columns that a batch fills.
func insertColumns() []insertColumn {
	return []insertColumn{
		insertedText("event_id", func(b *event.Batch) *event.Text { return &b.EventID }),
		insertedWords("type", func(b *event.Batch) *event.Words { return &b.Type }),
		insertedText("user_id", func(b *event.Batch) *event.Text { return &b.UserID }),
		insertedText("anonymous_id", func(b *event.Batch) *event.Text { return &b.AnonymousID }),
		insertedText("session_id", func(b *event.Batch) *event.Text { return &b.SessionID }),
		insertedTimes("timestamp", func(b *event.Batch) []int64 { return b.Timestamp }),
		insertedTimes("received_at", func(b *event.Batch) []int64 { return b.ReceivedAt }),
		{"sealed_at", kindTime, writeSealedAt},
		{"amount", "Nullable(Decimal(18, 6))", writeAmounts},
		insertedWords("currency", func(b *event.Batch) *event.Words { return &b.Currency }),
		insertedText("product_id", func(b *event.Batch) *event.Text { return &b.ProductID }),
		insertedWords("category", func(b *event.Batch) *event.Words { return &b.Category }),
		insertedText("video_id", func(b *event.Batch) *event.Text { return &b.VideoID }),
		insertedText("properties", func(b *event.Batch) *event.Text { return &b.Properties }),
		insertedText("ip", func(b *event.Batch) *event.Text { return &b.IP }),
		insertedText("user_agent", func(b *event.Batch) *event.Text { return &b.UserAgent }),
		insertedWords("country", func(b *event.Batch) *event.Words { return &b.Country }),
		insertedText("page", func(b *event.Batch) *event.Text { return &b.Page }),
		insertedText("referrer", func(b *event.Batch) *event.Text { return &b.Referrer }),
		insertedWords("platform", func(b *event.Batch) *event.Words { return &b.Platform }),
		insertedWords("app_version", func(b *event.Batch) *event.Words { return &b.AppVersion }),
		insertedWords("device", func(b *event.Batch) *event.Words { return &b.Device }),
		insertedWords("os", func(b *event.Batch) *event.Words { return &b.OS }),
		insertedWords("browser", func(b *event.Batch) *event.Words { return &b.Browser }),
		insertedWords("locale", func(b *event.Batch) *event.Words { return &b.Locale }),
		insertedWords("kafka_topic", func(b *event.Batch) *event.Words { return &b.KafkaTopic }),
		{"kafka_partition", "Int32", func(w *blockWriter, b *event.Batch) { w.int32s(b.KafkaPartition) }},
		{"kafka_offset", "Int64", func(w *blockWriter, b *event.Batch) { w.int64s(b.KafkaOffset) }},
	}
}

const kindTime = "DateTime64(3, 'UTC')"

func insertedText(name string, of func(*event.Batch) *event.Text) insertColumn {
	return insertColumn{name, "String", func(w *blockWriter, b *event.Batch) { w.text(of(b).Wire()) }}
}

func insertedWords(name string, of func(*event.Batch) *event.Words) insertColumn {
	return insertColumn{name, "LowCardinality(String)", func(w *blockWriter, b *event.Batch) { writeWords(w, of(b)) }}
}

func insertedTimes(name string, of func(*event.Batch) []int64) insertColumn {
	return insertColumn{name, kindTime, func(w *blockWriter, b *event.Batch) { w.int64s(of(b)) }}
}

// insertStatement is the statement that the block of insertColumns follows.
func insertStatement(columns []insertColumn) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return "INSERT INTO events (" + strings.Join(names, ", ") + ") VALUES"
}

// The serialization of LowCardinality: a version, then flags that say that the
// words follow and how wide the keys are.
const (
	wordsVersion = 1
	wordsFollow  = 1<<9 | 1<<10 // they are all new to the server
	keys8        = 0
	keys16       = 1
	keys32       = 2
)

// writeWords writes a LowCardinality column: the words, then a key per row.
func writeWords(w *blockWriter, column *event.Words) {
	words, keys := column.Words(), column.Keys()
	width := int64(keys32)
	switch {
	case words.Len() <= math.MaxUint8+1:
		width = keys8
	case words.Len() <= math.MaxUint16+1:
		width = keys16
	}
	w.int64s([]int64{wordsVersion, wordsFollow | width, int64(words.Len())})
	w.text(words.Wire())
	w.int64s([]int64{int64(len(keys))})
	writeKeys(w, keys, width)
}

// writeKeys writes keys that take one, two or four bytes.
func writeKeys(w *blockWriter, keys []uint32, width int64) {
	switch width {
	case keys8:
		writeNumbers(w, keys, 1, func(dst []byte, keys []uint32) {
			for i, k := range keys {
				dst[i] = byte(k)
			}
		})
	case keys16:
		writeNumbers(w, keys, 2, func(dst []byte, keys []uint32) {
			for i, k := range keys {
				binary.LittleEndian.PutUint16(dst[2*i:], uint16(k))
			}
		})
	default:
		writeNumbers(w, keys, 4, func(dst []byte, keys []uint32) {
			for i, k := range keys {
				binary.LittleEndian.PutUint32(dst[4*i:], k)
			}
		})
	}
}

// writeSealedAt writes the batch's instant, for each row. A batch that nobody
// has sealed is stored at once, so the instant is now.
func writeSealedAt(w *blockWriter, b *event.Batch) {
	at := b.SealedAt
	if at == 0 {
		at = time.Now().UnixMilli()
	}
	writeNumbers(w, b.Timestamp, 8, func(dst []byte, rows []int64) {
		for i := range rows {
			binary.LittleEndian.PutUint64(dst[8*i:], uint64(at))
		}
	})
}

// writeAmounts writes which rows have no amount, then the amounts in millionths.
func writeAmounts(w *blockWriter, b *event.Batch) {
	writeNumbers(w, b.HasAmount, 1, func(dst []byte, has []bool) {
		for i := range has {
			dst[i] = 1
			if has[i] {
				dst[i] = 0
			}
		}
	})
	w.int64s(b.Amount)
}
