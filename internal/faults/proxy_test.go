//go:build linux

package faults

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// wire is a client, a proxy and a server that the test plays.
type wire struct {
	client, server net.Conn
	proxy          *proxy
}

func newWire(t *testing.T, p protocol) wire {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	x, err := newProxy(listener.Addr().String(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.close)
	client, err := net.Dial("tcp", x.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	for _, c := range []net.Conn{client, server} {
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	}
	return wire{client, server, x}
}

// frame is a Kafka request with a key and a correlation id.
func frame(key uint16, correlation uint32, body string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(8+len(body)))
	b = binary.BigEndian.AppendUint16(b, key)
	b = binary.BigEndian.AppendUint16(b, 9)
	b = binary.BigEndian.AppendUint32(b, correlation)
	return append(b, body...)
}

// answer is a Kafka response.
func answer(correlation uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{0, 0, 0, 4}, correlation)
}

func mustWrite(t *testing.T, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t *testing.T, c net.Conn, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// mustEnd waits for the end of a connection on which nothing more comes.
func mustEnd(t *testing.T, c net.Conn) {
	t.Helper()
	n, err := c.Read(make([]byte, 1))
	var timeout net.Error
	if n > 0 || err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("got %d bytes and %v, want the connection's end", n, err)
	}
}

func TestBrokerProxyLosesTheAnswerOfACommit(t *testing.T) {
	p := &brokerProtocol{}
	w := newWire(t, p)
	other, commit := frame(1, 7, "fetch"), frame(offsetCommit, 8, "commit")
	p.commitLost.arm(0)
	mustWrite(t, w.client, other)
	mustRead(t, w.server, other)
	mustWrite(t, w.client, commit)
	mustRead(t, w.server, commit)
	mustWrite(t, w.server, answer(7))
	mustRead(t, w.client, answer(7))
	mustWrite(t, w.server, answer(8))
	mustEnd(t, w.client)
	if got := p.commitLost.fired.Load(); got != 1 {
		t.Errorf("fired %d times, want 1", got)
	}
}

func TestBrokerProxyDeliversACommitLate(t *testing.T) {
	p := &brokerProtocol{}
	w := newWire(t, p)
	commit := frame(offsetCommit, 8, "commit")
	p.commitLate.arm(50 * time.Millisecond)
	mustWrite(t, w.client, commit)
	mustEnd(t, w.client)
	mustRead(t, w.server, commit)
}

func TestBrokerProxyTakesTheSealOut(t *testing.T) {
	w := newWire(t, &brokerProtocol{noSeal: true})
	mustWrite(t, w.client, frame(offsetCommit, 1, "x"+string(sealMark)+"12"))
	mustRead(t, w.server, frame(offsetCommit, 1, "x"+string(noMark)+"12"))
}

func TestStoreProxyCutsAfterTheStoreHasStored(t *testing.T) {
	p := &storeProtocol{}
	w := newWire(t, p)
	block := bytes.Repeat([]byte{2}, 2*statementBytes)
	p.cutAfter.arm(0)
	mustWrite(t, w.client, block[:10])
	mustRead(t, w.server, block[:10])
	mustWrite(t, w.server, []byte{1, 1}) // the header before the block passes
	mustRead(t, w.client, []byte{1, 1})
	mustWrite(t, w.client, block)
	mustRead(t, w.server, block)
	mustWrite(t, w.server, []byte{5}) // end of stream: stored
	mustEnd(t, w.client)
}

func TestStoreProxyCutsInTheMiddle(t *testing.T) {
	p := &storeProtocol{}
	w := newWire(t, p)
	p.cutMid.arm(0)
	mustWrite(t, w.client, bytes.Repeat([]byte{2}, 2*statementBytes))
	mustEnd(t, w.client)
	got, _ := io.ReadAll(w.server) // a reset is as good an end as any
	if len(got) >= 2*statementBytes {
		t.Errorf("the server got %d bytes, want a part", len(got))
	}
}

func TestStoreProxyDeliversAnInsertLate(t *testing.T) {
	p := &storeProtocol{}
	w := newWire(t, p)
	block := bytes.Repeat([]byte{2}, 2*statementBytes)
	p.late.arm(100 * time.Millisecond)
	mustWrite(t, w.client, block)
	mustEnd(t, w.client) // no answer
	mustRead(t, w.server, block)
}

func TestStoreProxyTakesViewDeduplicationOff(t *testing.T) {
	w := newWire(t, &storeProtocol{noViewDedup: true})
	mustWrite(t, w.client, append([]byte("\x01"), append(bytes.Clone(viewSetting), "rest"...)...))
	mustRead(t, w.server, append([]byte("\x01"), append(bytes.Clone(viewSettingOff), "rest"...)...))
}
