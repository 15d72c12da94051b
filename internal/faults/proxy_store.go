//go:build linux

package faults

import (
	"bytes"
	"sync/atomic"
	"time"
)

// storeProtocol knows enough of ClickHouse's native protocol to tell an insert
// from a question, and its outcome from its beginning.
type storeProtocol struct {
	cutMid   trigger // the next insert, after a part of its block
	cutAfter trigger // the next outcome of an insert, before the client has it
	late     trigger // the next insert waits, without its client

	noViewDedup bool // takes de-duplication in views off every insert
}

// linkState is what a protocol remembers of one connection.
type linkState struct {
	sent atomic.Int64 // bytes since the server's last answer
}

// An insert's block is what exceeds the statement and its settings, which
// take about a kilobyte.
const statementBytes = 2 << 10

// viewSetting is how the setting stands on the wire: name, flags, length of
// the value, value.
var (
	viewSetting    = []byte("deduplicate_blocks_in_dependent_materialized_views\x00\x011")
	viewSettingOff = []byte("deduplicate_blocks_in_dependent_materialized_views\x00\x010")
)

func (s *storeProtocol) up(l *link) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := l.client.Read(buffer)
		if err != nil {
			return err
		}
		l.wait()
		chunk := buffer[:n]
		if s.noViewDedup {
			chunk = offInViews(chunk)
		}
		if l.state.sent.Add(int64(n)) > statementBytes {
			switch {
			case s.late.fire():
				return s.deliverLate(l, chunk)
			case s.cutMid.fire():
				_, _ = l.server.Write(chunk[:len(chunk)/2]) // cut anyway
				return errCut
			}
		}
		if _, err := l.server.Write(chunk); err != nil {
			return err
		}
	}
}

// offInViews finds the setting, with whatever flags it came.
func offInViews(chunk []byte) []byte {
	name := viewSetting[:bytes.IndexByte(viewSetting, 0)]
	at := bytes.Index(chunk, name)
	if at < 0 || at+len(viewSetting) > len(chunk) || chunk[at+len(viewSetting)-1] != '1' {
		return chunk
	}
	off := bytes.Clone(chunk)
	off[at+len(viewSetting)-1] = viewSettingOff[len(viewSettingOff)-1]
	return off
}

// deliverLate takes the whole insert from the client, lets the client wait for
// an answer that never comes, and gives the insert to the server later.
func (s *storeProtocol) deliverLate(l *link, first []byte) error {
	held := bytes.NewBuffer(bytes.Clone(first))
	deadline := time.Now().Add(s.late.held())
	buffer := make([]byte, 32<<10)
	for {
		_ = l.client.SetReadDeadline(deadline)
		n, err := l.client.Read(buffer)
		held.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	l.client.Close()
	if rest := time.Until(deadline); rest > 0 { // the client gave up earlier
		<-time.After(rest)
	}
	if _, err := l.server.Write(held.Bytes()); err != nil {
		return err
	}
	_ = l.server.SetReadDeadline(time.Now().Add(5 * time.Second))
	return errDetached // down reads the answer, which nobody gets
}

func (s *storeProtocol) down(l *link) error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := l.server.Read(buffer)
		if err != nil {
			return err
		}
		l.wait()
		// Progress, profile or end of stream follow a block that is stored.
		const progress, endOfStream, profileEvents = 3, 5, 14
		switch first := buffer[0]; first {
		case progress, endOfStream, profileEvents:
			if l.state.sent.Load() > statementBytes && s.cutAfter.fire() {
				return errCut
			}
		}
		l.state.sent.Store(0)
		if _, err := l.client.Write(buffer[:n]); err != nil {
			// The client is gone; the server may still be busy with what it sent.
			drain(l.server)
			return err
		}
	}
}
