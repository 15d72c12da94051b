package ingest

import (
	"time"

	"millrace/internal/event"
)

// shares are how the memory of a process is divided. All sizes are in bytes.
//
// Whatever the backlog, nothing of it grows: what a partition may hold is fixed
// when the group is joined, by the number of partitions that this process may
// have to serve alone.
type shares struct {
	fetch          int // one answer of a broker, as it comes over the wire
	fetchPartition int // the part of one partition in it
	queue          int // what a partition has fetched ahead, unpacked
	ids            int // events that a partition's memory of repeats holds
	small          int // a block that any partition may fill at any time
	large          int // a block of which there are a few
	larges         int // how many
}

const (
	// program is what the process needs apart from events: code, stacks,
	// connections, metrics.
	program = 64 << 20
	// unpacked is how much larger records are in memory than in the answer of
	// a broker: they are compressed there, and have no Go structs around them.
	unpacked = 5
	// manyLarge bounds the number of large blocks: enough for the store to be
	// busy, few enough for each to be worth an insert. (Measured: a row costs the
	// store 1.4 times as much where there are eight, and half as large. With its
	// merges it costs a twentieth less where there are three than where there are
	// four; two cost less still, but take longer by the clock.)
	manyLarge = 3
	// blocksEach is how many blocks a partition has.
	blocksEach = 2
)

// divide plans the memory of a process: a sixteenth of what events may take is
// for answers of brokers and for queues, a quarter for the memories of repeats,
// five eighths for blocks; of that again a quarter for small ones. One quarter of
// the whole stays free, for the garbage collector to work with.
//
// Longer queues cost time: what waits in them has left the processor's caches
// when its turn comes, and is more than unpacker keeps to use again.
func divide(cfg Config, partitions, brokers int) shares {
	partitions, brokers = max(partitions, 1), max(brokers, 1)
	events := (cfg.MaxMemory - program) / 4 * 3
	fetched, ids, blocks := events/16, events/4, events/8*5
	small := clamp(256<<10, blocks/4/(blocksEach*partitions), 4<<20)
	larges := min(manyLarge, blocksEach*partitions)
	return shares{
		fetch:          clamp(1<<20, fetched/3/unpacked/brokers, 16<<20),
		fetchPartition: clamp(64<<10, fetched/3/unpacked/partitions, 8<<20),
		queue:          clamp(64<<10, fetched/3/partitions, cfg.MaxQueuedBytes),
		ids:            min(ids/rememberedBytes/partitions, cfg.RepeatIDs),
		small:          small,
		large:          max((blocks-small*blocksEach*partitions)/larges, small),
		larges:         larges,
	}
}

// LeastRows is how many events of 400 bytes close a block at the earliest, in a
// process that may have to serve so many partitions of both topics. How many
// blocks are written in a second at most, and so for how many of them the store
// has to know the tokens, follows from it.
func (c Config) LeastRows(partitions int) int {
	const rowBytes = 400 // in columns, with room to grow
	return min(c.MaxRows, divide(c, partitions, 1).small/rowBytes)
}

// clamp is n, or the bound that it exceeds; the upper one wins.
func clamp(least, n, most int) int { return min(max(n, least), most) }

// budget is the memory of this process for blocks. Each partition has small
// blocks of its own. Large ones are shared: a partition whose last block was
// full asks for one, so that under a backlog of many partitions a few large
// blocks are on their way instead of many small ones. Where none is free it
// waits, but no longer than a block may be old, and goes on with a small one
// then. A large block returns when it has landed; nobody keeps one without
// having records to store.
type budget struct {
	shares
	free chan *event.Batch // capacity larges: those that nobody has
}

// newBudget returns a budget of which nothing is taken. Large blocks take
// memory when they are filled for the first time.
func newBudget(s shares) *budget {
	b := &budget{shares: s, free: make(chan *event.Batch, s.larges)}
	for range s.larges {
		b.free <- new(event.Batch)
	}
	return b
}

// take returns a large batch for a partition that has records to store, or nil
// where none comes free in time or stop ends the wait.
func (b *budget) take(within time.Duration, stop, lost <-chan struct{}) *event.Batch {
	select {
	case batch := <-b.free:
		return empty(batch, b.large)
	case <-time.After(within):
	case <-stop:
	case <-lost:
	}
	return nil
}

// empty is the batch without rows. One whose columns have all been large at
// some time, each for other events, is left to the garbage collector.
func empty(batch *event.Batch, size int) *event.Batch {
	if batch.Footprint() > 2*size {
		return new(event.Batch)
	}
	batch.Reset()
	return batch
}

// give takes a large batch back.
func (b *budget) give(batch *event.Batch) { b.free <- batch }
