package event

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

// filled is a batch of the first n sample events.
func filled(t *testing.T, n int) *Batch {
	t.Helper()
	b := &Batch{}
	for i := range n {
		ev := Sample(i)
		if rej := b.AppendEvent(&ev, Position{Topic: "events", Partition: int32(i % 4), Offset: int64(i), ReceivedAt: int64(1000 + i)}); rej != nil {
			t.Fatal(rej)
		}
	}
	return b
}

// columnLengths is the length of every exported column, by name.
func columnLengths(b *Batch) map[string]int {
	lengths := map[string]int{}
	v := reflect.ValueOf(b).Elem()
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() {
			continue
		}
		switch column := v.Field(i); column.Kind() {
		case reflect.Slice:
			lengths[v.Type().Field(i).Name] = column.Len()
		case reflect.Struct:
			lengths[v.Type().Field(i).Name] = column.Addr().Interface().(interface{ Len() int }).Len()
		}
	}
	return lengths
}

// TestBatchColumns holds that no operation forgets a column.
func TestBatchColumns(t *testing.T) {
	b := filled(t, 10)
	check := func(what string, b *Batch, want int) {
		t.Helper()
		for name, got := range columnLengths(b) {
			if got != want {
				t.Errorf("%s: %s has %d rows, want %d", what, name, got, want)
			}
		}
		if b.Len() != want {
			t.Errorf("%s: Len() = %d, want %d", what, b.Len(), want)
		}
	}
	check("AppendEvent", b, 10)
	check("Range", b.Range(3, 8), 5)
	check("empty Range", b.Range(10, 10), 0)
	b.Truncate(7)
	check("Truncate", b, 7)
	b.Delete(6)
	b.Delete(2)
	check("Delete", b, 5)
	b.Reset()
	check("Reset", b, 0)
	if b.Bytes() != 0 {
		t.Errorf("Reset leaves %d bytes", b.Bytes())
	}
}

// Every row but the deleted ones stays what it was, and rows can be added.
func TestBatchDelete(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	b := filled(t, 100)
	var left []int
	for i := range 100 {
		left = append(left, i)
	}
	for range 60 {
		i := rng.IntN(len(left))
		left = slices.Delete(left, i, i+1)
		b.Delete(i)
	}
	sample := Sample(7)
	if reject := b.AppendEvent(&sample, Position{"events", 3, 7, 1007}); reject != nil {
		t.Fatal(reject)
	}
	for i, n := range append(left, 7) {
		if got, want := b.Row(i), Sample(n); !sameEvent(got, want) {
			t.Errorf("row %d\n got %+v\nwant %+v", i, got, want)
		}
		if got := b.Position(i).Offset; got != int64(n) {
			t.Errorf("row %d is of offset %d, want %d", i, got, n)
		}
	}
}

func TestBatchRow(t *testing.T) {
	b := filled(t, 20)
	for i := range b.Len() {
		if got, want := b.Row(i), Sample(i); !sameEvent(got, want) {
			t.Errorf("row %d\n got %+v\nwant %+v", i, got, want)
		}
		if got, want := b.Position(i), (Position{"events", int32(i % 4), int64(i), int64(1000 + i)}); got != want {
			t.Errorf("position %d = %+v, want %+v", i, got, want)
		}
	}
}

// TestBatchRange appends to a view and expects the batch to stay as it was.
func TestBatchRange(t *testing.T) {
	b := filled(t, 8)
	view := b.Range(2, 5)
	for i := range view.Len() {
		if got, want := view.Row(i), Sample(2+i); !sameEvent(got, want) || view.Position(i) != b.Position(2+i) {
			t.Errorf("row %d of the view\n got %+v\nwant %+v", i, got, want)
		}
	}
	extra := Sample(99)
	if rej := view.AppendEvent(&extra, Position{}); rej != nil {
		t.Fatal(rej)
	}
	if got, want := b.Row(5), Sample(5); !sameEvent(got, want) {
		t.Errorf("the batch has changed: %+v", got)
	}
}

func TestAppendEventRejects(t *testing.T) {
	b := &Batch{}
	for _, tt := range []struct {
		ev   Event
		want Reason
	}{
		{Event{UserID: "u1"}, ReasonMissingType},
		{Event{Type: "view"}, ReasonMissingUser},
		{Event{Type: "view", UserID: "u1", Properties: []byte(`{"a":`)}, ReasonMalformedJSON},
		{Event{Type: "view", UserID: "u1", Properties: []byte(`[1]`)}, ReasonWrongType},
		{Event{Type: "view", UserID: "u1", Timestamp: time.Date(1850, 1, 1, 0, 0, 0, 0, time.UTC)}, ReasonTimestampTooOld},
	} {
		if rej := b.AppendEvent(&tt.ev, Position{}); rej == nil || rej.Reason != tt.want {
			t.Errorf("AppendEvent(%+v) = %v, want %s", tt.ev, rej, tt.want)
		}
	}
	if b.Len() != 0 {
		t.Errorf("%d rows", b.Len())
	}
}

// TestBatchReuse fills a batch again and again, with events between that are
// refused: the strings are right each time and the room is used again.
func TestBatchReuse(t *testing.T) {
	d, b := NewDecoder(testLimits()), &Batch{}
	texts, size := sampleTexts(3000)
	var room int
	for round := range 3 {
		b.Reset()
		for i, text := range texts {
			if rej := d.AppendTo(b, text, Position{}); rej != nil {
				t.Fatal(rej)
			}
			if rej := d.AppendTo(b, text[:len(text)-1], Position{}); rej == nil {
				t.Fatalf("event %d: accepted without its end", i)
			}
		}
		if b.Bytes() != size {
			t.Errorf("round %d: %d bytes, want %d", round, b.Bytes(), size)
		}
		if round > 0 && cap(b.Properties.wire) != room {
			t.Errorf("round %d: the properties take %d bytes instead of %d", round, cap(b.Properties.wire), room)
		}
		room = cap(b.Properties.wire)
		for i := range texts {
			if got, want := b.Row(i), Sample(i); !sameEvent(got, want) {
				t.Fatalf("round %d, row %d\n got %+v\nwant %+v", round, i, got, want)
			}
		}
	}
}
