//go:build linux

package faults

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// brokerProtocol knows Kafka's frames: a length, and in requests the key of the
// API and a correlation id that the answer repeats.
type brokerProtocol struct {
	commitLost trigger // the next commit is answered to nobody
	commitLate trigger // the next commit waits, without its client

	noSeal bool // takes the seal out of every commit

	mu   sync.Mutex
	lost map[*link]uint32 // correlation ids of answers that get lost
}

// offsetCommit is the key of the API that commits offsets.
const offsetCommit = 8

// The seal's prefix names whose it is; another's is no seal.
var (
	sealMark = []byte("millrace/")
	noMark   = []byte("unsealed/")
)

func (b *brokerProtocol) up(l *link) error {
	for {
		frame, err := readFrame(l.client)
		if err != nil {
			return err
		}
		l.wait()
		if len(frame) >= 12 && binary.BigEndian.Uint16(frame[4:]) == offsetCommit {
			if b.noSeal {
				frame = bytes.ReplaceAll(frame, sealMark, noMark)
			}
			if b.commitLate.fire() {
				return b.deliverLate(l, frame)
			}
			if b.commitLost.fire() {
				b.lose(l, binary.BigEndian.Uint32(frame[8:]))
			}
		}
		if _, err := l.server.Write(frame); err != nil {
			return err
		}
	}
}

// deliverLate cuts the client off and gives its commit to the broker later.
func (b *brokerProtocol) deliverLate(l *link, frame []byte) error {
	l.client.Close()
	<-time.After(b.commitLate.held())
	_, err := l.server.Write(frame)
	if err != nil {
		return err
	}
	_ = l.server.SetReadDeadline(time.Now().Add(2 * time.Second)) // the answer, for nobody
	return errDetached
}

func (b *brokerProtocol) down(l *link) error {
	defer b.forget(l)
	for {
		frame, err := readFrame(l.server)
		if err != nil {
			return err
		}
		l.wait()
		if len(frame) >= 8 && b.isLost(l, binary.BigEndian.Uint32(frame[4:])) {
			return errCut
		}
		if _, err := l.client.Write(frame); err != nil {
			drain(l.server) // a request that is delivered late still needs the connection
			return err
		}
	}
}

func (b *brokerProtocol) lose(l *link, correlation uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lost == nil {
		b.lost = map[*link]uint32{}
	}
	b.lost[l] = correlation
}

func (b *brokerProtocol) isLost(l *link, correlation uint32) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, found := b.lost[l]
	return found && c == correlation
}

func (b *brokerProtocol) forget(l *link) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.lost, l)
}

var errFrame = errors.New("not a Kafka frame")

// readFrame reads one frame with its length.
func readFrame(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(length[:])
	if size > 100<<20 {
		return nil, fmt.Errorf("%w: %d bytes", errFrame, size)
	}
	frame := make([]byte, 4+size)
	copy(frame, length[:])
	_, err := io.ReadFull(r, frame[4:])
	return frame, err
}
