package ingest

import (
	"fmt"
	"strconv"
	"strings"
)

// A seal fixes the block that is about to be written. It lives in Kafka, in
// the group's committed offset of the partition: the offset is the first of
// the range and says that everything before it is stored; the metadata string
// beside it names the last offset, and the instant at which the range was
// fixed, which is part of every row. An offset without metadata means that no
// block is in doubt.
//
// This is the whole state of delivery. Whoever owns the partition next reads
// it and rebuilds the very block.
type seal struct {
	last int64 // offset, noSeal for none
	at   int64 // milliseconds since 1970; 0 where the metadata is older than this field
}

// noSeal as the last offset of a seal says that no block is in doubt.
const noSeal = -1

// The metadata is a word that marks it as ours with its version, and fields.
// Seals of the first programs have no sealed-at.
const (
	sealMark = "millrace/1 "
	sealTo   = "sealed-to="
	sealAt   = "sealed-at="
)

// metadata is the seal as it is committed.
func (s seal) metadata() string {
	return sealMark + sealTo + strconv.FormatInt(s.last, 10) + " " + sealAt + strconv.FormatInt(s.at, 10)
}

// parseSeal reads metadata. No metadata, or somebody else's, is no seal.
//
// Metadata that is ours and cannot be read is an error: a newer program may
// have written the block already, under a name that only it knows.
func parseSeal(metadata string) (seal, error) {
	s := seal{last: noSeal}
	if !strings.HasPrefix(metadata, "millrace/") {
		return s, nil
	}
	fields, ours := strings.CutPrefix(metadata, sealMark)
	var err error
	for _, field := range strings.Fields(fields) {
		if text, is := strings.CutPrefix(field, sealTo); is {
			s.last, err = strconv.ParseInt(text, 10, 64)
		} else if text, is := strings.CutPrefix(field, sealAt); is {
			s.at, err = strconv.ParseInt(text, 10, 64)
		}
		ours = ours && err == nil
	}
	if !ours || s.last < 0 {
		return seal{last: noSeal}, fmt.Errorf("seal %q is not one that this program can read; the group was last served by a newer one, use that", metadata)
	}
	return s, nil
}
