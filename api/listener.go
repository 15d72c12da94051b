package api

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// connTracker is a listener that knows its open connections, so that a stop can
// end those that will not end by themselves.
type connTracker struct {
	net.Listener

	once     sync.Once
	closeErr error

	mu    sync.Mutex
	conns map[*trackedConn]struct{}
}

type trackedConn struct {
	net.Conn

	tracker *connTracker
	used    atomic.Bool // a byte has been read
	drain   atomic.Bool
	ahead   []byte // read by watch, for the next Read; they take turns
}

// What a client is still sending when its request has been refused is read for
// at most this long and this many bytes.
const (
	drainTimeout = 2 * time.Second
	drainBytes   = 256 << 20
)

func trackConns(ln net.Listener) *connTracker {
	return &connTracker{Listener: ln, conns: map[*trackedConn]struct{}{}}
}

// Close stops listening. Closing again is harmless.
func (t *connTracker) Close() error {
	t.once.Do(func() { t.closeErr = t.Listener.Close() })
	return t.closeErr
}

// Accept waits for a connection and remembers it until it is closed.
func (t *connTracker) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tracked := &trackedConn{Conn: conn, tracker: t}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conns[tracked] = struct{}{}
	return tracked, nil
}

// drainOnClose makes Close read what the client is still sending. Closing over
// unread bytes resets the connection, and the client may then lose the answer
// that says why its request was refused.
func drainOnClose(conn net.Conn) {
	if c, ok := conn.(*trackedConn); ok {
		c.drain.Store(true)
	}
}

// Close forgets and closes the connection.
func (c *trackedConn) Close() error {
	c.tracker.mu.Lock()
	delete(c.tracker.conns, c)
	c.tracker.mu.Unlock()
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if ok && c.drain.Load() && half.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(drainTimeout)) == nil {
		_, _ = io.CopyN(io.Discard, c.Conn, drainBytes) // however it ends, the connection is closed next
	}
	return c.Conn.Close()
}

// closeUnused closes the connections on which nothing has come yet, such as those
// that a browser opens in advance: fasthttp would wait for their first request.
func (t *connTracker) closeUnused() {
	t.closeIf(func(c *trackedConn) bool { return !c.used.Load() })
}

// closeAll closes the connections that are still open.
func (t *connTracker) closeAll() {
	t.closeIf(func(*trackedConn) bool { return true })
}

func (t *connTracker) closeIf(wanted func(*trackedConn) bool) {
	t.mu.Lock()
	var chosen []*trackedConn
	for c := range t.conns {
		if wanted(c) {
			chosen = append(chosen, c)
		}
	}
	t.mu.Unlock()
	for _, c := range chosen {
		c.drain.Store(false)
		_ = c.Close() // its own goroutine reports what it was doing
	}
}
