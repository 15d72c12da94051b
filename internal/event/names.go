package event

import "encoding/binary"

// nameSlots is a power of two: the number of names that a nameTable can hold.
const nameSlots = 64

// nameTable finds a name from the sixteen bytes after its opening quote. The
// first two bytes pick the one slot that may hold it, and the closing quote and
// colon are part of what is compared: a hit needs no scan for the end of the
// name.
//
// The names of envelope and context are all there from the beginning. In
// properties those that are hoisted are, and the table learns others as they
// come, first come, first served.
type nameTable struct {
	factor uint32
	slots  [nameSlots]nameSlot
	// after holds, for each slot, the one of the name that followed it last
	// time. Most senders keep to one order, and a right guess saves the
	// processor from waiting for the lookup. The first name of an object
	// follows slot nameSlots, which is none.
	after [nameSlots + 1]uint8
	// strayed counts the wrong guesses among the latest 8 or so. Guessing
	// stops where they are many: then each guess only costs.
	strayed uint
	missed  uint // names that found their slot taken
}

// nameSlot is a name with its closing quote and colon, as two masked words.
type nameSlot struct {
	head, headMask uint64
	tail, tailMask uint64
	size           int // with quote and colon
	field          field
}

// longestSlot is the longest name that a slot can hold, in bytes.
const longestSlot = 16 - len(`":`)

// matches says whether a name begins with these sixteen bytes.
func (n *nameSlot) matches(head, tail uint64) bool {
	return (head&n.headMask^n.head)|(tail&n.tailMask^n.tail) == 0
}

// newNameTable looks for a factor that gives each name of a section a slot of
// its own, which is possible as no two begin with the same two bytes.
func newNameTable(s section) *nameTable {
	for factor := uint32(0x9e37); ; factor += 2 {
		t := &nameTable{factor: factor}
		if t.fill(s) {
			return t
		}
	}
}

// fill reports false when two names fall into one slot.
func (t *nameTable) fill(s section) bool {
	// A slot that no name took never matches: nothing masked by 0 is 1.
	for i := range t.slots {
		t.slots[i] = nameSlot{head: 1}
	}
	first, last := s.fields()
	for f := first; f < last; f++ {
		slot := newNameSlot([]byte(fieldName(f)), f)
		at := &t.slots[t.slot(slot.head)]
		if at.size != 0 {
			return false
		}
		*at = slot
	}
	return true
}

// find picks the slot that a name is in, if it is in any, given the slot of the
// name before it. It says whether the guess was wrong.
func (t *nameTable) find(last uint8, head, tail uint64, guess bool) (at uint8, strayed uint) {
	at = t.after[last]
	if guess && t.slots[at].matches(head, tail) {
		return at, 0
	}
	found := t.slot(head)
	t.after[last] = found
	if found != at {
		strayed = 1
	}
	return found, strayed
}

// slot picks the only slot that can hold the name starting with these bytes.
func (t *nameTable) slot(head uint64) uint8 {
	return uint8(uint32(uint16(head)) * t.factor >> 10 & (nameSlots - 1))
}

// learn puts a name that no slot held into its slot, where that is free, and
// says whether it did. So that names nobody sends any more do not stay for
// ever, now and then one has to go.
func (t *nameTable) learn(name []byte, head uint64) bool {
	if len(name) == 0 || len(name) > longestSlot {
		return false
	}
	at := &t.slots[t.slot(head)]
	if at.size != 0 {
		t.missed++
		if at.field != fieldOther || t.missed%1024 != 0 {
			return false
		}
	}
	*at = newNameSlot(name, fieldOther)
	return true
}

func newNameSlot(name []byte, f field) nameSlot {
	var text, mask [16]byte
	n := copy(text[:], name)
	n += copy(text[n:], `":`)
	for i := range n {
		mask[i] = 0xff
	}
	return nameSlot{
		head: binary.LittleEndian.Uint64(text[:8]), headMask: binary.LittleEndian.Uint64(mask[:8]),
		tail: binary.LittleEndian.Uint64(text[8:]), tailMask: binary.LittleEndian.Uint64(mask[8:]),
		size: n, field: f,
	}
}
