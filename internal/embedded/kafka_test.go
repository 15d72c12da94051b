package embedded

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// startStack starts engines for one test, on free ports, with data in dir.
func startStack(t *testing.T, dir string, engines ...Engine) *Stack {
	t.Helper()
	requireEngines(t, engines...)
	s, err := Start(t.Context(), testConfig(t, dir, engines...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopStack(t, s) })
	return s
}

func testConfig(t *testing.T, dir string, engines ...Engine) Config {
	cfg := DefaultConfig()
	cfg.DataDir = dir
	cfg.Engines = engines
	cfg.Ports = AutoPorts()
	cfg.Logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	return cfg
}

func stopStack(t *testing.T, s *Stack) {
	t.Helper()
	if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

func kafkaClient(t *testing.T, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	// Eager clients, so that a killed broker costs a test no five seconds.
	eager := []kgo.Opt{kgo.SeedBrokers(addr), kgo.MetadataMinAge(20 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 20 * time.Millisecond })}
	client, err := kgo.NewClient(append(eager, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func makeTopic(t *testing.T, client *kgo.Client, topic string, partitions int32, replicas int16) {
	t.Helper()
	answer, err := kadm.NewClient(client).CreateTopic(t.Context(), partitions, replicas, nil, topic)
	if err != nil || answer.Err != nil {
		t.Fatalf("create topic %s: %v, %v", topic, err, answer.Err)
	}
}

// readAll reads a topic until it has want records, and returns their values in order of arrival.
func readAll(t *testing.T, addr, topic string, want int) [][]byte {
	t.Helper()
	client := kafkaClient(t, addr, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var values [][]byte
	for len(values) < want {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v", len(values), want, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, r.Value) })
	}
	return values
}

func TestKafkaTopicHasThePartitionsAskedFor(t *testing.T) {
	addr := startStack(t, t.TempDir(), Kafka).Addresses().Kafka
	client := kafkaClient(t, addr)
	for replicas, topic := range map[int16]string{1: "one_replica", -1: "default_replicas"} {
		makeTopic(t, client, topic, 7, replicas)
		topics, err := kadm.NewClient(client).ListTopics(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(topics[topic].Partitions); got != 7 {
			t.Errorf("%s: got %d partitions, want 7", topic, got)
		}
	}
}

func TestKafkaKeepsEveryCodec(t *testing.T) {
	addr := startStack(t, t.TempDir(), Kafka).Addresses().Kafka
	for name, codec := range map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	} {
		t.Run(name, func(t *testing.T) {
			client := kafkaClient(t, addr, kgo.ProducerBatchCompression(codec))
			makeTopic(t, client, name, 1, 1)
			value := bytes.Repeat([]byte("abcdefgh"), 5000)
			for range 10 {
				client.Produce(t.Context(), &kgo.Record{Topic: name, Value: value}, func(_ *kgo.Record, err error) {
					if err != nil {
						t.Error(err)
					}
				})
			}
			if err := client.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, got := range readAll(t, addr, name, 10) {
				if !bytes.Equal(got, value) {
					t.Errorf("read %d other bytes, want the %d written", len(got), len(value))
				}
			}
		})
	}
}

// TestKafkaRestartKeepsLogAndCommits stops the broker, both ways, and looks for the log, the group's
// offset and the metadata of its commit.
func TestKafkaRestartKeepsLogAndCommits(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, s *Stack){
		"stopped": stopStack,
		"killed": func(t *testing.T, s *Stack) {
			kill(t, s.PID(Kafka))
			stopStack(t, s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			first := startStack(t, dir, Kafka)
			client := kafkaClient(t, first.Addresses().Kafka)
			makeTopic(t, client, "events", 3, 1)
			produceNumbers(t, client, "events", 300)
			commit := kadm.Offsets{}
			commit.Add(kadm.Offset{Topic: "events", Partition: 2, At: 17, LeaderEpoch: -1, Metadata: "17-42"})
			if err := kadm.NewClient(client).CommitAllOffsets(t.Context(), "group", commit); err != nil {
				t.Fatal(err)
			}
			end(t, first)

			addr := startStack(t, dir, Kafka).Addresses().Kafka
			readAll(t, addr, "events", 300)
			offsets, err := kadm.NewClient(kafkaClient(t, addr)).FetchOffsets(t.Context(), "group")
			if err != nil {
				t.Fatal(err)
			}
			got, _ := offsets.Lookup("events", 2)
			if got.At != 17 || got.Metadata != "17-42" {
				t.Errorf("commit: got offset %d, metadata %q, want 17, %q", got.At, got.Metadata, "17-42")
			}
		})
	}
}

func produceNumbers(t *testing.T, client *kgo.Client, topic string, n int) {
	t.Helper()
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Key: strconv.AppendInt(nil, int64(i), 10), Value: strconv.AppendInt(nil, int64(i), 10)}
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// kill ends a process the hard way.
func kill(t *testing.T, pid int) {
	t.Helper()
	if pid == 0 {
		t.Fatal("nothing to kill: the engine has no process")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// awaitNewPID waits until the engine runs in another process than old.
func awaitNewPID(t *testing.T, s *Stack, e Engine, old int) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for look := time.NewTicker(5 * time.Millisecond); ; {
		if pid := s.PID(e); pid != 0 && pid != old {
			look.Stop()
			return
		}
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("%s was not started again", e)
		}
	}
}

// TestKafkaKillLosesNoAcknowledgedRecord kills the broker three times while a producer works. The same
// producer goes on afterwards, and every record is in the log exactly once.
func TestKafkaKillLosesNoAcknowledgedRecord(t *testing.T) {
	s := startStack(t, t.TempDir(), Kafka)
	addr := s.Addresses().Kafka
	client := kafkaClient(t, addr)
	makeTopic(t, client, "events", 4, 1)
	const rounds, each = 4, 20_000
	for round := range rounds {
		pid := s.PID(Kafka)
		for i := range each {
			value := fmt.Appendf(nil, "%d", round*each+i)
			client.Produce(t.Context(), &kgo.Record{Topic: "events", Key: value, Value: value}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
			if i == each/2 && round < rounds-1 {
				kill(t, pid)
			}
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if round < rounds-1 {
			awaitNewPID(t, s, Kafka, pid)
		}
	}
	different := map[string]bool{}
	for _, value := range readAll(t, addr, "events", rounds*each) {
		different[string(value)] = true
	}
	if got := logLength(t, client, "events"); len(different) != rounds*each || got != rounds*each {
		t.Errorf("got %d records in the log, %d of them different, want %d of both", got, len(different), rounds*each)
	}
}

func logLength(t *testing.T, client *kgo.Client, topic string) (records int64) {
	t.Helper()
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { records += o.Offset })
	return records
}

// TestKafkaLogSpansSegments fills many small segments and reads them all again after a kill.
func TestKafkaLogSpansSegments(t *testing.T) {
	dir := t.TempDir()
	first := startStack(t, dir, Kafka)
	client := kafkaClient(t, first.Addresses().Kafka, kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(20_000))
	small := "65536"
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, map[string]*string{"segment.bytes": &small}, "events"); err != nil {
		t.Fatal(err)
	}
	produceNumbers(t, client, "events", 50_000)
	kill(t, first.PID(Kafka))
	stopStack(t, first)
	segments, err := filepath.Glob(filepath.Join(dir, "kafka", "partitions", "events-0", "*.dat"))
	if err != nil || len(segments) < 5 {
		t.Fatalf("got %d segments (%v), want several", len(segments), err)
	}
	for i, value := range readAll(t, startStack(t, dir, Kafka).Addresses().Kafka, "events", 50_000) {
		if string(value) != strconv.Itoa(i) {
			t.Fatalf("record %d: got %s", i, value)
		}
	}
}
