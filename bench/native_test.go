package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// nativeBlock is rows as the store itself would send them, ready to be sent
// back.
type nativeBlock struct {
	token string
	rows  int
	body  []byte
}

// bestNative is the store's own limit: ready blocks of the same rows, from
// memory, with as many connections as are best.
func (a *arena) bestNative(t *testing.T) lane {
	t.Helper()
	a.makeBlocks(t)
	var best lane
	bestRate := 0.0
	for _, connections := range []int{1, 2, 3, 4} {
		l := a.nativeLane(connections)
		r := a.run(t, l)
		t.Logf("native blocks over %d connections: %.0f events/s", connections, r.rate())
		if r.rate() > bestRate {
			best, bestRate = l, r.rate()
		}
	}
	return best
}

func (a *arena) nativeLane(connections int) lane {
	return lane{name: "native", open: func(t *testing.T, r trial) running {
		var sending sync.WaitGroup
		return running{
			begin: func(t *testing.T) {
				blocks := make(chan nativeBlock, len(a.blocks)) // all of them
				for _, block := range a.blocks {
					blocks <- block
				}
				close(blocks)
				for range connections {
					sending.Go(func() {
						for block := range blocks {
							if err := r.insert(block); err != nil {
								t.Error(err)
							}
						}
					})
				}
			},
			end: func(*testing.T) memberUsage {
				sending.Wait()
				return memberUsage{}
			},
			pid: os.Getpid(), // it sends the blocks itself
		}
	}}
}

// makeBlocks fills a database through Millrace and reads it back as blocks,
// each of one partition and in the order of its offsets.
func (a *arena) makeBlocks(t *testing.T) {
	t.Helper()
	r := a.newTrial(t, fullTopic, a.events)
	defer r.drop(t)
	live := a.millrace("millrace", "").open(t, r)
	live.begin(t)
	r.await(t)
	live.end(t)
	columns := strings.Join(strings.Fields(loopColumns), " ")
	// In the order of users the rows of a block lie in every part of the table.
	r.must(t, "CREATE TABLE by_offset ENGINE = MergeTree ORDER BY (kafka_partition, kafka_offset) AS SELECT "+columns+" FROM events")
	for partition := range *partitionCount {
		where := " FROM by_offset WHERE kafka_partition = " + strconv.Itoa(partition)
		count, err := strconv.Atoi(r.must(t, "SELECT count()"+where))
		if err != nil {
			t.Fatal(err)
		}
		for from := 0; from < count; from += a.otherRows() {
			to := min(from+a.otherRows(), count)
			body := r.mustRaw(t, fmt.Sprintf("SELECT %s%s AND kafka_offset >= %d AND kafka_offset < %d ORDER BY kafka_offset FORMAT Native SETTINGS max_block_size = %d",
				columns, where, from, to, a.otherRows()))
			a.blocks = append(a.blocks, nativeBlock{token: fmt.Sprintf("%d/%d", partition, from), rows: to - from, body: body})
		}
	}
}

// insert sends a block with the settings of Millrace's own inserts.
func (r trial) insert(b nativeBlock) error {
	query := url.Values{
		"database":                   {r.database},
		"query":                      {"INSERT INTO events (" + loopColumns + ") FORMAT Native"},
		"async_insert":               {"0"},
		"insert_deduplicate":         {"1"},
		"insert_deduplication_token": {b.token},
		"deduplicate_blocks_in_dependent_materialized_views": {"1"},
		"max_partitions_per_insert_block":                    {"0"},
	}
	answer, err := http.Post(r.url+"/?"+query.Encode(), "application/octet-stream", bytes.NewReader(b.body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("insert %s: %s: %s", b.token, answer.Status, text)
	}
	return err
}

// relayedNative is how many bytes a ready block has for each row.
func relayedNative(blocks []nativeBlock) float64 {
	size, rows := 0, 0
	for _, b := range blocks {
		size, rows = size+len(b.body), rows+b.rows
	}
	return float64(size) / float64(rows)
}
