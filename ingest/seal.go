package ingest

import (
	"strconv"
	"strings"
)

// A seal fixes the range of the block that is about to be written. It lives in
// Kafka, in the group's committed offset of the partition: the offset is the
// first of the range and says that everything before it is stored; the
// metadata string beside it names the last. An offset without metadata means
// that no block is in doubt.
//
// This is the whole state of delivery. Whoever owns the partition next reads
// it and rebuilds the very block.

// sealPrefix marks metadata as ours and names its version.
const sealPrefix = "millrace/1 sealed-to="

// sealMetadata is the metadata of a range that ends at offset last.
func sealMetadata(last int64) string { return sealPrefix + strconv.FormatInt(last, 10) }

// parseSeal reads metadata. No metadata, or somebody else's, is no seal.
func parseSeal(metadata string) (last int64, sealed bool) {
	text, ours := strings.CutPrefix(metadata, sealPrefix)
	if !ours {
		return noSeal, false
	}
	last, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return noSeal, false
	}
	return last, true
}
