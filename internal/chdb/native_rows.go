package chdb

import (
	"io"
	"sync"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// pulseInterval is how often a client hears of a statement that yields nothing yet. Clients take a
// long silence for a dead server.
const pulseInterval = time.Second

// nativeRows writes a result. Two goroutines use it: the statement's own and its pulse.
type nativeRows struct {
	n      *nativeConn
	w      *blockWalker
	block  []byte
	headed bool
	rows   uint64
	blocks uint64
	bytes  uint64
	start  time.Time

	mu    sync.Mutex // guards the connection's writer and sent
	sent  Stats
	total uint64 // rows to read as the engine guesses, once told
}

func (n *nativeConn) newRows(r *run) *nativeRows {
	o := &nativeRows{n: n, w: newBlockWalker(0, n.revision), start: r.started}
	o.w.out = func(b []byte) error {
		o.block = append(o.block, b...)
		return nil
	}
	return o
}

// document writes the blocks of a Native document.
func (o *nativeRows) document(data []byte) error {
	o.w.setMemory(data)
	for {
		o.block = o.block[:0]
		h, err := o.w.block()
		if err == io.EOF {
			return o.flush()
		}
		if err != nil {
			return newException(codeNotImplemented, "The result cannot be sent over the native protocol: %s", err)
		}
		if !o.headed {
			if err := o.header(o.w.columns); err != nil {
				return err
			}
		}
		o.rows += h.rows
		o.blocks++
		o.bytes += uint64(len(o.block))
		if err := o.data(o.block); err != nil {
			return err
		}
	}
}

// header writes the block without rows that precedes the data.
func (o *nativeRows) header(columns []columnHead) error {
	o.headed = true
	return o.data(appendHeader(nil, columns, o.n.revision))
}

func (o *nativeRows) data(block []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return gone(o.n.w.block(proto.ServerCodeData, block))
}

func (o *nativeRows) flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return gone(o.n.w.bw.Flush())
}

// progress writes what has been read and written since the last time.
func (o *nativeRows) progress(s Stats) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return gone(o.writeProgress(s, 0))
}

func (o *nativeRows) writeProgress(s Stats, total uint64) error {
	p := proto.Progress{
		Rows: more(s.ReadRows, &o.sent.ReadRows), Bytes: more(s.ReadBytes, &o.sent.ReadBytes),
		WroteRows: more(s.WrittenRows, &o.sent.WrittenRows), WroteBytes: more(s.WrittenBytes, &o.sent.WrittenBytes),
		TotalRows: more(total, &o.total),
	}
	if p == (proto.Progress{}) && total == 0 {
		return nil
	}
	p.ElapsedNs = uint64(time.Since(o.start))
	b := &o.n.w.buf
	proto.ServerCodeProgress.Encode(b)
	p.EncodeAware(b, int(o.n.revision))
	return o.n.w.send()
}

// more is what a counter has gained over what was told; the two sources of counters can differ.
func more(now uint64, told *uint64) uint64 {
	if now <= *told {
		return 0
	}
	gain := now - *told
	*told = now
	return gain
}

// pulse sends progress of its own while the statement works, until stop is called, once or
// more often.
func (o *nativeRows) pulse(r *run) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(pulseInterval)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				if o.beat(r) != nil {
					return
				}
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(quit)
		<-done
	})
}

func (o *nativeRows) beat(r *run) error {
	s, total, err := r.e.progressOf(r)
	if err != nil {
		return nil // between two statements of the run: nothing to tell
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.writeProgress(s, total); err != nil {
		return err
	}
	return o.n.w.bw.Flush()
}

// end writes the profile of a result, then finishes.
func (o *nativeRows) end(s Stats) error {
	p := proto.Profile{Rows: o.rows, Blocks: o.blocks, Bytes: o.bytes}
	o.mu.Lock()
	p.EncodeAware(&o.n.w.buf, int(o.n.revision))
	err := o.n.w.send()
	o.mu.Unlock()
	if err != nil {
		return gone(err)
	}
	return o.finish(s)
}

// finish writes the last counters and the end of the stream.
func (o *nativeRows) finish(s Stats) error {
	if err := o.progress(s); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	proto.ServerCodeEndOfStream.Encode(&o.n.w.buf)
	return gone(o.n.w.send())
}
