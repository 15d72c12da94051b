package chdb

import (
	"encoding/binary"
	"fmt"
	"sort"
)

// state is what the prefix of a type told: the shape of Dynamic and JSON parts.
type state struct {
	of    []*state
	shape *columnType // what a Dynamic or JSON column turned out to hold
	flat  bool        // Dynamic in its flattened form
}

const (
	dynamicV1   = 1
	dynamicV2   = 2
	dynamicFlat = 3
	jsonV1      = 0
	jsonString  = 1
	jsonV2      = 2
	jsonFlat    = 3
)

// prefix walks over what stands before a column's data.
func (w *blockWalker) prefix(t *columnType) (*state, error) {
	switch t.kind {
	case kindNullable, kindArray, kindTuple:
		return w.prefixes(t.of)
	case kindLowCardinality:
		return nil, w.skip(8) // version of the keys' serialization
	case kindVariant:
		mode, err := w.uint64()
		if err != nil {
			return nil, err
		}
		if mode != 0 {
			return nil, fmt.Errorf("compact discriminators are not supported")
		}
		return w.prefixes(t.of)
	case kindDynamic:
		return w.dynamicPrefix()
	case kindJSON:
		return w.jsonPrefix(t)
	case kindOpaque:
		return nil, fmt.Errorf("an aggregate state inside of another type is not supported")
	default:
		return nil, nil
	}
}

