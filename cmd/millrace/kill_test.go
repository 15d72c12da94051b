package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"millrace/internal/traffic"
)

// TestStoreKilledDuringReplay replays generated events and kills ClickHouse
// with SIGKILL again and again while rows stream in. Every record that Kafka
// has acknowledged is accounted for afterwards, once, and the views agree.
func TestStoreKilledDuringReplay(t *testing.T) {
	events, kills := 1_000_000, 5
	if testing.Short() {
		events, kills = 100_000, 2
	}
	file := generated(t, events)
	r := up(t, t.TempDir(), "--batch-rows", "50000")

	replayed := make(chan int, 1)
	var said, summary lockedBuffer
	go func() {
		replayed <- run(t.Context(), []string{"replay", file, "--kafka", r.Kafka, "--wait"}, &summary, &said)
	}()
	killed := 0
	for killed < kills {
		share := float64(killed+1) / float64(kills+1) // spread over the replay
		eventually(t, "the store holds the next share of the events", func() bool {
			return storedNow(r) >= int(share*float64(events)*0.9) // some are repeats
		})
		if len(replayed) > 0 {
			break
		}
		before := enginePID(t, r.dir)
		if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		killed++
		eventually(t, "ClickHouse is back", func() bool { return storedNow(r) >= 0 && enginePID(t, r.dir) != before })
	}
	if code := <-replayed; code != exitOK {
		t.Fatalf("replay ended with %d: %s", code, &said)
	}
	if killed < kills {
		t.Errorf("the store was killed %d times before the replay ended, want %d", killed, kills)
	}
	// The generator repeats some events; those are left out, and accounted for.
	equal(t, "records accounted for, different offsets", clickhouse(t, r, `
		SELECT count(), uniqExact(kafka_partition, kafka_offset) FROM (
			SELECT kafka_partition, kafka_offset FROM events UNION ALL SELECT kafka_partition, kafka_offset FROM duplicates)
		FORMAT TSV`), fmt.Sprintf("%d\t%d", events, events))
	equal(t, "events stored twice", clickhouse(t, r, "SELECT count() - uniqExact(event_id) FROM events"), 0)
	equal(t, "dead letters", clickhouse(t, r, "SELECT count() FROM dead_letters"), 0)
	checkWindows(t, r)
	t.Logf("%d events, ClickHouse killed %d times; %s", events, killed, strings.TrimSpace(summary.String()))
}

// generated writes events of the traffic generator into a file.
func generated(t *testing.T, events int) string {
	t.Helper()
	cfg := traffic.DefaultConfig()
	cfg.Users, cfg.Rate = 20_000, 1000
	generator, err := traffic.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "generated.ndjson")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	out := bufio.NewWriterSize(file, 1<<20)
	pace := traffic.Pace{Start: time.Now().Add(-time.Hour), Rate: cfg.Rate}
	var line []byte
	for n := range events {
		e, _ := generator.Next(pace.At(int64(n)))
		line = append(e.AppendJSON(line[:0]), '\n')
		out.Write(line) // a failure shows in Flush
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// enginePID reads who holds the store's data directory.
func enginePID(t *testing.T, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "clickhouse", "millrace.lock"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0 // the next holder is just writing it
	}
	return pid
}

// storedNow is the number of rows, -1 while the store does not answer.
func storedNow(r *running) int {
	text, err := ask(r, "SELECT count() FROM events")
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}
