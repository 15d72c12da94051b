package event

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// sameOutcome decodes an event in both forms and expects the same row or the
// same reject.
func sameOutcome(t *testing.T, fromJSON, fromProtobuf *Decoder, ev *Event) {
	t.Helper()
	text, message := ev.jsonAsSent(), ev.AppendProtobuf(nil)
	pos := Position{Topic: "events", Partition: 2, Offset: 7, ReceivedAt: 1_700_000_000_123}
	var a, b Batch
	want, got := fromJSON.AppendTo(&a, text, pos), fromProtobuf.AppendProtobufTo(&b, message, pos)
	if (want == nil) != (got == nil) || want != nil && *want != *got {
		t.Fatalf("%s\nas JSON:     %v\nas Protobuf: %v", text, want, got)
	}
	if a.Len() != b.Len() || got != nil && b.Bytes() != 0 {
		t.Fatalf("%s\n%d rows from JSON, %d from Protobuf with %d bytes", text, a.Len(), b.Len(), b.Bytes())
	}
	if got == nil {
		sameRows(t, text, &a, &b)
	}
}

// sameRows compares row 0 of two batches, hoisted columns too.
func sameRows(t *testing.T, text []byte, a, b *Batch) {
	t.Helper()
	if !reflect.DeepEqual(a.Row(0), b.Row(0)) || a.Position(0) != b.Position(0) || a.Amount[0] != b.Amount[0] || a.HasAmount[0] != b.HasAmount[0] {
		t.Fatalf("%s\nas JSON:     %+v\nas Protobuf: %+v", text, a.Row(0), b.Row(0))
	}
	for _, hot := range [][2]string{
		{a.Currency.At(0), b.Currency.At(0)}, {a.ProductID.At(0), b.ProductID.At(0)},
		{a.Category.At(0), b.Category.At(0)}, {a.VideoID.At(0), b.VideoID.At(0)},
	} {
		if hot[0] != hot[1] {
			t.Fatalf("%s\nhoisted %q from JSON, %q from Protobuf", text, hot[0], hot[1])
		}
	}
}

// TestProtobufMeansWhatJSONMeans compares random events, good and bad.
func TestProtobufMeansWhatJSONMeans(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	limits, tight := testLimits(), tightLimits()
	tight.EventBytes = 1 << 20 // counts the bytes of either form
	limits.ByReceipt, tight.ByReceipt = true, true
	decoders := []*Decoder{NewDecoder(limits), NewDecoder(limits), NewDecoder(tight), NewDecoder(tight)}
	for range 5_000 {
		ev := randomRow(rng)
		sameOutcome(t, decoders[0], decoders[1], &ev)
		sameOutcome(t, decoders[2], decoders[3], &ev)
	}
	for i := range 100 {
		ev := Sample(i)
		sameOutcome(t, decoders[0], decoders[1], &ev)
	}
}

// randomRow is an event whose parts are valid more often than not.
func randomRow(rng *rand.Rand) Event {
	texts := []string{"", "", "a", "view", "user one", "01234567890123456789", "ü☃𝄞", "\x00", "a\x00b", "tab\tand \"quotes\"\n", strings.Repeat("x", 600), strings.Repeat("é", 4500)}
	text := func() string { return texts[min(rng.IntN(len(texts)), rng.IntN(len(texts)))] }
	ev := Event{ID: text(), Type: "view", UserID: "u1", AnonymousID: text(), SessionID: text()}
	if rng.IntN(8) == 0 {
		ev.Type = text()
	}
	if rng.IntN(8) == 0 {
		ev.UserID = text()
	}
	switch rng.IntN(8) {
	case 0, 1, 2, 3:
		ev.Timestamp = time.UnixMilli(rng.Int64N(1_700_000_000_000)).UTC()
	case 4:
		ev.Timestamp = time.UnixMilli(rng.Int64() - rng.Int64()).UTC()
	case 5:
		ev.Timestamp = time.UnixMilli(1_700_000_000_123 + int64(rng.IntN(2*86_400_000))).UTC()
	}
	for f := firstContext; f < firstHot; f++ {
		if rng.IntN(3) == 0 {
			*ev.textOf(f) = text()
		}
	}
	w := randomWriter{rng: rng, spaced: rng.IntN(3) == 0, escaped: rng.IntN(3) == 0}
	switch rng.IntN(6) {
	case 0, 1, 2, 3:
		ev.Properties = []byte(w.properties())
	case 4:
		ev.Properties = []byte([]string{"null", " null ", "[]", "1", "{", "{\"a\":", "{\"a\":1}{\"b\":2}", "{\"a\":\"\xff\"}", " ", "{\"a\":1},", "nul"}[rng.IntN(11)])
	}
	return ev
}