func (w *blockWalker) prefixes(types []*columnType) (*state, error) {
	s := &state{of: make([]*state, len(types))}
	for i, t := range types {
		var err error
		if s.of[i], err = w.prefix(t); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *state) at(i int) *state {
	if s == nil {
		return nil
	}
	return s.of[i]
}

// data walks over the values of a column.
func (w *blockWalker) data(t *columnType, s *state, rows uint64) error {
	switch t.kind {
	case kindFixed:
		return w.skip(rows * uint64(t.width))
	case kindString:
		return w.strings(rows)
	case kindNullable:
		if err := w.skip(rows); err != nil {
			return err
		}
		return w.data(t.of[0], s.at(0), rows)
	case kindArray:
		n, err := w.lastOffset(rows)
		if err != nil || n == 0 {
			return err
		}
		return w.data(t.of[0], s.at(0), n)
	case kindTuple:
		for i, of := range t.of {
			if err := w.data(of, s.at(i), rows); err != nil {
				return err
			}
		}
		return nil
	case kindLowCardinality:
		return w.lowCardinality(t, rows)
	case kindVariant:
		return w.variant(t, s, rows)
	case kindDynamic:
		return w.dynamic(s, rows)
	case kindJSON:
		return w.json(s, rows)
	default:
		return fmt.Errorf("not supported")
	}
}

// lastOffset walks over an array's offsets; the last one is the number of nested values.
func (w *blockWalker) lastOffset(rows uint64) (uint64, error) {
	if rows == 0 {
		return 0, nil
	}
	if err := w.skip((rows - 1) * 8); err != nil {
		return 0, err
	}
	n, err := w.uint64()
	if err == nil && n > maxRows {
		err = fmt.Errorf("array of %d values", n)
	}
	return n, err
}

// lowCardinality walks over dictionary and indexes, which lie in one or several granules.
func (w *blockWalker) lowCardinality(t *columnType, rows uint64) error {
	for rows > 0 {
		flags, err := w.uint64()
		if err != nil {
			return err
		}
		if flags&(1<<8) != 0 {
			return fmt.Errorf("a shared dictionary is not supported")
		}
		if flags&(1<<9) != 0 {
			keys, err := w.uint64()
			if err != nil {
				return err
			}
			if err := w.data(t.of[0], nil, keys); err != nil {
				return err
			}
		}
		n, err := w.uint64()
		if err != nil {
			return err
		}
		if n == 0 || n > rows {
			return fmt.Errorf("dictionary indexes for %d of %d rows", n, rows)
		}
		width := flags & 0xff
		if width > 3 {
			return fmt.Errorf("dictionary index type %d", width)
		}
		if err := w.skip(n << width); err != nil {
			return err
		}
		rows -= n
	}
	return nil
}

// variant walks over discriminators, then over each type's values.
func (w *blockWalker) variant(t *columnType, s *state, rows uint64) error {
	counts, err := w.countBytes(rows)
	if err != nil {
		return err
	}
	for i, of := range t.of {
		if counts[i] == 0 {
			continue
		}
		if err := w.data(of, s.at(i), counts[i]); err != nil {
			return err
		}
	}
	return nil
}

// countBytes walks over n bytes and counts each value.
func (w *blockWalker) countBytes(n uint64) (counts [256]uint64, err error) {
	for n > 0 {
		if err = w.need(1); err != nil {
			return counts, err
		}
		m := min(n, uint64(w.end-w.pos))
		for _, b := range w.buf[w.pos : w.pos+int(m)] {
			counts[b]++
		}
		w.pos += int(m)
		n -= m
	}
	return counts, nil
}

// typeList reads the names of types and parses them.
func (w *blockWalker) typeList() (*columnType, error) {
	n, err := w.uvarint()
	if err != nil {
		return nil, err
	}
	if n > 65535 {
		return nil, fmt.Errorf("%d types in a Dynamic column", n)
	}
	t := &columnType{kind: kindVariant}
	for range n {
		name, err := w.text()
		if err != nil {
			return nil, err
		}
		of, err := parseColumnType(name)
		if err != nil {
			return nil, err
		}
		t.of = append(t.of, of)
	}
	return t, nil
}

func (w *blockWalker) dynamicPrefix() (*state, error) {
	version, err := w.uint64()
	if err != nil {
		return nil, err
	}
	switch version {
	case dynamicV1:
		if _, err := w.uvarint(); err != nil { // the most types allowed
			return nil, err
		}
	case dynamicV2, dynamicFlat:
	default:
		return nil, fmt.Errorf("Dynamic in serialization %d is not supported", version)
	}
	shape, err := w.typeList()
	if err != nil {
		return nil, err
	}
	s := &state{shape: shape, flat: version == dynamicFlat}
	if s.flat {
		inner, err := w.prefixes(shape.of)
		if err != nil {
			return nil, err
		}
		s.of = inner.of
		return s, nil
	}
	shape.of = append(shape.of, &columnType{name: "SharedVariant", kind: kindString})
	sort.Slice(shape.of, func(i, j int) bool { return shape.of[i].name < shape.of[j].name })
	inner, err := w.prefix(shape)
	if err != nil {
		return nil, err
	}
	s.of = inner.of
	return s, nil
}

func (w *blockWalker) dynamic(s *state, rows uint64) error {
	if !s.flat {
		return w.variant(s.shape, s, rows)
	}
	// Flattened: an index a row, as wide as the number of types asks, the last value is NULL.
	counts, err := w.countIndexes(rows, len(s.shape.of))
	if err != nil {
		return err
	}
	for i, of := range s.shape.of {
		if counts[i] == 0 {
			continue
		}
		if err := w.data(of, s.of[i], counts[i]); err != nil {
			return err
		}
	}
	return nil
}

func (w *blockWalker) countIndexes(rows uint64, types int) ([]uint64, error) {
	if types < 256 {
		counts, err := w.countBytes(rows)
		return counts[:], err
	}
	counts := make([]uint64, 65536)
	for range rows {
		if err := w.need(2); err != nil {
			return nil, err
		}
		counts[binary.LittleEndian.Uint16(w.buf[w.pos:])]++
		w.pos += 2
	}
	return counts, nil
}

// jsonPrefix reads which paths a JSON column has; declared paths come first, then the others.
func (w *blockWalker) jsonPrefix(t *columnType) (*state, error) {
	version, err := w.uint64()
	if err != nil {
		return nil, err
	}
	shape := &columnType{kind: kindTuple, of: append([]*columnType(nil), t.of...)}
	switch version {
	case jsonString:
		return &state{shape: &columnType{kind: kindTuple, of: []*columnType{{kind: kindString}}}}, nil
	case jsonV1:
		if _, err := w.uvarint(); err != nil { // the most paths allowed
			return nil, err
		}
	case jsonV2, jsonFlat:
	default:
		return nil, fmt.Errorf("JSON in serialization %d is not supported", version)
	}
	paths, err := w.uvarint()
	if err != nil {
		return nil, err
	}
	if paths > maxColumns {
		return nil, fmt.Errorf("JSON of %d paths", paths)
	}
	for range paths {
		if _, err := w.text(); err != nil {
			return nil, err
		}
		shape.of = append(shape.of, &columnType{kind: kindDynamic})
	}
	s, err := w.prefixes(shape.of)
	if err != nil {
		return nil, err
	}
	if version != jsonFlat { // the remaining paths lie in a Map(String, String)
		text := &columnType{kind: kindString}
		pair := &columnType{kind: kindTuple, of: []*columnType{text, text}}
		shape.of = append(shape.of, &columnType{kind: kindArray, of: []*columnType{pair}})
		s.of = append(s.of, nil)
	}
	s.shape = shape
	return s, nil
}

func (w *blockWalker) json(s *state, rows uint64) error {
	for i, of := range s.shape.of {
		var inner *state
		if i < len(s.of) {
			inner = s.of[i]
		}
		if err := w.data(of, inner, rows); err != nil {
			return err
		}
	}
	return nil
}
