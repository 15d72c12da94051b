package ingest

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/internal/event"
)

// unknownOffset is the next offset of a partition that the group has never
// committed: the first record says where it begins.
const unknownOffset = -1

// noSeal says that no block is in doubt.
const noSeal = -1

// partition is one assigned partition. Two goroutines share its work:
//
//	build: queue ─▶ decode ─▶ block ─▶ store: seal ─▶ write ─▶ advance
//
// build owns the block being filled; handing it over through blocks, which has
// no capacity, gives it to store. So the next block is built while one is
// written, and at most one block is in doubt.
type partition struct {
	key     partitionKey
	cfg     *Config
	sink    Sink
	recall  Recall // may be nil
	metrics *metrics
	log     *slog.Logger
	commits *committer
	queue   *queue
	resume  func() // continue fetching after a pause

	ctx      context.Context    // ends when the partition is lost, or stopping took too long
	abandon  context.CancelFunc // ends ctx
	stopping chan struct{}      // closed: store what is held, then end
	done     chan struct{}      // closed when both goroutines have ended

	blocks chan *block // no capacity: a block has exactly one owner
	free   chan *block // capacity 2: both blocks fit

	sealed time.Time // when the block in doubt was sealed last; owned by store

	// Owned by build once started.
	decoder  *event.Decoder
	memory   *memory          // nil where recall is
	covered  prometheus.Gauge // how far back memory reaches
	building *block
	next     int64 // the offset that comes next
	until    int64 // where the seal ends that an earlier owner left open; noSeal once it is done
}

// start begins work at what the group has committed: the offset next, and the
// last offset of the seal that was found open there, or noSeal.
func (p *partition) start(next, until int64) {
	p.next, p.until = next, until
	p.free <- new(block)
	p.building = new(block)
	p.building.reset(next)
	go p.build()
	go func() {
		defer close(p.done)
		p.store()
	}()
}

// build fills blocks until the partition is stopped or lost.
func (p *partition) build() {
	defer close(p.blocks)
	if !p.remember() {
		return
	}
	age := time.NewTimer(p.cfg.MaxAge)
	age.Stop()
	defer age.Stop()
	var spent []*kgo.Record
	for {
		// A block that is due goes to store as soon as store is free; until
		// then it keeps growing, so a slow store gets larger blocks.
		var due chan<- *block
		switch {
		case p.until != noSeal || p.building.empty(): // a sealed range ends by offset, not by age
		case p.due():
			p.building.closedBy = "age"
			due = p.blocks
		default:
			age.Reset(time.Until(p.building.opened.Add(p.cfg.MaxAge)))
		}
		select {
		case <-p.ctx.Done():
			return
		case <-p.stopping:
			p.handOverLast()
			return
		case <-age.C:
		case due <- p.building:
			p.refill()
		case <-p.queue.ready:
			records, resume := p.queue.take(spent)
			if !p.accept(records) {
				return
			}
			spent = records
			if resume {
				p.resume()
			}
		}
	}
}

// remember reads what the store has of this partition, so that repeats are
// known from the first record on. It reports false when the partition was lost
// meanwhile.
func (p *partition) remember() bool {
	if p.recall == nil {
		return true
	}
	p.memory = newMemory(p.cfg.RepeatIDs, p.cfg.RepeatHorizon)
	if p.next == unknownOffset {
		return true // nothing of it has ever been stored
	}
	return nil == p.retry("read the stored ids", func() error {
		p.memory = newMemory(p.cfg.RepeatIDs, p.cfg.RepeatHorizon)
		return p.memory.load(p.recall.RecentIDs(p.ctx, p.key.topic, p.key.partition, p.next-int64(p.cfg.RepeatIDs), p.next))
	})
}

// due reports whether the block is old enough to be stored.
func (p *partition) due() bool {
	return time.Since(p.building.opened) >= p.cfg.MaxAge
}

// accept adds records and hands over each block that is full. It reports false
// when the partition was lost meanwhile.
func (p *partition) accept(records []*kgo.Record) bool {
	for _, r := range records {
		p.expect(r)
		if p.until != noSeal && r.Offset > p.until { // what ended the sealed range is gone
			p.building.last, p.next = p.until, r.Offset
			if !p.handOver("takeover") {
				return false
			}
		}
		p.building.add(p.decoder, p.memory, r)
		p.next = r.Offset + 1
		if by := p.full(); by != "" && !p.handOver(by) {
			return false
		}
	}
	return true
}

