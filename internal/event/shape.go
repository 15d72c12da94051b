package event

// Shape is how much a batch holds of what.
type Shape struct {
	Rows, Bytes, Size int // as Len, Bytes and Size of the batch tell
	texts             [11]int
}

// Shape tells how much the batch holds of what, so that another batch can be made
// ready for more of the same.
func (b *Batch) Shape() Shape {
	s := Shape{Rows: b.Len(), Bytes: b.Bytes(), Size: b.Size()}
	for i, column := range b.texts() {
		s.texts[i] = len(column.wire)
	}
	return s
}

// Reserve makes room for so many times what a batch like s holds. Columns that
// grow to that by and by are copied each time, and leave as much behind for the
// garbage collector. (Words that differ are few.)
func (b *Batch) Reserve(s Shape, times float64) {
	b.reserveRows(reserved(s.Rows, times, cap(b.Timestamp)) - b.Len())
	for i, column := range b.texts() {
		column.wire = withRoom(column.wire, reserved(s.texts[i], times, cap(column.wire))-len(column.wire))
	}
}

// reserved is the room that a column needs: what it has, if that is enough, or else
// an eighth more than what is expected.
func reserved(held int, times float64, room int) int {
	if need := times * float64(held); need > float64(room) {
		return int(need*9/8) + 1
	}
	return room
}
