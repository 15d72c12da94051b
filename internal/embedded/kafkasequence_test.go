package embedded

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawProducer sends numbered batches as a producer does, but decides itself what to send again.
type rawProducer struct {
	client *kgo.Client
	id     int64
	epoch  int16
}

func newRawProducer(t *testing.T, client *kgo.Client) *rawProducer {
	t.Helper()
	answer, err := kmsg.NewPtrInitProducerIDRequest().RequestWith(t.Context(), client)
	if err != nil || answer.ErrorCode != 0 {
		t.Fatalf("ask for a producer id: %v, code %d", err, answer.ErrorCode)
	}
	return &rawProducer{client: client, id: answer.ProducerID, epoch: answer.ProducerEpoch}
}

// send produces the batch numbered n, of one record, and returns the offset that the broker answers.
func (p *rawProducer) send(t *testing.T, topic string, n int32) int64 {
	t.Helper()
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis = -1, 5000
	ofTopic := kmsg.NewProduceRequestTopic()
	ofTopic.Topic, ofTopic.TopicID = topic, p.topicID(t, topic)
	ofPartition := kmsg.NewProduceRequestTopicPartition()
	ofPartition.Records = p.batch(n)
	ofTopic.Partitions = append(ofTopic.Partitions, ofPartition)
	request.Topics = append(request.Topics, ofTopic)
	answer, err := request.RequestWith(t.Context(), p.client)
	if err != nil {
		t.Fatal(err)
	}
	got := answer.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
		t.Fatalf("batch %d: %v", n, err)
	}
	return got.BaseOffset
}

func (p *rawProducer) topicID(t *testing.T, topic string) [16]byte {
	t.Helper()
	topics, err := kadm.NewClient(p.client).ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	return topics[topic].ID
}

func (p *rawProducer) batch(n int32) []byte {
	record := kmsg.Record{Value: fmt.Appendf(nil, "%d", n)}
	record.Length = int32(len(record.AppendTo(nil)) - 1) // the length's own byte is not counted
	b := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1,
		Magic:                2,
		ProducerID:           p.id,
		ProducerEpoch:        p.epoch,
		FirstSequence:        n,
		NumRecords:           1,
		Records:              record.AppendTo(nil),
	}
	b.Length = int32(len(b.AppendTo(nil)) - batchLengthEnd)
	raw := b.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[17:], crc32.Checksum(raw[21:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// TestKafkaStoresABatchOnceOverAKill sends the last batches again after the broker was killed, as a producer
// does that got no answer. They are recognised: the answer names their first offset, and the log stays.
func TestKafkaStoresABatchOnceOverAKill(t *testing.T) {
	s := startStack(t, t.TempDir(), Kafka)
	client := kafkaClient(t, s.Addresses().Kafka)
	makeTopic(t, client, "events.of-3", 1, 1)
	p := newRawProducer(t, client)
	for n := range int32(9) {
		if offset := p.send(t, "events.of-3", n); offset != int64(n) {
			t.Fatalf("batch %d: got offset %d", n, offset)
		}
	}
	for range 2 { // the second time the numbers were written by us, not by kfake
		pid := s.PID(Kafka)
		kill(t, pid)
		awaitNewPID(t, s, Kafka, pid)
		for n := int32(4); n < 9; n++ {
			if offset := p.send(t, "events.of-3", n); offset != int64(n) {
				t.Errorf("batch %d again: got offset %d, want %d", n, offset, n)
			}
		}
	}
	if offset := p.send(t, "events.of-3", 9); offset != 9 {
		t.Errorf("a new batch: got offset %d, want 9", offset)
	}
	if got := logLength(t, client, "events.of-3"); got != 10 {
		t.Errorf("log: got %d records, want 10", got)
	}
}

// TestSequencesStopWhereTheLogIsDamaged: a batch that the broker drops must not count as stored.
func TestSequencesStopWhereTheLogIsDamaged(t *testing.T) {
	p := &rawProducer{id: 7}
	whole := append(p.batch(0), p.batch(1)...)
	damaged := bytes.Clone(whole)
	damaged[len(damaged)-1] ^= 0xff
	for name, tc := range map[string]struct {
		log  []byte
		want uint8 // batches that count
	}{
		"whole":        {whole, 2},
		"cut short":    {whole[:len(whole)-1], 1},
		"damaged":      {damaged, 1},
		"only a start": {whole[:20], 0},
		"zeros":        {make([]byte, 1000), 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "0.dat"), tc.log, 0o644); err != nil {
				t.Fatal(err)
			}
			producers, err := partitionSequences(dir, time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			var got uint8
			if s := producers[7]; s != nil {
				got = s.Count
			}
			if got != tc.want {
				t.Errorf("got %d batches, want %d", got, tc.want)
			}
		})
	}
}

func TestSequencesKeepTheLastFive(t *testing.T) {
	var s producerSequence
	for n := range int32(7) {
		s.push(batchHeader{offset: int64(n), firstSeq: n, records: 1})
	}
	if s.Count != 5 || s.Next != 2 || s.NextSeq != 7 || s.Batches[1].First != 6 || s.Batches[2].First != 2 {
		t.Errorf("got %+v", s)
	}
	s.push(batchHeader{offset: 7, epoch: 1, firstSeq: 0, records: 3})
	if s.Count != 1 || s.NextSeq != 3 || s.Epoch != 1 {
		t.Errorf("after a new epoch: got %+v", s)
	}
}