// expect reports records that retention or compaction has taken away before
// they could be stored.
func (p *partition) expect(r *kgo.Record) {
	if p.next == unknownOffset {
		p.next = r.Offset
		p.building.reset(r.Offset)
	}
	if missing := r.Offset - p.next; missing > 0 {
		p.metrics.gaps.Add(float64(missing))
		p.log.Error("records are gone from Kafka before they were stored",
			"topic", p.key.topic, "partition", p.key.partition, "first_offset", p.next, "last_offset", r.Offset-1, "records", missing)
	}
}

// full says what closes the block now, "" for nothing. A block whose range was
// sealed by an earlier owner closes at that range and nowhere else.
func (p *partition) full() string {
	b := p.building
	switch {
	case p.until != noSeal && b.last < p.until:
		return ""
	case p.until != noSeal:
		return "takeover"
	case b.rows() >= p.cfg.MaxRows:
		return "rows"
	case b.batch.Bytes() >= p.cfg.MaxBytes:
		return "bytes"
	}
	return ""
}

// handOver waits until store takes the block, and begins the next. It reports
// false when the partition was lost meanwhile.
func (p *partition) handOver(closedBy string) bool {
	p.building.closedBy = closedBy
	select {
	case p.blocks <- p.building:
		p.refill()
		return true
	case <-p.ctx.Done():
		return false
	}
}

// handOverLast gives store what is held when the partition stops. A range that
// was sealed by an earlier owner and is not complete is left to the next.
func (p *partition) handOverLast() {
	if !p.building.empty() && p.until == noSeal {
		p.handOver("stop")
	}
}

// refill takes the other block. It never waits long: store has returned the
// one before when it takes the next.
func (p *partition) refill() {
	p.until = noSeal
	select {
	case p.building = <-p.free:
		p.building.reset(p.next)
		if p.memory != nil {
			p.covered.Set(p.memory.covers(time.Now().UnixMilli()).Seconds())
		}
	case <-p.ctx.Done():
	}
}

// store takes blocks one after the other: seal, write, advance.
func (p *partition) store() {
	for b := range p.blocks {
		for b != nil {
			if !p.land(b) {
				p.drain()
				return
			}
			end := position{key: p.key, offset: b.last + 1, epoch: b.epoch}
			p.free <- b
			// The next seal acknowledges this block. Only when no block is
			// waiting does that take a commit of its own.
			if b = p.waiting(); b == nil && !p.advance(end) {
				p.drain()
				return
			}
		}
	}
}

// waiting is the block that build wants to hand over at this moment, or nil.
func (p *partition) waiting() *block {
	select {
	case b := <-p.blocks:
		return b
	default:
		return nil
	}
}

// advance commits that everything before end is stored. It reports false when
// the partition is no longer ours.
func (p *partition) advance(end position) bool {
	return p.retry("advance", func() error { return p.commits.commit(p.ctx, end) }) == nil
}

// drain lets build end, whose hand-over would wait otherwise.
func (p *partition) drain() {
	<-p.ctx.Done()
	for range p.blocks {
	}
}

// land brings a block into the store. It reports false when the partition is
// no longer ours.
func (p *partition) land(b *block) bool {
	if !p.landPiece(b, b.whole()) {
		return false
	}
	p.count(b)
	return true
}

// landPiece seals the piece and writes it until the store has acknowledged.
//
// A piece that the store refuses for its content has landed nothing, so it may
// be sealed anew as something smaller: it is halved until the rows at fault
// are alone, and these become dead letters. Each part is sealed like a block
// of its own; the seal of the second part acknowledges the first.
func (p *partition) landPiece(b *block, s piece) bool {
	if !p.seal(b, s) {
		return false
	}
	token, letters := s.token(p.cfg.Group, p.key), b.lettersOf(s)
	from, to := b.rowsOf(s)
	err := p.send(b, s, token, from, to)
	switch {
	case err == nil:
	case !isRejected(err):
		return false
	case to-from > 1:
		middle := b.batch.KafkaOffset[(from+to)/2]
		p.log.Warn("the store refuses rows for their content, halving", "token", token, "rows", to-from, "error", err)
		return p.landPiece(b, piece{s.first, middle - 1}) && p.landPiece(b, piece{middle, s.last})
	default:
		letter := b.refused(from, err)
		p.metrics.deadLetters.WithLabelValues(string(letter.Reason)).Inc()
		letters = append(slices.Clip(letters), letter)
	}
	return p.sendLetters(b, s, token, letters) && p.sendDuplicates(b, s, token)
}

