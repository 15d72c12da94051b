package event

import (
	"encoding/binary"
	"hash/maphash"
)

// Words is a column of text that repeats, such as countries: the different
// words once, in the order of their first use, and a key per row that says
// which of them it has. ClickHouse's LowCardinality takes it as it lies.
type Words struct {
	words Text
	keys  []uint32
	// slots finds a word's key by its hash: key+1, or 0 in a free slot. Their
	// number is a power of two and at least twice that of the words.
	slots []uint32
	seed  maphash.Seed
	// recent has the keys of short words used lately, which most rows have.
	recent [recentWords]recentWord
}

// recentWords is the size of the cache in front of slots, a power of two.
const recentWords = 64

// recentWord is a word of up to 16 bytes and its key. The zero value is none.
type recentWord struct {
	shortWord
	key uint32
}

// shortWord is the text of a word of up to 16 bytes, with zeros behind: two are
// equal if and only if the words are.
type shortWord struct {
	head, tail uint64
	size       uint32 // plus one
}

// short is the text of s, which has at most 16 bytes.
func short(s []byte) shortWord {
	if cap(s) < 16 {
		var room [16]byte
		copy(room[:], s)
		s = room[:len(s)]
	}
	text := s[:16]
	return shortWord{
		head: binary.LittleEndian.Uint64(text) & lowBytes(len(s)),
		tail: binary.LittleEndian.Uint64(text[8:]) & lowBytes(max(len(s)-8, 0)),
		size: uint32(len(s)) + 1,
	}
}

// lowBytes masks the n low bytes of a word, all of them from 8 on.
func lowBytes(n int) uint64 { return 1<<(8*uint(n)) - 1 }

// place is where the cache has the word.
func (w shortWord) place() int {
	h := (w.head ^ w.tail*0x9e3779b97f4a7c15 ^ uint64(w.size)) * 0xbf58476d1ce4e5b9
	return int(h >> 58)
}

// Len is the number of rows.
func (w *Words) Len() int { return len(w.keys) }

// At is the value of row i. It is borrowed from the column.
func (w *Words) At(i int) string { return w.words.At(int(w.keys[i])) }

// Words are the different words, borrowed. After a Truncate some of them may
// be in no row.
func (w *Words) Words() *Text { return &w.words }

// Keys are the indexes into Words, one per row, borrowed.
func (w *Words) Keys() []uint32 { return w.keys }

// Append adds a row at the end.
func (w *Words) Append(s string) { w.add(bytesOf(s)) }

// add is Append. Where s has room behind it, that is read too, and masked: so
// words of different sizes take the same way.
func (w *Words) add(s []byte) {
	if len(s) > 16 {
		w.keys = append(w.keys, w.key(borrowed(s)))
		return
	}
	word := short(s)
	recent := &w.recent[word.place()]
	if recent.shortWord != word {
		*recent = recentWord{word, w.key(borrowed(s))}
	}
	w.keys = append(w.keys, recent.key)
}

// addSame is Append for a column whose rows nearly all say the same.
func (w *Words) addSame(s string) {
	last := len(w.keys) - 1
	if last < 0 || w.At(last) != s {
		w.Append(s)
		return
	}
	w.keys = append(w.keys, w.keys[last])
}

// key finds the key of a word, which may be new.
func (w *Words) key(s string) uint32 {
	if len(w.slots) < 2*w.words.Len()+2 {
		w.grow()
	}
	slot := w.slot(s)
	if found := w.slots[slot]; found != 0 {
		return found - 1
	}
	w.words.Append(s)
	w.slots[slot] = uint32(w.words.Len())
	return uint32(w.words.Len()) - 1
}

// slot is the place of a word, or the free one where it belongs.
func (w *Words) slot(s string) int {
	mask := len(w.slots) - 1
	i := int(maphash.String(w.seed, s)) & mask
	for w.slots[i] != 0 && w.words.At(int(w.slots[i]-1)) != s {
		i = (i + 1) & mask
	}
	return i
}

// firstSlots is enough for most columns of most batches.
const firstSlots = 256

// grow makes room for more words. A view begins without slots and gets its own
// here.
func (w *Words) grow() {
	if w.slots == nil {
		w.seed = maphash.MakeSeed()
	}
	slots := firstSlots
	for slots < 4*w.words.Len() {
		slots *= 2
	}
	w.slots = make([]uint32, slots)
	for key := range w.words.Len() {
		w.slots[w.slot(w.words.At(key))] = uint32(key) + 1
	}
}

// truncate keeps the first n rows, and all words.
func (w *Words) truncate(n int) { w.keys = w.keys[:n] }

// reset forgets rows and words.
func (w *Words) reset() {
	w.words.truncate(0)
	w.keys = w.keys[:0]
	clear(w.slots)
	clear(w.recent[:])
}

// between is a view of rows [from, to). Appending to it does not touch w.
func (w *Words) between(from, to int) Words {
	return Words{words: w.words.between(0, w.words.Len()), keys: w.keys[from:to:to]}
}
