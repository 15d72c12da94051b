package ingest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"millrace/internal/event"
)

func TestDivideStaysWithinTheBudget(t *testing.T) {
	for _, megabytes := range []int{128, 256, 512, 4096} {
		for _, partitions := range []int{0, 1, 2, 8, 64, 500} {
			cfg := DefaultConfig()
			cfg.MaxMemory = megabytes << 20
			s := divide(cfg, partitions, 3)
			n := max(partitions, 1)
			// Each partition may have two fetches unpacked at a time: one in its
			// queue, one being put into blocks.
			events := 3*s.fetch*unpacked + n*(2*s.queue+2*s.fetchPartition*unpacked+s.ids*rememberedBytes+blocksEach*s.small) + s.larges*s.large
			if limit := cfg.MaxMemory - program; events > limit && megabytes >= 256 && n <= megabytes/8 {
				t.Errorf("%d MiB, %d partitions: events may take %d MiB, want at most %d", megabytes, n, events>>20, limit>>20)
			}
			if rows := cfg.LeastRows(partitions); rows <= 0 || rows > cfg.MaxRows {
				t.Errorf("%d MiB, %d partitions: blocks of %d rows at least", megabytes, n, rows)
			}
			if s.large < s.small || s.ids <= 0 || s.queue <= 0 || s.fetchPartition <= 0 {
				t.Errorf("%d MiB, %d partitions: %+v", megabytes, n, s)
			}
		}
	}
}

// A consumer in a process of its own works off backlogs in many partitions,
// into a store that is slow, and its memory stays within the budget.
func TestMemoryStaysWithinTheBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a gigabyte of records")
	}
	for _, tc := range []struct {
		name            string
		partitions      int32
		records, padded int // padded: bytes of random text in each
		megabytes       int
	}{
		{"small events", 32, 250_000, 300, 192},
		{"large events", 48, 1_500, 150_000, 192},
	} {
		t.Run(tc.name, func(t *testing.T) {
			brokers := broker(t, tc.partitions)
			fillTopic(t, brokers, tc.records, tc.padded)
			peak := peakOfChild(t, brokers, tc.megabytes, tc.records)
			t.Logf("%d records of %d bytes in %d partitions: peak %d MiB", tc.records, tc.padded, tc.partitions, peak>>20)
			if peak > tc.megabytes<<20 {
				t.Errorf("the process had %d MiB resident, want at most %d", peak>>20, tc.megabytes)
			}
		})
	}
}

// fillTopic writes records with text that cannot be compressed much.
func fillTopic(t *testing.T, brokers []string, records, padded int) {
	t.Helper()
	cfg := DefaultProducerConfig()
	cfg.Brokers, cfg.MaxBuffered = brokers, max(100, 20<<20/padded)
	producer, err := NewProducer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	failed := make(chan error, records)
	for n := range records {
		text := make([]byte, padded)
		for i := range text {
			text[i] = 'a' + byte(rng.Uint32()%26)
		}
		value := fmt.Appendf(nil, `{"event_id":"e%d","type":"view","user_id":"u%d","properties":{"text":"%s"}}`, n, n, text)
		producer.PublishAsync(t.Context(), Record{Key: fmt.Appendf(nil, "u%d", n), Value: value}, func(err error) {
			if err != nil {
				failed <- err
			}
		})
	}
	if err := producer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(failed) > 0 {
		t.Fatal(<-failed)
	}
}

// memoryChild is the environment variable that makes a test binary a consumer.
const memoryChild = "MILLRACE_TEST_MEMORY_CHILD"

// peakOfChild runs a consumer until it has stored all records, and returns the
// most memory that it had resident.
func peakOfChild(t *testing.T, brokers []string, megabytes, records int) (peak int) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestMemoryChild$", "-test.timeout=2m")
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", memoryChild, brokers[0], megabytes, records))
	var errs bytes.Buffer
	child.Stderr = &errs
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		child.Process.Kill()
		child.Wait()
	}()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if text, is := strings.CutPrefix(lines.Text(), "peak "); is {
			if peak, err = strconv.Atoi(text); err != nil {
				t.Fatal(err)
			}
			return peak
		}
	}
	t.Fatalf("the consumer ended too early: %s", &errs)
	return 0
}

// TestMemoryChild is the consumer of peakOfChild.
func TestMemoryChild(t *testing.T) {
	text := os.Getenv(memoryChild)
	if text == "" {
		t.Skip("a part of TestMemoryStaysWithinTheBudget")
	}
	var address string
	var megabytes, records int
	if _, err := fmt.Sscan(text, &address, &megabytes, &records); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Brokers, cfg.MaxMemory = []string{address}, megabytes<<20
	debug.SetMemoryLimit(cfg.GoMemoryLimit())
	sink := &slowSink{stored: make(chan int)}
	nothing := newRemembering()
	consumer, err := NewConsumer(cfg, Deps{Sink: sink, Recall: nothing, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	runConsumer(t, consumer)
	for left := records; left > 0; {
		left -= <-sink.stored
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("peak %d\n", kilobytes<<10)
}

// slowSink takes 40 ms and a microsecond per row for each write, whatever else
// is written meanwhile.
type slowSink struct{ stored chan int }

func (s *slowSink) Write(ctx context.Context, b *event.Batch, _ string) error {
	select {
	case <-time.After(40*time.Millisecond + time.Duration(b.Len())*time.Microsecond):
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case s.stored <- b.Len():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *slowSink) WriteDeadLetters(context.Context, []event.DeadLetter, string) error { return nil }
