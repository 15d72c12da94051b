//go:build linux

package faults

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// proxy passes connections on to one server and breaks them when told to. What
// the bytes mean is known to its protocol.
type proxy struct {
	listener net.Listener
	target   string
	protocol protocol
	serving  sync.WaitGroup

	stalledUntil atomic.Int64 // unix nanoseconds; nothing passes before

	mu     sync.Mutex
	closed bool
	links  map[*link]struct{}
}

// protocol carries one connection in each direction until it ends. Either end
// closes both.
type protocol interface {
	up(l *link) error   // client to server
	down(l *link) error // server to client
}

// link is one connection through the proxy.
type link struct {
	proxy  *proxy
	client net.Conn
	server net.Conn
	state  linkState
}

// cut ends both sides at once, as a reset.
func (l *link) cut() {
	for _, c := range []net.Conn{l.client, l.server} {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // an error: it is closed already
		}
		c.Close()
	}
}

// wait blocks while the proxy is silent.
func (l *link) wait() {
	if until := time.Unix(0, l.proxy.stalledUntil.Load()); time.Now().Before(until) {
		<-time.After(time.Until(until))
	}
}

// newProxy listens on a free port of the loopback.
func newProxy(target string, p protocol) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	x := &proxy{listener: listener, target: target, protocol: p, links: map[*link]struct{}{}}
	x.serving.Go(x.serve)
	return x, nil
}

// address is where clients connect.
func (x *proxy) address() string { return x.listener.Addr().String() }

func (x *proxy) serve() {
	for {
		client, err := x.listener.Accept()
		if err != nil {
			return
		}
		x.serving.Go(func() { x.carry(client) })
	}
}

// carry connects a client and waits until both directions have ended.
func (x *proxy) carry(client net.Conn) {
	server, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", x.target)
	if err != nil {
		client.Close() // the server is away, which is what the client is to see
		return
	}
	l := &link{proxy: x, client: client, server: server}
	if !x.add(l) {
		l.cut()
		return
	}
	defer x.remove(l)
	var directions sync.WaitGroup
	directions.Go(func() { x.end(l, x.protocol.up(l)) })
	directions.Go(func() { x.end(l, x.protocol.down(l)) })
	directions.Wait()
}

// errCut ends a connection on purpose.
var errCut = errors.New("cut")

// errDetached leaves the server's side open: the client's is closed already.
var errDetached = errors.New("the server's side lives on for a while")

func (x *proxy) end(l *link, err error) {
	if !errors.Is(err, errDetached) {
		l.cut()
	}
}

func (x *proxy) add(l *link) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return false
	}
	x.links[l] = struct{}{}
	return true
}

func (x *proxy) remove(l *link) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.links, l)
}

// cutAll cuts every connection; new ones are served.
func (x *proxy) cutAll() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for l := range x.links {
		l.cut()
	}
}

// stall lets nothing pass for so long. What came in meanwhile passes then.
func (x *proxy) stall(d time.Duration) { x.stalledUntil.Store(time.Now().Add(d).UnixNano()) }

// close ends everything and waits.
func (x *proxy) close() {
	x.mu.Lock()
	x.closed = true
	x.mu.Unlock()
	x.listener.Close()
	x.cutAll()
	x.serving.Wait()
}

// trigger is a fault that waits for its moment, such as the next insert.
type trigger struct {
	armed atomic.Bool
	hold  atomic.Int64 // nanoseconds, where the fault lasts
	fired atomic.Int64
}

func (t *trigger) arm(hold time.Duration) {
	t.hold.Store(int64(hold))
	t.armed.Store(true)
}

// fire reports whether it was armed, and disarms it.
func (t *trigger) fire() bool {
	if !t.armed.CompareAndSwap(true, false) {
		return false
	}
	t.fired.Add(1)
	return true
}

func (t *trigger) held() time.Duration { return time.Duration(t.hold.Load()) }

// drain reads until the end, for nobody.
func drain(r io.Reader) { _, _ = io.Copy(io.Discard, r) }
