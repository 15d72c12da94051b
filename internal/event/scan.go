package event

import (
	"encoding/binary"
	"hash/maphash"
)

// padding is how many zero bytes follow the text of an event while it is
// scanned. The scanner reads one or two words of eight bytes and looks for the
// end of a string or a number without asking where the event ends: the zeros
// end both. Columns copy more than a short value has, up to 32 bytes.
const padding = 32

// span is the place of a value in the event: bytes [from, from+size). The zero
// span is an absent value.
type span struct{ start, end uint32 }

// The top bit of start marks a number, that of end a text that cannot be used
// as it was sent.
const spanMark = 1 << 31

func (s span) from() int       { return int(s.start &^ spanMark) }
func (s span) to() int         { return int(s.end &^ spanMark) }
func (s span) size() int       { return s.to() - s.from() }
func (s span) absent() bool    { return s.end == 0 }
func (s span) bare() bool      { return s.start&spanMark != 0 }
func (s span) rewritten() bool { return s.end&spanMark != 0 }

// scanner finds the values of one event. It checks the whole text: the grammar
// of JSON, the names of envelope and context, and the types of their values.
//
// Its methods take the index of the next byte and return the index after what
// they read, or -1 when fault and at say why not.
type scanner struct {
	buf     []byte // the event and its padding
	spans   [fieldCount]span
	high    uint64   // every word read, or-ed: its top bits tell of non-ASCII
	longest uint32   // size of the longest string or number, in bytes as sent
	marked  uint32   // one bit for each field whose span is marked
	zeros   bool     // some string has the escape of U+0000
	members []member // names of the properties, in order
	names   nameSet
	seen    nameFilter // of the properties being read

	fault fault
	at    int     // where, in bytes
	of    field   // which field, where that is what matters
	in    section // of an unknown name

	depth    int // levels that properties may have
	envelope *nameTable
	context  *nameTable
	hot      *nameTable
	utf8     *utf8Table
	words    []uint32 // places of the words that are not ASCII
}

func (s *scanner) init(depth int) {
	s.depth = depth
	s.names.seed = maphash.MakeSeed()
	s.envelope = newNameTable(sectionEnvelope)
	s.context = newNameTable(sectionContext)
	s.hot = newNameTable(sectionProperties)
	s.utf8 = newUTF8Table()
}

// scan reads buf, a copy of the event with its padding.
func (s *scanner) scan(buf []byte) bool {
	s.begin(buf)
	i := skipSpace(buf, 0)
	if buf[i] != '{' {
		return s.fail(faultNotObject, i)
	}
	if i = s.object(i+1, sectionEnvelope); i < 0 {
		return false
	}
	if i = skipSpace(buf, i); i != len(buf)-padding {
		return s.fail(faultTrailing, i)
	}
	// Names and punctuation are ASCII, and the bytes of a longer character
	// never look like a quote: so the check can wait until here, and is
	// needed only where a high bit was seen.
	if s.high&highBits != 0 {
		return s.checkUTF8()
	}
	return true
}

// begin forgets the event before.
func (s *scanner) begin(buf []byte) {
	s.buf = buf
	s.spans = [fieldCount]span{}
	s.high, s.longest, s.marked, s.zeros = 0, 0, 0, false
	s.fault, s.of = faultNone, fieldOther
}

// object reads the members of the envelope or of context, from after the brace.
func (s *scanner) object(i int, in section) int {
	buf, names := s.buf, s.envelope
	if in == sectionContext {
		names = s.context
	}
	last, high, longest := uint8(nameSlots), uint64(0), uint32(0)
	guess, strayed := names.strayed < 3, uint(0)
	i, more := s.open(i)
	for more {
		head, tail := load(buf, i), load(buf, i+8)
		at, miss := names.find(last, head, tail, guess)
		strayed += miss
		slot := &names.slots[at]
		last = at
		f := slot.field
		if slot.matches(head, tail) {
			i += slot.size
		} else if f, i = s.oddName(i, in); i < 0 {
			return -1
		}
		if buf[i] <= ' ' {
			i = skipSpace(buf, i)
		}
		if buf[i] != '"' || f <= fieldContext {
			if i = s.otherField(i, f); i < 0 {
				return -1
			}
			i, more = s.next(i)
			continue
		}
		from := i + 1
		i, high = plainEnd(buf, from, high)
		if endsText(buf, i) {
			s.spans[f] = span{uint32(from), uint32(i)}
			longest = max(longest, uint32(i-from))
			i += len(`","`)
			continue
		}
		if i = s.endText(f, from, i); i < 0 {
			return -1
		}
		if gap := nextName(buf, i); gap != 0 {
			i += gap
			continue
		}
		i, more = s.next(i)
	}
	names.strayed = (names.strayed + strayed + 1) / 2
	s.high |= high
	s.longest = max(s.longest, longest)
	return i
}

