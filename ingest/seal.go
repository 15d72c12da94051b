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
// A broker that loses the end of its log, in an unclean election, gives the same
// offsets to other records. The epoch of its leader tells them apart.
//
// This is the whole state of delivery. Whoever owns the partition next reads
// it and rebuilds the very block.
type seal struct {
	last  int64 // offset, noSeal for none
	at    int64 // milliseconds since 1970; 0 where the metadata is older than this field
	epoch int32 // leader epoch of the last record, part of the block's token; 0 for none
}

// noSeal as the last offset of a seal says that no block is in doubt.
const noSeal = -1

// The metadata is a word that marks it as ours with its version, and fields.
// Seals of the first programs have no sealed-at. One with an epoch has a version
// of its own, because a program that did not know it would name the block otherwise.
const (
	sealMark      = "millrace/1 "
	sealMarkEpoch = "millrace/2 "
	sealTo        = "sealed-to="
	sealAt        = "sealed-at="
	sealEpoch     = "epoch="
)

// metadata is the seal as it is committed.
func (s seal) metadata() string {
	fields := sealTo + strconv.FormatInt(s.last, 10) + " " + sealAt + strconv.FormatInt(s.at, 10)
	if s.epoch > 0 {
		return sealMarkEpoch + fields + " " + sealEpoch + strconv.FormatInt(int64(s.epoch), 10)
	}
	return sealMark + fields
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
	fields, known := strings.CutPrefix(metadata, sealMark)
	if !known {
		fields, known = strings.CutPrefix(metadata, sealMarkEpoch)
	}
	for _, field := range strings.Fields(fields) {
		name, value, _ := strings.Cut(field, "=")
		number, err := strconv.ParseInt(value, 10, 64)
		switch name + "=" {
		case sealTo:
			s.last = number
		case sealAt:
			s.at = number
		case sealEpoch:
			s.epoch = int32(number)
		default:
			continue // of a newer program, which names the block as this one does
		}
		known = known && err == nil
	}
	if !known || s.last < 0 {
		return seal{last: noSeal}, fmt.Errorf("seal %q is not one that this program can read; the group was last served by a newer one, use that", metadata)
	}
	return s, nil
}
