package chdb

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// serverRevision is the protocol revision that this server speaks. It is the lowest with bound
// parameters and times in progress packets; above it come features that only clusters need, and
// each would make blocks and packets richer. The client uses the lower of its own and this one.
const serverRevision = 54460

// maxNativeClients bounds the connections; one more is closed at once.
const maxNativeClients = 1000

// nativeServer accepts native TCP clients; one goroutine owns each.
type nativeServer struct {
	s    *server
	work context.Context
	wg   sync.WaitGroup

	mu     sync.Mutex
	conns  map[*nativeConn]struct{}
	closed bool
}

func newNativeServer(work context.Context, s *server) *nativeServer {
	return &nativeServer{s: s, work: work, conns: map[*nativeConn]struct{}{}}
}

// serve accepts until the listener is closed.
func (n *nativeServer) serve(l net.Listener) error {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			var t interface{ Temporary() bool }
			if errors.As(err, &t) && t.Temporary() { // out of file descriptors: clients will leave
				<-time.After(10 * time.Millisecond)
				continue
			}
			return fmt.Errorf("accept native client: %w", err)
		}
		n.wg.Go(func() { n.handle(c) })
	}
}

func (n *nativeServer) handle(c net.Conn) {
	conn := newNativeConn(n.s, c)
	defer c.Close()
	if !n.add(conn) {
		return
	}
	defer n.remove(conn)
	defer func() {
		if p := recover(); p != nil { // one client's fault is not the others'
			n.s.cfg.Logger.Error("native client", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	err := conn.run(n.work)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && n.work.Err() == nil {
		n.s.cfg.Logger.Debug("native client", "remote", c.RemoteAddr().String(), "error", err)
	}
}

func (n *nativeServer) add(c *nativeConn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || len(n.conns) >= maxNativeClients {
		return false
	}
	n.conns[c] = struct{}{}
	return true
}

func (n *nativeServer) remove(c *nativeConn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, c)
}

// drain closes idle clients at once and waits for the others' statements until ctx is done.
func (n *nativeServer) drain(ctx context.Context) {
	n.mu.Lock()
	n.closed = true
	for c := range n.conns {
		c.stopWhenIdle()
	}
	n.mu.Unlock()
	waitFor(ctx, &n.wg)
}

// close drops the clients that are still there and reports whether all have gone before ctx is done.
func (n *nativeServer) close(ctx context.Context) bool {
	n.mu.Lock()
	for c := range n.conns {
		c.conn.Close()
	}
	n.mu.Unlock()
	return waitFor(ctx, &n.wg)
}

// waitFor waits for a group until ctx is done.
func waitFor(ctx context.Context, wg *sync.WaitGroup) bool {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// nativeConn is one client. All fields but idle and stopping belong to its goroutine.
type nativeConn struct {
	s        *server
	conn     net.Conn
	br       *bufio.Reader
	r        wireReader
	w        wireWriter
	revision uint64
	database string
	session  *session // set once the client has changed its session
	frames   *bufio.Reader
	lz4      *compress.Writer
	zstd     *compress.Writer
	// compressed tells how the client of the last query sends blocks.
	compressed bool
	cancelled  atomic.Bool // by a Cancel packet of the statement under way

	mu             sync.Mutex
	idle, stopping bool
}

func newNativeConn(s *server, c net.Conn) *nativeConn {
	br := bufio.NewReaderSize(c, 256<<10)
	n := &nativeConn{s: s, conn: c, br: br, r: wireReader{br: br}, w: wireWriter{bw: bufio.NewWriterSize(c, 128<<10)}}
	n.frames = bufio.NewReaderSize(compress.NewReader(br), 64<<10)
	return n
}

// stopWhenIdle closes the connection now, or makes its goroutine leave after the statement.
func (n *nativeConn) stopWhenIdle() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopping = true
	if n.idle {
		n.conn.Close()
	}
}

// setIdle reports whether the connection may go on.
func (n *nativeConn) setIdle(idle bool) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.idle = idle
	return !n.stopping
}

// helloTimeout bounds how long a client may take to introduce itself.
const helloTimeout = 30 * time.Second

func (n *nativeConn) run(ctx context.Context) error {
	defer func() {
		if n.session != nil {
			n.session.close(n.s.e)
		}
	}()
	_ = n.conn.SetReadDeadline(time.Now().Add(helloTimeout))
	if err := n.hello(); err != nil {
		return err
	}
	_ = n.conn.SetReadDeadline(time.Time{})
	for n.setIdle(true) {
		code, err := n.br.ReadByte()
		if err != nil {
			return err
		}
		if !n.setIdle(false) {
			return nil
		}
		if err := n.packet(ctx, proto.ClientCode(code)); err != nil {
			return err
		}
	}
	return nil
}

func (n *nativeConn) packet(ctx context.Context, code proto.ClientCode) error {
	switch code {
	case proto.ClientCodePing:
		proto.ServerCodePong.Encode(&n.w.buf)
		if err := n.w.send(); err != nil {
			return err
		}
		return n.w.bw.Flush()
	case proto.ClientCodeQuery:
		return n.query(ctx)
	case proto.ClientCodeData: // what was still on its way when a statement failed
		_, err := n.discardBlock()
		return err
	case proto.ClientCodeCancel:
		return nil
	default:
		return n.reject(newException(codeUnknownPacket, "Unknown packet %d from client", code))
	}
}

// reject tells the client why the connection ends.
func (n *nativeConn) reject(e *Exception) error {
	if err := n.exception(e); err != nil {
		return err
	}
	return e
}

func (n *nativeConn) exception(e error) error {
	x := asException(e)
	proto.ServerCodeException.Encode(&n.w.buf)
	p := proto.Exception{Code: proto.Error(x.Code), Name: "DB::Exception", Message: "DB::Exception: " + x.Message}
	p.EncodeAware(&n.w.buf, int(n.revision))
	if err := n.w.send(); err != nil {
		return err
	}
	return n.w.bw.Flush()
}

func asException(err error) *Exception {
	var x *Exception
	if errors.As(err, &x) {
		return x
	}
	return newException(codeUnknown, "%s", err)
}

// hello introduces both sides and checks the password.
func (n *nativeConn) hello() error {
	code, err := n.br.ReadByte()
	if err != nil {
		return err
	}
	if code == 'G' || code == 'P' {
		_, err := io.WriteString(n.conn, "HTTP/1.0 400 Bad Request\r\n\r\nThis is the port of the native protocol; use the HTTP port for HTTP.\r\n")
		return errors.Join(err, errors.New("HTTP on the native port"))
	}
	if proto.ClientCode(code) != proto.ClientCodeHello {
		return n.reject(newException(codeUnexpectedPacket, "Unexpected packet %d from client, expected Hello", code))
	}
	r := &n.r
	_ = r.string(maxShortString) // client name
	r.uvarint()
	r.uvarint()
	revision := r.uvarint()
	database, user, password := r.string(maxShortString), r.string(maxShortString), r.string(maxShortString)
	if r.err != nil {
		return r.err
	}
	n.revision = min(revision, serverRevision)
	if err := n.s.authenticate(user, password); err != nil {
		return n.reject(asException(err))
	}
	if n.revision < 54429 {
		return n.reject(newException(codeNotImplemented, "The client's protocol revision %d is older than 54429, the first with settings as text", revision))
	}
	if err := n.s.checkDatabase(database); err != nil {
		return n.reject(asException(err))
	}
	n.database = database
	return n.greet()
}

func (n *nativeConn) greet() error {
	var major, minor, patch int
	_, _ = fmt.Sscanf(n.s.e.version, "%d.%d.%d", &major, &minor, &patch)
	h := proto.ServerHello{Name: "ClickHouse", Major: major, Minor: minor, Revision: serverRevision,
		Timezone: n.s.e.zone, DisplayName: "millrace", Patch: patch}
	h.EncodeAware(&n.w.buf, int(n.revision))
	if err := n.w.send(); err != nil {
		return err
	}
	if err := n.w.bw.Flush(); err != nil {
		return err
	}
	if n.revision >= 54458 {
		_ = n.r.string(maxShortString) // addendum: quota key
	}
	return n.r.err
}

// checkDatabase tells early that a client's database does not exist.
func (s *server) checkDatabase(name string) error {
	if name == "" || name == "default" {
		return nil
	}
	out, err := s.e.ask("EXISTS DATABASE " + quoteName(name))
	if err == nil && strings.TrimSpace(out) != "1" {
		err = newException(codeUnknownDatabase, "Database %s does not exist", name)
	}
	return err
}
