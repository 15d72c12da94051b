package ingest

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
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
