package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/gofiber/fiber/v2"
)

// errLeft ends the work for a client that has closed its connection.
var errLeft = fmt.Errorf("the client has left: %w", context.Canceled)

// whileConnected gives a context that ends, with [errLeft], when the client of
// the request closes its connection. stay ends the watching; it has to be called
// before the handler returns.
//
// fasthttp does not look at a connection while its handler works, so nobody
// else reads from it: see trackedConn.watch. A client that only shuts down its
// side of the connection for writing counts as gone, as it does with net/http.
func whileConnected(ctx context.Context, c *fiber.Ctx) (_ context.Context, stay func()) {
	conn, ok := c.Context().Conn().(*trackedConn)
	if !ok {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := conn.watch(func() { cancel(errLeft) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// watch reads ahead until the peer closes, and then calls gone. A byte that comes
// instead is the beginning of the next request: it is kept for the next Read,
// and ends the watching, for whoever sends it is there. stop waits until nothing
// reads any more.
func (c *trackedConn) watch(gone func()) (stop func()) {
	if len(c.ahead) > 0 || c.SetReadDeadline(time.Time{}) != nil {
		return func() {}
	}
	ended := make(chan struct{})
	go func() { // stop waits for it
		defer close(ended)
		var one [1]byte
		n, err := c.Conn.Read(one[:])
		c.ahead = one[:n]
		if n == 0 && err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			gone()
		}
	}()
	return func() {
		_ = c.SetReadDeadline(time.Unix(1, 0)) // wakes the read; a connection that is closed needs no waking
		<-ended
		_ = c.SetReadDeadline(time.Time{}) // fasthttp sets its own before it reads
	}
}

// Read gives what watch has read ahead first, and notes that the connection is
// in use.
func (c *trackedConn) Read(p []byte) (n int, err error) {
	if len(c.ahead) > 0 {
		n = copy(p, c.ahead)
		c.ahead = c.ahead[n:]
	} else {
		n, err = c.Conn.Read(p)
	}
	if n > 0 && !c.used.Load() {
		c.used.Store(true)
	}
	return n, err
}

var _ net.Conn = (*trackedConn)(nil)
