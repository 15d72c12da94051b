package event

import (
	"bytes"
	"math/bits"
)

// properties reads the properties object, from its brace. It notes where the
// hoisted values lie.
func (s *scanner) properties(i int) int {
	buf, names, brace := s.buf, s.hot, i
	last, high, longest := uint8(nameSlots), uint64(0), uint32(0)
	seen, repeated := uint64(0), false
	s.seen = nameFilter{}
	guess, strayed := names.strayed < 3, uint(0)
	i, more := s.open(i + 1)
	for more {
		head, tail := load(buf, i), load(buf, i+8)
		at, miss := names.find(last, head, tail, guess)
		strayed += miss
		slot := &names.slots[at]
		last = at
		f := slot.field
		if slot.matches(head, tail) {
			i += slot.size
			repeated = seen>>at&1 != 0 || repeated
			seen |= 1 << at
			high |= head | tail // a learned name may be of any script
		} else {
			old := false
			if f, i, old = s.freeName(i, head); i < 0 {
				return -1
			}
			repeated = old || repeated
		}
		if buf[i] <= ' ' {
			i = skipSpace(buf, i)
		}
		if buf[i] != '"' {
			if i = s.property(i, f); i < 0 {
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
	if i < 0 {
		return -1
	}
	names.strayed = (names.strayed + strayed + 1) / 2
	s.high |= high
	s.longest = max(s.longest, longest)
	s.spans[fieldProperties] = span{uint32(brace), uint32(i)}
	if repeated && s.hasRepeats() {
		s.spans[fieldProperties].end |= spanMark
		s.marked |= 1 << fieldProperties
	}
	return i
}

// property reads a value that is no string, and notes the place of a number.
func (s *scanner) property(i int, f field) int {
	if c := s.buf[i]; c != '-' && c-'0' >= 10 {
		s.spans[f] = span{}
		return s.value(i, 1)
	}
	end := s.number(i)
	s.spans[f] = span{uint32(i) | spanMark, uint32(end)}
	s.longest = max(s.longest, uint32(max(end-i, 0)))
	return end
}

// freeName reads a name that the table does not hold, up to its value, and
// learns it. It says whether the name may have been there before.
func (s *scanner) freeName(i int, head uint64) (f field, value int, old bool) {
	start := i
	end, escaped := s.str(i)
	if end < 0 {
		return fieldOther, -1, false
	}
	if s.buf[end+1] == ':' && !escaped {
		// A name that has just moved into a slot is not marked there as seen.
		learned := s.hot.learn(s.buf[start:end], head)
		var tail uint64
		if end-start >= 8 { // before a shorter name there may be less than eight bytes
			tail = load(s.buf, end-8)
		}
		old = s.seen.add(head, tail, end-start)
		return fieldOther, end + 2, learned || old
	}
	// Written in another way it may be any name, hoisted ones too.
	if i = skipSpace(s.buf, end+1); s.buf[i] != ':' {
		return fieldOther, s.stop(faultColon, i), false
	}
	f, _ = s.lookup(start, end, escaped, sectionProperties)
	return f, i + 1, true
}

// nameFilter remembers the names that are in no slot, roughly: it never takes
// one that was added for a new one.
type nameFilter [4]uint64

// add says whether a name, or one that looks like it, was added before. It
// takes the first and the last eight bytes of the name; of a shorter one only
// the first, which reach beyond it.
func (n *nameFilter) add(head, tail uint64, size int) bool {
	if size < 8 {
		head &= 1<<(8*size) - 1
	} else {
		head ^= bits.RotateLeft64(tail, 29)
	}
	h := (head + uint64(size)) * 0x9e3779b97f4a7c15 >> 56
	word, bit := &n[h>>6], uint64(1)<<(h&63)
	saw := *word&bit != 0
	*word |= bit
	return saw
}

// hasRepeats says whether two of the properties have the same name.
func (s *scanner) hasRepeats() bool {
	s.listMembers()
	s.names.reset(len(s.members))
	for _, m := range s.members {
		if !s.names.add(s.memberName(m)) {
			return true
		}
	}
	return false
}

// member is the place of one name within properties, without its quotes. One
// that a later member replaces ends at 0.
type member struct{ start, end uint32 }

func (m member) dropped() bool { return m.end == 0 }

// listMembers reads properties, which are known to be valid, again for the
// places of their names.
func (s *scanner) listMembers() {
	s.members = s.members[:0]
	i, high := s.spans[fieldProperties].from(), s.high
	for s.buf[i] != '}' {
		if i = skipSpace(s.buf, i+1); s.buf[i] == '}' {
			break // there is nothing in them
		}
		start := i + 1
		end, _ := s.str(start)
		s.members = append(s.members, member{uint32(start), uint32(end)})
		i = skipSpace(s.buf, end+1) // to the colon
		i = s.value(skipSpace(s.buf, i+1), 0)
		i = skipSpace(s.buf, i) // to the comma or the brace
	}
	s.high = high
}

// memberName is a member's name, unescaped.
func (s *scanner) memberName(m member) []byte {
	name := s.buf[m.start:m.end]
	if bytes.IndexByte(name, '\\') < 0 {
		return name
	}
	return s.names.unescape(name)
}

// uniqueProperties is the text of properties with only the last member of each
// name. The members that stay are copied with the comma that follows them; the
// last one always stays, so the commas come out right.
func (d *Decoder) uniqueProperties(a *scratch) string {
	d.listMembers() // there may have been other properties before these
	raw, base := d.raw(fieldProperties), d.spans[fieldProperties].from()
	d.dropReplaced()
	dst := append(newText(a, len(raw))[:0], '{')
	for i, m := range d.members {
		if m.dropped() {
			continue
		}
		end := len(raw)
		if i+1 < len(d.members) {
			end = int(d.members[i+1].start) - 1 - base
		}
		dst = append(dst, raw[int(m.start)-1-base:end]...)
	}
	return borrowed(dst)
}

// dropReplaced marks the members that a later one replaces.
func (s *scanner) dropReplaced() {
	s.names.reset(len(s.members))
	for i := len(s.members) - 1; i >= 0; i-- {
		if !s.names.add(s.memberName(s.members[i])) {
			s.members[i].end = 0
		}
	}
}
