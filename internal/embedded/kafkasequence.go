package embedded

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An idempotent producer numbers its batches, and a broker that keeps the last five numbers of each producer
// and partition answers a batch that is sent twice without storing it twice. kfake writes these numbers only
// when it is stopped, not when it is killed: a batch that was stored but not answered before a kill was then
// stored again. (Seen: 1,698 of 80,000 records twice.) The numbers are in the log too, so before the broker
// opens a log that is newer than the numbers, they are taken from there.
//
// This relies on the form of kfake's files, which go.mod pins; a test sends a batch again after a kill.

// keptSequences is kfake's file of numbers, version 1.
type keptSequences struct {
	Version int                `json:"version"`
	Windows []producerSequence `json:"windows"`
}

// producerSequence is what the broker remembers of one producer in one partition.
type producerSequence struct {
	Producer  int64            `json:"pid"`
	Topic     string           `json:"topic"`
	Partition int32            `json:"partition"`
	Batches   [5]batchSequence `json:"entries"`
	Count     uint8            `json:"count"`
	Next      uint8            `json:"at"` // where in Batches the next one goes
	Epoch     int16            `json:"epoch"`
	Seen      bool             `json:"seen"`
	NextSeq   int32            `json:"next_seq"`
}

type batchSequence struct {
	First  int32 `json:"first_seq"`
	Next   int32 `json:"next_seq"`
	Offset int64 `json:"offset"`
}

// push adds the next batch. A new epoch of the producer begins anew.
func (s *producerSequence) push(h batchHeader) {
	if s.Epoch != h.epoch {
		s.Count, s.Next = 0, 0
	}
	next := int32((int64(h.firstSeq) + int64(h.records)) % (1<<31 - 1)) // wraps as the protocol's do
	s.Batches[s.Next] = batchSequence{First: h.firstSeq, Next: next, Offset: h.offset}
	s.Next = (s.Next + 1) % uint8(len(s.Batches))
	s.Count = min(s.Count+1, uint8(len(s.Batches)))
	s.Epoch, s.Seen, s.NextSeq = h.epoch, true, next
}

// recoverSequences brings the file of numbers up to the log.
func recoverSequences(dataDir string) error {
	path := filepath.Join(dataDir, "seq_windows.json")
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a new broker
	}
	if err != nil {
		return err
	}
	var kept keptSequences
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err == nil && kept.Version != 1 {
		err = fmt.Errorf("version %d is not known", kept.Version)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	found, err := sequencesInLog(filepath.Join(dataDir, "partitions"), info.ModTime())
	if err != nil || len(found) == 0 {
		return err
	}
	kept.merge(found)
	return kept.write(path)
}

func (k *keptSequences) merge(found []producerSequence) {
	same := func(a, b producerSequence) bool {
		return a.Producer == b.Producer && a.Topic == b.Topic && a.Partition == b.Partition
	}
	for _, f := range found {
		k.Windows = slices.DeleteFunc(k.Windows, func(old producerSequence) bool { return same(old, f) })
	}
	k.Windows = append(k.Windows, found...)
}

func (k *keptSequences) write(path string) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}

// sequencesInLog reads the segments that changed after a time.
func sequencesInLog(partitions string, after time.Time) ([]producerSequence, error) {
	dirs, err := os.ReadDir(partitions)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var found []producerSequence
	for _, dir := range dirs {
		cut := strings.LastIndexByte(dir.Name(), '-')
		partition, errNumber := strconv.ParseInt(dir.Name()[cut+1:], 10, 32)
		topic, errTopic := url.PathUnescape(dir.Name()[:max(cut, 0)])
		if cut < 0 || errNumber != nil || errTopic != nil {
			continue
		}
		of, err := partitionSequences(filepath.Join(partitions, dir.Name()), after)
		if err != nil {
			return nil, err
		}
		for _, s := range of {
			s.Topic, s.Partition = topic, int32(partition)
			found = append(found, *s)
		}
	}
	return found, nil
}

func partitionSequences(dir string, after time.Time) (map[int64]*producerSequence, error) {
	segments, err := newestSegments(dir, after)
	if err != nil {
		return nil, err
	}
	producers := map[int64]*producerSequence{}
	for _, path := range segments {
		err := eachBatch(path, func(h batchHeader) {
			if h.producer < 0 || h.control {
				return
			}
			s := producers[h.producer]
			if s == nil {
				s = &producerSequence{Producer: h.producer, Epoch: h.epoch}
				producers[h.producer] = s
			}
			s.push(h)
		})
		if err != nil {
			return nil, err
		}
	}
	return producers, nil
}

// newestSegments lists, oldest first, the segments written after a time and the one before them, where the
// oldest of a producer's last five batches may be. None if nothing was written.
func newestSegments(dir string, after time.Time) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var bases []int64
	for _, e := range entries {
		name, isSegment := strings.CutSuffix(e.Name(), ".dat")
		if base, err := strconv.ParseInt(name, 10, 64); isSegment && err == nil {
			bases = append(bases, base)
		}
	}
	slices.Sort(bases)
	first := len(bases)
	for ; first > 0; first-- {
		info, err := os.Stat(filepath.Join(dir, fmt.Sprintf("%d.dat", bases[first-1])))
		if err != nil {
			return nil, err
		}
		if info.ModTime().Before(after) { // clocks of file systems are coarse: equal may be later
			break
		}
	}
	if first == len(bases) {
		return nil, nil
	}
	var paths []string
	for _, base := range bases[max(first-1, 0):] {
		paths = append(paths, filepath.Join(dir, fmt.Sprintf("%d.dat", base)))
	}
	return paths, nil
}

// batchHeader is the part of a Kafka record batch (magic 2) that concerns its producer.
type batchHeader struct {
	offset   int64
	producer int64 // -1: not idempotent
	epoch    int16
	firstSeq int32
	records  int32
	control  bool // a transaction's end, which takes no number
}

const (
	batchHeaderSize = 61
	batchLengthEnd  = 12 // the length counts what follows it
)

// eachBatch reads a segment up to its end or to the first batch that is cut short or damaged. kfake keeps the
// same batches and cuts the rest off: a number must not be remembered for a batch that is dropped, or the
// producer's next try would be thrown away.
func eachBatch(path string, visit func(batchHeader)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	r, left := bufio.NewReaderSize(file, 1<<20), info.Size()
	var batch []byte
	for left >= batchHeaderSize {
		start, err := r.Peek(batchLengthEnd)
		if err != nil {
			return err
		}
		size := batchLengthEnd + int64(int32(binary.BigEndian.Uint32(start[8:])))
		if size < batchHeaderSize || size > left {
			return nil
		}
		batch = slices.Grow(batch[:0], int(size))[:size]
		if _, err := io.ReadFull(r, batch); err != nil {
			return err
		}
		if binary.BigEndian.Uint32(batch[17:]) != crc32.Checksum(batch[21:], castagnoli) {
			return nil
		}
		visit(readHeader(batch))
		left -= size
	}
	return nil
}

func readHeader(batch []byte) batchHeader {
	return batchHeader{
		offset:   int64(binary.BigEndian.Uint64(batch)),
		control:  binary.BigEndian.Uint16(batch[21:])&0x20 != 0,
		producer: int64(binary.BigEndian.Uint64(batch[43:])),
		epoch:    int16(binary.BigEndian.Uint16(batch[51:])),
		firstSeq: int32(binary.BigEndian.Uint32(batch[53:])),
		records:  int32(binary.BigEndian.Uint32(batch[57:])),
	}
}
