package ingest

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/internal/event"
)

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
		case p.open.last != noSeal || p.building.empty(): // a sealed range ends by offset, not by age
		case p.caughtUp():
			p.building.closedBy = "caught_up"
			due = p.blocks
		case p.due():
			p.building.closedBy = "age"
			due = p.blocks
		default:
			age.Reset(time.Until(p.deadline()))
		}
		select {
		case <-p.ctx.Done():
			return
		case <-p.stopping:
			p.handOverLast()
			return
		case <-age.C:
		case due <- p.building:
			p.wasBehind = p.isBehind()
			if !p.refill(false) {
				return
			}
		case <-p.queue.ready:
			records := p.queue.take(spent)
			if !p.accept(records) {
				return
			}
			spent = records
			p.queue.settle()
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
	p.memory = newMemory(p.budget.ids, p.cfg.RepeatHorizon)
	if p.next == unknownOffset {
		return p.neverStored()
	}
	return nil == p.retry("read the stored ids", func() error {
		p.memory = newMemory(p.budget.ids, p.cfg.RepeatHorizon)
		return p.memory.load(p.recall.RecentIDs(p.ctx, p.key.topic, p.key.partition, p.next-int64(p.budget.ids), p.next))
	})
}

// neverStored makes sure that the store has nothing of a partition of which the
// group knows nothing. To read its records again would store them twice, because
// nobody knows how they were cut into blocks. So it waits then, until an operator
// has set the group's offset: that needs a group without members. It reports
// false when the partition stops or is lost.
func (p *partition) neverStored() bool {
	var last int64
	var found bool
	err := p.retry("look for stored records", func() (err error) {
		last, found, err = p.recall.LastOffset(p.ctx, p.key.topic, p.key.partition)
		return err
	})
	if err != nil || !found {
		return err == nil
	}
	lost := &lostOffset{p.key, p.cfg.Group, last}
	again := time.NewTicker(sayLostEvery)
	defer again.Stop()
	for {
		p.metrics.retries.WithLabelValues(classOf(lost)).Inc()
		p.log.Error("a partition cannot begin", "topic", p.key.topic, "partition", p.key.partition, "error", lost)
		select {
		case <-again.C:
		case <-p.stopping:
			return false
		case <-p.ctx.Done():
			return false
		}
	}
}

// sayLostEvery is how often the log says that a partition cannot begin.
const sayLostEvery = 30 * time.Second

// lostOffset says that a partition cannot begin until an operator has set the
// group's offset.
type lostOffset struct {
	key   partitionKey
	group string
	last  int64 // that the store has
}

func (e *lostOffset) Error() string {
	return fmt.Sprintf("the store has records of %[1]s/%[2]d up to offset %[3]d, but group %[4]s has no offset there, so nothing of this partition is stored: "+
		"if the group's offsets have expired or were removed, stop Millrace and set this one to %[5]d (kafka-consumer-groups.sh --reset-offsets --to-offset); "+
		"if the topic was made anew, or is another broker's, its offsets are other records: use another name for it (--topic or --backfill-topic)",
		e.key.topic, e.key.partition, e.last, e.group, e.last+1)
}

// Class is the one of the errors that need an operator.
func (e *lostOffset) Class() string { return "setup" }

// due reports whether the block is old enough to be stored.
func (p *partition) due() bool { return !time.Now().Before(p.deadline()) }

// A partition is behind when the broker has more records for it than
// MaxRows/behindRows. What it stores is late anyway then, and its blocks may
// become behindAges times as old, to be larger and so cheaper.
const (
	behindRows = 4
	behindAges = 4
)

// isBehind reports whether the partition is behind.
func (p *partition) isBehind() bool {
	return p.brokerEnd.Load()-p.next > int64(p.cfg.MaxRows/behindRows)
}

// caughtUp reports whether the partition has been behind and the block has the
// last record of the broker. What it holds is late already, so it waits for no
// more; and it may hold a large batch that another partition waits for.
func (p *partition) caughtUp() bool {
	return p.wasBehind && p.brokerEnd.Load() <= p.next
}

// deadline is when the block is old enough to be stored.
func (p *partition) deadline() time.Time { return p.building.opened.Add(p.maxAge()) }

// maxAge is how old a block may become.
func (p *partition) maxAge() time.Duration {
	if p.isBehind() {
		return behindAges * p.cfg.MaxAge
	}
	return p.cfg.MaxAge
}

// accept adds records and hands over each block that is full. It reports false
// when the partition was lost meanwhile.
func (p *partition) accept(records []*kgo.Record) bool {
	p.wasBehind = p.wasBehind || p.isBehind()
	for _, r := range records {
		if !p.expect(r) {
			return false
		}
		p.unsealIfCut(r)
		if p.open.last != noSeal && r.Offset > p.open.last { // what ended the sealed range is gone
			p.building.last, p.next = p.open.last, r.Offset
			if !p.handOver("takeover") {
				return false
			}
		}
		if p.building.empty() && !p.makeRoom() { // not before there is something to store
			return false
		}
		p.building.add(p.decoder, p.memory, r)
		p.next = r.Offset + 1
		r.Recycle() // the block has copied what it needs
		if by := p.full(); by != "" && !p.handOver(by) {
			return false
		}
	}
	p.building.check(p.memory)
	p.building.show()
	return true
}

