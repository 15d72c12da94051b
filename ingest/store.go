package ingest

import (
	"context"
	"slices"
	"time"

	"millrace/internal/event"
)

// store takes blocks one after the other: seal, write, advance.
func (p *partition) store() {
	for b := range p.blocks {
		for b != nil {
			if !p.land(b) {
				p.drain()
				return
			}
			end := position{key: p.key, offset: b.last + 1, epoch: b.epoch, member: p.member}
			b.release(p.budget)
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
// no longer ours. A block that an earlier owner has sealed keeps its instant and
// its name.
func (p *partition) land(b *block) bool {
	if p.turns != nil {
		end, ok := p.turns.take(p.ctx, p.stopping)
		if !ok {
			return false
		}
		defer end()
	}
	if b.batch.SealedAt == 0 {
		b.batch.SealedAt = time.Now().UnixMilli()
	}
	if b.named == unnamed {
		b.named = max(b.epoch, 0)
	}
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
	token, letters := s.token(p.cfg.Group, p.key, b.named), b.lettersOf(s)
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
		letter := b.refuse(from, err)
		p.metrics.deadLetters.WithLabelValues(string(letter.Reason)).Inc()
		letters = append(slices.Clip(letters), letter)
	}
	return p.sendLetters(b, s, token, letters) && p.sendDuplicates(b, s, token)
}

// send writes rows [from, to) until the store has acknowledged them, or refused
// them for their content. What is written beside the rows is never given up so:
// nobody could be told of it.
func (p *partition) send(b *block, s piece, token string, from, to int) error {
	if from == to {
		return nil
	}
	rows := b.batch
	if to-from < rows.Len() {
		rows = rows.Range(from, to)
	}
	return p.retryUnless(isRejected, "write "+token, func() error {
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
		open := seal{last: s.last, at: b.batch.SealedAt, epoch: b.named}
		return p.commits.commit(p.ctx, position{key: p.key, offset: s.first, epoch: b.epoch, metadata: open.metadata(), member: p.member})
	})
}

// count tells the metrics about a block that is stored.
func (p *partition) count(b *block) {
	p.metrics.stored.WithLabelValues(p.key.topic).Add(float64(b.batch.Len() - b.refused))
	p.metrics.batchRows.Observe(float64(b.batch.Len()))
	p.metrics.batchBytes.Observe(float64(b.batch.Bytes()))
	p.metrics.batches.WithLabelValues(b.closedBy).Inc()
	p.metrics.duplicates.Add(float64(len(b.duplicates)))
	for i := range b.letters {
		p.metrics.deadLetters.WithLabelValues(string(b.letters[i].Reason)).Inc()
	}
}