// endsText says whether a string ends at i and another name begins, with nothing
// but a comma between.
func endsText(buf []byte, i int) bool {
	return binary.LittleEndian.Uint32(buf[i:i+4])<<8 == '"'<<8|','<<16|'"'<<24
}

// nextName says how far the next name is from i, after a value, where nothing
// but a comma, or a comma and a blank, lies between; it is 0 otherwise.
func nextName(buf []byte, i int) int {
	switch word := binary.LittleEndian.Uint32(buf[i : i+4]); {
	case word<<8 == ','<<8|' '<<16|'"'<<24:
		return len(`, "`)
	case word<<16 == ','<<16|'"'<<24:
		return len(`,"`)
	}
	return 0
}

// endText ends the string value of f, from its first special character.
func (s *scanner) endText(f field, from, i int) int {
	mark := uint32(0)
	if s.buf[i] != '"' {
		if i = s.rest(i); i < 0 {
			return -1
		}
		mark = spanMark
		s.marked |= 1 << f
	}
	s.spans[f] = span{uint32(from), uint32(i) | mark}
	s.longest = max(s.longest, uint32(i-from))
	return i + 1
}

// open reads up to the first name of an object, from after the brace. It
// returns the index after the quote, or after the closing brace and false.
func (s *scanner) open(i int) (name int, more bool) {
	i = skipSpace(s.buf, i)
	switch s.buf[i] {
	case '"':
		return i + 1, true
	case '}':
		return i + 1, false
	}
	return s.stop(faultName, i), false
}

// next reads from the end of a member up to the next name, like open.
func (s *scanner) next(i int) (name int, more bool) {
	i = skipSpace(s.buf, i)
	switch s.buf[i] {
	case ',':
		if i = skipSpace(s.buf, i+1); s.buf[i] == '"' {
			return i + 1, true
		}
		return s.stop(faultName, i), false
	case '}':
		return i + 1, false
	}
	return s.stop(faultCommaOrBrace, i), false
}

// otherField reads the value of f where that is no string.
func (s *scanner) otherField(i int, f field) int {
	switch {
	case s.buf[i] == 'n':
		s.clear(f)
		return s.literal(i)
	case s.buf[i] == '{' && f == fieldProperties:
		s.clear(f)
		return s.properties(i)
	case s.buf[i] == '{' && f == fieldContext:
		s.clear(f)
		return s.object(i+1, sectionContext)
	}
	s.of = f
	return s.wrongType(i)
}

// clear forgets the value of f and, for an object, those inside it.
func (s *scanner) clear(f field) {
	s.spans[f] = span{}
	switch f {
	case fieldProperties:
		clear(s.spans[firstHot:])
	case fieldContext:
		clear(s.spans[firstContext:firstHot])
	}
}

// wrongType reports a value that f cannot have, if it is a value at all.
func (s *scanner) wrongType(i int) int {
	end := s.value(i, 0)
	if end < 0 {
		return -1
	}
	return s.stop(faultWrongType, i)
}

// oddName reads a name that is not written as expected, from after its quote up
// to the value: with escapes, with a blank before its colon, or unknown.
func (s *scanner) oddName(i int, in section) (field, int) {
	start := i
	end, escaped := s.str(i)
	if end < 0 {
		return fieldOther, -1
	}
	i = skipSpace(s.buf, end+1)
	f, known := s.lookup(start, end, escaped, in)
	switch {
	case !known:
		s.in = in
		return fieldOther, s.stop(faultUnknown, start)
	case s.buf[i] != ':':
		return fieldOther, s.stop(faultColon, i)
	}
	return f, i + 1
}

// lookup finds the field of a name that has been read.
func (s *scanner) lookup(from, to int, escaped bool, in section) (f field, known bool) {
	name := s.buf[from:to]
	if escaped {
		s.names.reset(0)
		name = s.names.unescape(name)
	}
	return in.lookup(name)
}

// text is the event without its padding.
func (s *scanner) text() []byte { return s.buf[:len(s.buf)-padding] }

// raw is the text of f as it was sent.
func (s *scanner) raw(f field) []byte {
	return s.buf[s.spans[f].from():s.spans[f].to()]
}

// fail notes what is wrong and where.
func (s *scanner) fail(f fault, at int) bool {
	s.fault, s.at = f, at
	return false
}

// failField notes what is wrong with a field that was read.
func (s *scanner) failField(fault fault, f field) bool {
	s.of = f
	return s.fail(fault, s.spans[f].from())
}

// stop is fail for the methods that return an index.
func (s *scanner) stop(f fault, at int) int {
	s.fail(f, at)
	return -1
}

// load reads eight bytes. The padding makes that possible up to the last one.
func load(buf []byte, i int) uint64 {
	return binary.LittleEndian.Uint64(buf[i : i+8])
}

func skipSpace(buf []byte, i int) int {
	for buf[i] == ' ' || buf[i] == '\n' || buf[i] == '\t' || buf[i] == '\r' {
		i++
	}
	return i
}
