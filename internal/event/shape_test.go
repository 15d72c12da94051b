package event

import "testing"

// TestReserve fills a batch that was made ready for three times another: no column
// may grow any more, and its rows are those of one that grew by itself.
func TestReserve(t *testing.T) {
	texts, _ := sampleTexts(3000)
	d := NewDecoder(DefaultLimits())
	fill := func(b *Batch, rows int) {
		for i := range rows {
			if reject := d.AppendTo(b, texts[i], Position{Topic: "events", Offset: int64(i)}); reject != nil {
				t.Fatal(reject)
			}
		}
	}
	var sample, ready, grown Batch
	fill(&sample, 1000)
	shape := sample.Shape()
	if shape.Rows != 1000 || shape.Bytes != sample.Bytes() || shape.Size != sample.Size() {
		t.Errorf("the shape is %+v", shape)
	}
	ready.Reserve(shape, 3)
	room := func() (sizes []int) {
		for _, column := range ready.texts() {
			sizes = append(sizes, cap(column.wire), cap(column.ends))
		}
		for _, column := range ready.words() {
			sizes = append(sizes, cap(column.keys))
		}
		for _, column := range ready.numbers() {
			sizes = append(sizes, cap(*column))
		}
		return append(sizes, cap(ready.HasAmount), cap(ready.KafkaPartition))
	}
	before := room()
	fill(&ready, 3000)
	ready.Reserve(shape, 2) // it has that already
	fill(&grown, 3000)
	for i, size := range room() {
		if size != before[i] {
			t.Errorf("column %d has grown from %d to %d", i, before[i], size)
		}
	}
	ready.Reserve(shape, 7)
	for i := range 3000 {
		got, want := ready.Row(i), grown.Row(i)
		if string(got.AppendJSON(nil)) != string(want.AppendJSON(nil)) || ready.Position(i) != grown.Position(i) {
			t.Fatalf("row %d differs", i)
		}
	}
}