// makeRoom gets a large batch where the block needs one. What an earlier owner
// has sealed does, because it has to be built whole, however large it is. It
// reports false when the partition was lost meanwhile, or stops without having
// begun with the sealed block, which is the next owner's then.
func (p *partition) makeRoom() bool {
	switch {
	case p.open.last != noSeal:
		select {
		case large := <-p.budget.free:
			large = empty(large, p.budget.large)
			p.building.reset(p.building.first, large)
			p.building.isSealed(p.open)
		case <-p.stopping:
			return false
		case <-p.ctx.Done():
			return false
		}
	case p.wantsLarge:
		large := p.budget.take(p.maxAge(), p.stopping, p.ctx.Done())
		p.makeReady(large)
		p.building.reset(p.building.first, large)
	}
	return true
}

// makeReady gives a large batch, or nil, the room that it takes to fill it with
// events like those of the block before.
func (p *partition) makeReady(large *event.Batch) {
	if large == nil || p.shape.Rows == 0 {
		return
	}
	times := func(limit, held int) float64 { return float64(limit) / float64(max(held, 1)) }
	large.Reserve(p.shape, min( // what will close the block, see full
		times(p.cfg.MaxRows, p.shape.Rows),
		times(p.cfg.MaxBytes, p.shape.Bytes),
		times(p.budget.large/5*4, p.shape.Size),
	))
}

// expect reports records that retention or compaction has taken away before
// they could be stored. It reports false where the log goes on at an offset that
// it has had before: the broker has lost its end, and what is committed has to
// be compared with what is left.
func (p *partition) expect(r *kgo.Record) bool {
	if p.next == unknownOffset {
		p.next = r.Offset
		p.building.reset(r.Offset, nil)
	}
	switch missing := r.Offset - p.next; {
	case missing > 0:
		p.metrics.gaps.Add(float64(missing))
		p.log.Error("records are gone from Kafka before they were stored",
			"topic", p.key.topic, "partition", p.key.partition, "first_offset", p.next, "last_offset", r.Offset-1, "records", missing)
	case missing < 0:
		p.log.Error("the broker has lost records that it had delivered", "topic", p.key.topic, "partition", p.key.partition,
			"expected_offset", p.next, "offset", r.Offset)
		p.rejoin()
		return false
	}
	return true
}

// unsealIfCut gives a sealed range up that has other records than those which were
// sealed: an epoch began within it, so the broker has lost its end, which a
// take-over may not have been able to see. The store may know the token.
func (p *partition) unsealIfCut(r *kgo.Record) {
	if p.open.last == noSeal || r.Offset > p.open.last || p.openEpoch < 0 || r.LeaderEpoch <= p.openEpoch {
		return
	}
	p.log.Error("the broker has lost records of a sealed range", "topic", p.key.topic, "partition", p.key.partition,
		"first_offset", p.building.first, "last_offset", p.open.last, "lost_from", r.Offset)
	p.open = seal{last: noSeal}
	p.building.named, p.building.batch.SealedAt = unnamed, 0
}

// full says what closes the block now, "" for nothing. A block whose range was
// sealed by an earlier owner closes at that range and nowhere else.
func (p *partition) full() string {
	b := p.building
	switch {
	case p.open.last != noSeal && b.last < p.open.last:
		return ""
	case p.open.last != noSeal:
		return "takeover"
	case b.rows() >= p.cfg.MaxRows:
		return "rows"
	case b.batch.Bytes() >= p.cfg.MaxBytes:
		return "bytes"
	case b.batch == &b.own && b.memory() >= p.budget.small, b.memory() >= p.budget.large:
		return "memory"
	}
	return ""
}

// handOver waits until store takes the block, and begins the next. It reports
// false when the partition was lost meanwhile.
func (p *partition) handOver(closedBy string) bool {
	p.building.check(p.memory)
	p.building.closedBy = closedBy
	p.building.show()
	p.shape = p.building.batch.Shape()
	select {
	case p.blocks <- p.building:
		return p.refill(true)
	case <-p.ctx.Done():
		return false
	}
}

// handOverLast gives store what is held when the partition stops. A range that
// was sealed by an earlier owner and is not complete is left to the next.
func (p *partition) handOverLast() {
	if !p.building.empty() && p.open.last == noSeal {
		p.handOver("stop")
	}
}

// refill takes the other block. It never waits long: store has returned the
// one before when it takes the next. It reports false when the partition was
// lost meanwhile: then building is still the block that store has now, and is
// not to be touched.
func (p *partition) refill(wasFull bool) bool {
	p.open, p.wantsLarge = seal{last: noSeal}, wasFull
	select {
	case p.building = <-p.free:
		p.building.reset(p.next, nil)
		if p.memory != nil {
			p.covered.Set(p.memory.covers(time.Now().UnixMilli()).Seconds())
			p.remembered.Store(int64(p.memory.bytes()))
		}
		return true
	case <-p.ctx.Done():
		return false
	}
}
