package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/internal/event"
)

// unknownOffset is the next offset of a partition that the group has never
// committed: the first record says where it begins.
const unknownOffset = -1

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

	// Owned by build once started.
	decoder  *event.Decoder
	building *block
	next     int64 // the offset that comes next
	until    int64 // last offset of a seal that was found open; -1 for none
}

// start begins work at what the group has committed: offset next, and if a
// seal was open, its last offset in until.
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
	age := time.NewTimer(p.cfg.MaxAge)
	age.Stop()
	defer age.Stop()
	var spent []*kgo.Record
	for {
		// A block that is due goes to store as soon as store is free; until
		// then it keeps growing, so a slow store gets larger blocks.
		var due chan<- *block
		switch {
		case p.until >= 0 || p.building.empty(): // a sealed range ends by offset, not by age
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

// due reports whether the block is old enough to be stored.
func (p *partition) due() bool {
	return time.Since(p.building.opened) >= p.cfg.MaxAge
}

// accept adds records and hands over each block that is full. It reports false
// when the partition was lost meanwhile.
func (p *partition) accept(records []*kgo.Record) bool {
	for _, r := range records {
		p.expect(r)
		if p.until >= 0 && r.Offset > p.until { // what ended the sealed range is gone
			p.building.last, p.next = p.until, r.Offset
			if !p.handOver("takeover") {
				return false
			}
		}
		p.building.add(p.decoder, r)
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
	case p.until >= 0 && b.last < p.until:
		return ""
	case p.until >= 0:
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
	if !p.building.empty() && p.until < 0 {
		p.handOver("stop")
	}
}

// refill takes the other block. It never waits long: store has returned the
// one before when it takes the next.
func (p *partition) refill() {
	p.until = -1
	select {
	case p.building = <-p.free:
		p.building.reset(p.next)
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

// land seals the block and writes it until the store has acknowledged. It
// reports false when the partition is no longer ours.
func (p *partition) land(b *block) bool {
	sealed, ok := p.seal(b)
	if !ok {
		return false
	}
	token := b.token(p.cfg.Group, p.key)
	err := p.retry("write "+token, func() error {
		// A process that was paused may find itself long after its seal, with
		// another owner at work: it has to prove that it still owns the
		// partition before it sends.
		if time.Since(sealed) > p.cfg.WriteDeadline {
			if sealed, ok = p.seal(b); !ok {
				return errFenced
			}
		}
		return p.write(b, token)
	})
	if err != nil {
		return false
	}
	p.count(b)
	return true
}

// seal fixes the range in the group's offset, and returns when that was.
func (p *partition) seal(b *block) (at time.Time, ok bool) {
	err := p.retry("seal", func() error {
		at = time.Now() // before the commit: the deadline counts from the earliest possible instant
		return p.commits.commit(p.ctx, position{key: p.key, offset: b.first, epoch: b.epoch, metadata: sealMetadata(b.last)})
	})
	return at, err == nil
}

// write makes one attempt to store events and dead letters.
func (p *partition) write(b *block, token string) error {
	ctx, cancel := context.WithTimeout(p.ctx, p.cfg.WriteDeadline)
	defer cancel()
	start := time.Now()
	if b.batch.Len() > 0 {
		if err := p.sink.Write(ctx, &b.batch, token); err != nil {
			return fmt.Errorf("write %d events: %w", b.batch.Len(), err)
		}
	}
	if len(b.letters) > 0 {
		if err := p.sink.WriteDeadLetters(ctx, b.letters, token); err != nil {
			return fmt.Errorf("write %d dead letters: %w", len(b.letters), err)
		}
	}
	p.metrics.writeSeconds.Observe(time.Since(start).Seconds())
	return nil
}

// retry repeats attempt, with growing waits, until it succeeds. It gives up
// only when the partition is lost or has to be given up.
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
		case errors.Is(err, errFenced):
			p.log.Warn("fenced: another member owns the partition", "what", what, "topic", p.key.topic, "partition", p.key.partition)
			return err
		}
		p.metrics.retries.Inc()
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
	for i := range b.letters {
		p.metrics.deadLetters.WithLabelValues(string(b.letters[i].Reason)).Inc()
	}
}
