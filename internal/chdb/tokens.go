package chdb

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A table with a deduplication window keeps a log of the insert tokens it has seen, in
// deduplication_logs/deduplication_log_<n>.txt: a line for each part, "1", the part's name and the
// token, divided by tabs; "2" takes a token back.
//
// The engine writes that line first and renames the part's directory into place afterwards, one
// system call later. A process that is killed between the two, or a rename that fails, leaves the
// token of a part that never came to be: the retry of its block would be dropped as a duplicate, and
// the rows would be lost. So such tokens are looked for, and taken back, before the engine opens.

// tokenForm is the form of a line.
var tokenForm = regexp.MustCompile(`^([12])\t([^\t\n]*)\t([^\t\n]*)\n$`)

// orphan is a token whose part is not there.
type orphan struct {
	log   string // path of the log
	at    int64  // where its line begins
	token string
}

// mendTokens takes back the tokens of parts that never came to be, and the lines that were not written
// whole. Nothing else may use the directory meanwhile. It needs no space on the disk: a line is taken
// back by its first byte. It returns how many tokens there were.
func mendTokens(dir string) (int, error) {
	logs, err := tokenLogs(dir)
	if err != nil {
		return 0, err
	}
	for _, log := range logs {
		if err := mendLines(log); err != nil {
			return 0, err
		}
	}
	orphans, err := orphanTokens(logs, nil)
	if err != nil {
		return 0, err
	}
	for _, o := range orphans {
		if err := writeIn(o.log, o.at, "2"); err != nil {
			return 0, err
		}
	}
	return len(orphans), nil
}

// tokenLogs lists the logs of all tables, each table's in the order of their numbers.
func tokenLogs(dir string) ([]string, error) {
	found, err := fs.Glob(os.DirFS(dir), "store/*/*/deduplication_logs/deduplication_log_*.txt")
	if err != nil {
		return nil, err // a bad pattern, which it is not
	}
	for i := range found {
		found[i] = filepath.Join(dir, found[i])
	}
	slices.SortFunc(found, func(a, b string) int {
		return cmp.Or(cmp.Compare(filepath.Dir(a), filepath.Dir(b)), cmp.Compare(logNumber(a), logNumber(b)))
	})
	return found, nil
}

func logNumber(path string) int {
	name := strings.TrimSuffix(filepath.Base(path), ".txt")
	n, _ := strconv.Atoi(name[strings.LastIndexByte(name, '_')+1:])
	return n
}

// orphanTokens lists the tokens without a part that stand in the logs behind the offsets in from.
func orphanTokens(logs []string, from map[string]int64) ([]orphan, error) {
	var all []orphan
	for len(logs) > 0 {
		table := filepath.Dir(filepath.Dir(logs[0]))
		n := slices.IndexFunc(logs, func(l string) bool { return !strings.HasPrefix(l, table+string(filepath.Separator)) })
		if n < 0 {
			n = len(logs)
		}
		found, err := orphansOf(table, logs[:n], from)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // else the table was dropped meanwhile
			return nil, fmt.Errorf("read the insert tokens of %s: %w", table, err)
		}
		all, logs = append(all, found...), logs[n:]
	}
	return all, nil
}

// orphansOf looks at one table. The parts are listed after the logs have been read: what was
// written in good order by then has its part.
func orphansOf(table string, logs []string, from map[string]int64) ([]orphan, error) {
	seen := map[string]tokenLine{} // by token
	for _, log := range logs {
		lines, err := readTokens(log, from[log])
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			if l.add {
				seen[l.token] = l
			} else {
				delete(seen, l.token)
			}
		}
	}
	if len(seen) == 0 {
		return nil, nil
	}
	parts, err := partsOf(table)
	if err != nil {
		return nil, err
	}
	var orphans []orphan
	for _, l := range seen {
		if !slices.ContainsFunc(parts, l.part.isIn) {
			orphans = append(orphans, l.orphan)
		}
	}
	return orphans, nil
}

// tokenLine is a line of a log.
type tokenLine struct {
	orphan
	part part
	add  bool
}

// readTokens reads a log from an offset on. A line that is none, or that names its part in a way of
// older engines, is left alone.
func readTokens(path string, from int64) ([]tokenLine, error) {
	text, err := readFrom(path, from)
	if err != nil {
		return nil, err
	}
	var lines []tokenLine
	at := from
	for line := range bytes.Lines(text) {
		l := tokenLine{orphan: orphan{log: path, at: at}}
		at += int64(len(line))
		fields := tokenForm.FindSubmatch(line)
		if fields == nil {
			continue
		}
		var known bool
		l.add, l.token = string(fields[1]) == "1", string(fields[3])
		if l.part, known = parsePart(string(fields[2])); known || !l.add {
			lines = append(lines, l)
		}
	}
	return lines, nil
}

func readFrom(path string, from int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(f)
}

// part is what the name of a part's directory says: partition_min_max_level, and a mutation's number
// behind it. A merged part holds the blocks from min to max.
type part struct {
	partition string
	min, max  int64
}

func (p part) isIn(other part) bool {
	return p.partition == other.partition && other.min <= p.min && p.max <= other.max
}

// parsePart reads a part's name. Temporary, detached and removed ones have more fields.
func parsePart(name string) (p part, ok bool) {
	fields := strings.Split(name, "_")
	if len(fields) != 4 && len(fields) != 5 {
		return part{}, false
	}
	var numbers [4]int64
	for i, field := range fields[1:] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return part{}, false
		}
		numbers[i] = n
	}
	p = part{fields[0], numbers[0], numbers[1]}
	return p, p.min <= p.max // else the name is of an old engine: first day, last day, min, max, level
}

func partsOf(table string) ([]part, error) {
	entries, err := os.ReadDir(table)
	if err != nil {
		return nil, err
	}
	var parts []part
	for _, e := range entries {
		if p, ok := parsePart(e.Name()); ok && e.IsDir() {
			parts = append(parts, p)
		}
	}
	return parts, nil
}

// mendLines takes away what stands behind the last line's end, and makes lines that are none into lines that
// say nothing: the engine would read no further, also not what is written later.
func mendLines(path string) error {
	text, err := readFrom(path, 0)
	if err != nil {
		return err
	}
	at := int64(0)
	for line := range bytes.Lines(text) {
		switch {
		case !bytes.HasSuffix(line, []byte("\n")):
			return os.Truncate(path, at)
		case !tokenForm.Match(line) && len(line) >= 4:
			if err := writeIn(path, at, "2\t"+strings.Repeat("x", len(line)-4)+"\t\n"); err != nil {
				return err
			}
		}
		at += int64(len(line))
	}
	return nil
}

// writeIn overwrites a part of a file and sees it to the disk.
func writeIn(path string, at int64, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(text), at)
	return errors.Join(err, f.Sync(), f.Close())
}
