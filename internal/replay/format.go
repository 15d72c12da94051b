package replay

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
)

// detect finds the format of a file by its name, then by its beginning.
func detect(base string, begin []byte) Format {
	if bytes.HasPrefix(begin, []byte("PAR1")) {
		return FormatParquet
	}
	switch strings.ToLower(filepath.Ext(base)) {
	case ".csv":
		return FormatCSV
	case ".tsv", ".tab":
		return FormatTSV
	case ".ndjson", ".jsonl", ".json":
		return FormatNDJSON
	case ".parquet", ".pq":
		return FormatParquet
	}
	text := bytes.TrimLeft(begin, " \t\r\n\ufeff")
	if len(text) > 0 && text[0] == '{' {
		return FormatNDJSON
	}
	first, _, _ := bytes.Cut(text, []byte{'\n'})
	switch {
	case bytes.IndexByte(first, '\t') >= 0 && !hasBlankRuns(first):
		return FormatTSV
	case delimiterOf(first) != 0 && delimiterOf(first) != '\t':
		return FormatCSV
	}
	return FormatBlank
}

// hasBlankRuns reports whether columns look aligned by blanks.
func hasBlankRuns(line []byte) bool {
	return bytes.Contains(line, []byte("  ")) || bytes.Contains(line, []byte(" \t")) || bytes.Contains(line, []byte("\t "))
}

// delimiterOf is the likeliest separator of a line of CSV, 0 where there is
// none. Quoted text does not count.
func delimiterOf(line []byte) byte {
	counts := [4]int{}
	candidates := [4]byte{',', ';', '\t', '|'}
	quoted := false
	for _, c := range line {
		if c == '"' {
			quoted = !quoted
		}
		if i := bytes.IndexByte(candidates[:], c); i >= 0 && !quoted {
			counts[i]++
		}
	}
	best := 0
	for i := range counts {
		if counts[i] > counts[best] {
			best = i
		}
	}
	if counts[best] == 0 {
		return 0
	}
	return candidates[best]
}

// checkText refuses beginnings that no text format can have, with the remedy.
func checkText(name string, begin []byte) error {
	if bytes.HasPrefix(begin, []byte{0xff, 0xfe}) || bytes.HasPrefix(begin, []byte{0xfe, 0xff}) {
		return fmt.Errorf("%s is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8", name)
	}
	if bytes.HasPrefix(begin, []byte("PK\x03\x04")) {
		return fmt.Errorf("%s is a zip archive (or a spreadsheet); unpack it, or save it as CSV, first", name)
	}
	return nil
}

// isEnvelope reports whether lines of NDJSON are events already: each has a
// type and a user, and nothing that an event does not have, or an object as
// properties or context.
func isEnvelope(begin []byte) bool {
	seen := 0
	for line := range bytes.Lines(begin) {
		line = bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff")))
		if len(line) == 0 {
			continue
		}
		var fields members
		if !fields.split(line) {
			continue // broken, or cut off by the end of the sample
		}
		if !fields.looksLikeEnvelope() {
			return false
		}
		seen++
	}
	return seen > 0
}
