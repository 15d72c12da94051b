package chdb

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// When writes have failed, a token's line may be among what was not written, while its part is whole: the retry
// of the block would be stored a second time. So the server leaves behind when it last knew that all was well,
// and the next start, unless the end before was in good order, sets aside each part that is younger and has no
// line. Whoever wrote such a part has not been told that it is stored: nothing is acknowledged without a look.

// soundFile tells by its time of modification when no write had failed yet; the epoch stands for an end in good
// order. A time, unlike a byte, can be written to a full disk.
const soundFile = "millrace.sound"

// noteSound leaves behind that at this instant no write had failed.
func noteSound(dir string, at time.Time) error {
	return os.Chtimes(filepath.Join(dir, soundFile), at, at)
}

// noteGoodOrder makes the file, or leaves it, as it is when there is no doubt.
func noteGoodOrder(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, soundFile), os.O_CREATE, 0o640)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), noteSound(dir, time.Unix(0, 0)))
}

// setDoubtfulAside moves parts in doubt that have no token into their tables' directory detached, where
// ClickHouse keeps what it does not trust. It returns how many there were.
func setDoubtfulAside(dir string) (int, error) {
	info, err := os.Stat(filepath.Join(dir, soundFile))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.ModTime().Unix() == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	const clock = 20 * time.Millisecond // file systems round their times down to a tick of the kernel
	since := info.ModTime().Add(-clock)
	logs, err := tokenLogs(dir)
	if err != nil {
		return 0, err
	}
	known := map[string]*knownParts{} // by table
	for _, log := range logs {
		lines, err := readTokens(log, 0)
		if err != nil {
			return 0, err
		}
		table := filepath.Dir(filepath.Dir(log))
		if known[table] == nil {
			known[table] = &knownParts{named: map[part]bool{}, oldest: math.MaxInt64}
		}
		known[table].add(logNumber(log), lines)
	}
	count := 0
	for table, parts := range known {
		n, err := setAside(table, parts, since)
		if count += n; err != nil {
			return count, fmt.Errorf("set doubtful parts of %s aside: %w", table, err)
		}
	}
	return count, nil
}

// knownParts are those that have a line in a table's logs, and the first block of those that can have one:
// the logs are cut at their beginning.
type knownParts struct {
	named  map[part]bool
	oldest int64
}

func (k *knownParts) add(logNumber int, lines []tokenLine) {
	if logNumber == 1 {
		k.oldest = 0
	}
	for _, l := range lines {
		k.named[l.part] = true
		k.oldest = min(k.oldest, l.part.min)
	}
}

// setAside moves the parts of a table that are of one insert, as young as since, and have no line although they
// should.
func setAside(table string, known *knownParts, since time.Time) (int, error) {
	entries, err := os.ReadDir(table)
	if err != nil {
		return 0, err
	}
	count := 0
	for _, e := range entries {
		path := filepath.Join(table, e.Name())
		p, ok := parsePart(e.Name())
		if !ok || p.min != p.max || p.min < known.oldest || known.named[p] {
			continue
		}
		var stat unix.Stat_t
		if err := unix.Lstat(path, &stat); err != nil {
			return count, err
		}
		if time.Unix(stat.Ctim.Unix()).Before(since) {
			continue
		}
		aside := fmt.Sprintf("doubtful_%s_%d", e.Name(), time.Now().UnixNano()) // the name may have been there before
		if err := os.Rename(path, filepath.Join(table, "detached", aside)); err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}