// send writes rows [from, to) until the store has acknowledged or refused them.
func (p *partition) send(b *block, s piece, token string, from, to int) error {
	if from == to {
		return nil
	}
	rows := &b.batch
	if to-from < rows.Len() {
		rows = rows.Range(from, to)
	}
	return p.retry("write "+token, func() error {
		start := time.Now()
		err := p.attempt(b, s, func(ctx context.Context) error { return p.sink.Write(ctx, rows, token) })
		if err == nil {
			p.metrics.writeSeconds.Observe(time.Since(start).Seconds())
		}
		return err
	})
}

// sendLetters writes dead letters until the store has acknowledged. It reports
// false when the partition is no longer ours.
func (p *partition) sendLetters(b *block, s piece, token string, letters []event.DeadLetter) bool {
	if len(letters) == 0 {
		return true
	}
	return nil == p.retry("write dead letters of "+token, func() error {
		return p.attempt(b, s, func(ctx context.Context) error { return p.sink.WriteDeadLetters(ctx, letters, token) })
	})
}

// sendDuplicates writes what was left out, until the store has acknowledged.
// It reports false when the partition is no longer ours.
func (p *partition) sendDuplicates(b *block, s piece, token string) bool {
	duplicates := b.duplicatesOf(s)
	if len(duplicates) == 0 {
		return true
	}
	return nil == p.retry("write repeats of "+token, func() error {
		return p.attempt(b, s, func(ctx context.Context) error { return p.recall.WriteDuplicates(ctx, duplicates, token) })
	})
}

// attempt makes one attempt to write, within the deadline. A process that was
// paused may find itself long after its seal, with another owner at work: then
// it has to prove first that it still owns the partition.
func (p *partition) attempt(b *block, s piece, write func(context.Context) error) error {
	if time.Since(p.sealed) > p.cfg.WriteDeadline && !p.seal(b, s) {
		return errFenced
	}
	ctx, cancel := context.WithTimeout(p.ctx, p.cfg.WriteDeadline)
	defer cancel()
	return write(ctx)
}

// seal fixes the piece's range in the group's offset. It reports false when
// the partition is no longer ours.
func (p *partition) seal(b *block, s piece) bool {
	return nil == p.retry("seal", func() error {
		p.sealed = time.Now() // before the commit: the deadline counts from the earliest possible instant
		return p.commits.commit(p.ctx, position{key: p.key, offset: s.first, epoch: b.epoch, metadata: sealMetadata(s.last)})
	})
}

// retry repeats attempt, with growing waits, until it succeeds. It gives up
// only when the partition is lost, or when the store has refused the rows for
// their content. An outcome that is unknown is an attempt like any other: the
// token makes the repetition harmless.
func (p *partition) retry(what string, attempt func() error) error {
	wait := p.cfg.RetryMin
	for tries := 1; ; tries++ {
		err := attempt()
		switch {
		case err == nil && tries > 1:
			p.log.Info("succeeded after retries", "what", what, "topic", p.key.topic, "partition", p.key.partition, "tries", tries)
			return nil
		case err == nil:
			return nil
		case p.ctx.Err() != nil:
			return p.ctx.Err()
		case isRejected(err):
			return err
		}
		p.metrics.retries.WithLabelValues(classOf(err)).Inc()
		p.log.Warn("failed, will try the same again", "what", what, "topic", p.key.topic, "partition", p.key.partition, "tries", tries, "error", err)
		select {
		case <-p.ctx.Done():
			return p.ctx.Err()
		case <-time.After(wait/2 + rand.N(wait)): // jitter: the other partitions wait too
		}
		wait = min(2*wait, p.cfg.RetryMax)
	}
}

// count tells the metrics about a block that is stored.
func (p *partition) count(b *block) {
	p.metrics.stored.Add(float64(b.batch.Len()))
	p.metrics.batchRows.Observe(float64(b.batch.Len()))
	p.metrics.batches.WithLabelValues(b.closedBy).Inc()
	p.metrics.duplicates.Add(float64(len(b.duplicates)))
	for i := range b.letters {
		p.metrics.deadLetters.WithLabelValues(string(b.letters[i].Reason)).Inc()
	}
}