func TestProtobufRejectsWhatIsNoEvent(t *testing.T) {
	good := Event{Type: "view", UserID: "u", Properties: []byte(`{}`), Context: Context{Page: "/a"}}
	text := func(number protowire.Number, s string) []byte {
		return appendProtoText(good.AppendProtobuf(nil), number, s)
	}
	for _, tc := range []struct {
		name    string
		message []byte
		want    Reason
		field   string
	}{
		{"cut short", good.AppendProtobuf(nil)[:5], ReasonMalformedProtobuf, ""},
		{"JSON", []byte(`{"type":"view","user_id":"u"}`), ReasonMalformedProtobuf, ""},
		{"unknown number", text(99, "x"), ReasonUnknownField, ""},
		{"unknown number in context", text(protoContext, string(appendProtoText(nil, 99, "x"))), ReasonUnknownField, ""},
		{"number where text belongs", protowire.AppendVarint(protowire.AppendTag(good.AppendProtobuf(nil), 2, protowire.VarintType), 7), ReasonMalformedProtobuf, ""},
		{"text where a number belongs", text(protoTimestamp, "now"), ReasonMalformedProtobuf, ""},
		{"bytes that are no UTF-8", text(3, "\xff"), ReasonInvalidUTF8, "/user_id"},
		{"the same in context", text(protoContext, string(appendProtoText(nil, 4, "\xff"))), ReasonInvalidUTF8, "/context/page"},
		{"properties that hide other fields", text(protoProperties, `{"a":1},"user_id":"x"`), ReasonMalformedJSON, "/properties"},
		{"nothing", nil, ReasonMissingType, "/type"},
	} {
		d, b := NewDecoder(testLimits()), &Batch{}
		reject := d.AppendProtobufTo(b, tc.message, Position{ReceivedAt: 1})
		if reject == nil || reject.Reason != tc.want || reject.Field != tc.field || b.Len() != 0 {
			t.Errorf("%s: %v, %d rows; want %s at %q", tc.name, reject, b.Len(), tc.want, tc.field)
		}
	}
	d := NewDecoder(Limits{EventBytes: 10, PropertiesBytes: 10, TypeBytes: 10, IDBytes: 10, ContextBytes: 10, Depth: 3, Ahead: time.Hour})
	if reject := d.AppendProtobufTo(&Batch{}, good.AppendProtobuf(nil), Position{}); reject == nil || reject.Reason != ReasonEventTooBig {
		t.Errorf("too big: %v", reject)
	}
}

// As Protobuf has it: the last value of a field counts, and a second context
// adds to the first. Fields may come in any order.
func TestProtobufInAnyOrder(t *testing.T) {
	message := appendProtoText(nil, protoProperties, `{"old":1}`)
	message = appendProtoText(message, protoProperties, `{"amount":"1.5","who":"é"}`)
	message = appendProtoText(message, protoContext, string(appendProtoText(nil, 4, "/page")))
	message = appendProtoText(message, protoContext, string(appendProtoText(nil, 11, "de")))
	message = appendProtoText(message, 2, "first")
	message = appendProtoText(message, 3, "u")
	message = appendProtoText(message, 2, "last")
	d, b := NewDecoder(testLimits()), &Batch{}
	if reject := d.AppendProtobufTo(b, message, Position{ReceivedAt: 5}); reject != nil {
		t.Fatal(reject)
	}
	row := b.Row(0)
	if row.Type != "last" || row.Context != (Context{Page: "/page", Locale: "de"}) || string(row.Properties) != `{"amount":"1.5","who":"é"}` || b.Amount[0] != 1_500_000 {
		t.Errorf("%+v with amount %d", row, b.Amount[0])
	}
}

func FuzzProtobuf(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range 50 {
		ev := randomRow(rng)
		f.Add(ev.AppendProtobuf(nil))
		ev = Sample(i)
		f.Add(ev.AppendProtobuf(nil))
	}
	limits := testLimits()
	limits.ByReceipt = true
	f.Fuzz(func(t *testing.T, message []byte) {
		kept := string(message)
		pos := Position{Topic: "events", ReceivedAt: 1_700_000_000_123}
		d, b := NewDecoder(limits), &Batch{}
		reject := d.AppendProtobufTo(b, message, pos)
		if string(message) != kept {
			t.Fatal("the decoder changed its input")
		}
		text, readable := ProtobufJSON(message)
		if reject == nil && !readable {
			t.Fatalf("accepted %q, which cannot be read", message)
		}
		if !readable || reject != nil && reject.Reason == ReasonMalformedJSON {
			return
		}
		var fromJSON Batch
		other := NewDecoder(limits).AppendTo(&fromJSON, text, pos)
		if (other == nil) != (reject == nil) || other != nil && *other != *reject {
			t.Fatalf("%s\nas JSON:     %v\nas Protobuf: %v", text, other, reject)
		}
		if reject == nil {
			sameRows(t, text, &fromJSON, b)
		}
	})
}

func TestProtobufAllocatesNothing(t *testing.T) {
	var messages [][]byte
	for i := range 64 {
		ev := Sample(i)
		messages = append(messages, ev.AppendProtobuf(nil))
	}
	d, b := NewDecoder(testLimits()), &Batch{}
	appendAll := func() {
		b.Reset()
		for i, message := range messages {
			if reject := d.AppendProtobufTo(b, message, Position{Topic: "events", Offset: int64(i)}); reject != nil {
				t.Fatal(reject)
			}
		}
	}
	if got := testing.AllocsPerRun(100, appendAll); got != 0 {
		t.Errorf("AppendProtobufTo allocates %g times, want 0", got)
	}
}

func BenchmarkAppendProtobufTo(b *testing.B) {
	var messages [][]byte
	size := 0
	for i := range 4096 {
		ev := Sample(i)
		messages = append(messages, ev.AppendProtobuf(nil))
		size += len(messages[i])
	}
	d, batch := NewDecoder(DefaultLimits()), &Batch{}
	b.SetBytes(int64(size / len(messages)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if i == len(messages) {
			i = 0
			batch.Reset()
		}
		if reject := d.AppendProtobufTo(batch, messages[i], Position{Topic: "events", Offset: int64(i)}); reject != nil {
			b.Fatal(reject)
		}
		i++
	}
}

// ExampleEvent_AppendProtobuf shows how small the message is.
func ExampleEvent_AppendProtobuf() {
	ev := Event{ID: "e1", Type: "view", UserID: "u1", Timestamp: time.UnixMilli(1_790_000_000_000)}
	fmt.Println(len(ev.AppendJSON(nil)), len(ev.AppendProtobuf(nil)))
	// Output: 85 21
}
