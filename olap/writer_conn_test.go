package olap

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace/internal/event"
)

// gate passes connections on to the store and does with them what the test
// says.
type gate struct {
	net.Listener
	target  string
	passing sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	cutAt int64 // bytes of a client after which its connections break; 0 for never
	quiet bool  // the store's answers are held back
}

// newGate listens on a free port, with TLS where there is a configuration.
func newGate(t *testing.T, target string, cfg *tls.Config) *gate {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if cfg != nil {
		listener = tls.NewListener(listener, cfg)
	}
	g := &gate{Listener: listener, target: target}
	g.passing.Go(g.serve)
	t.Cleanup(func() {
		listener.Close()
		g.cut()
		g.passing.Wait()
	})
	return g
}

func (g *gate) serve() {
	for {
		client, err := g.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", g.target)
		if err != nil {
			client.Close()
			continue
		}
		g.mu.Lock()
		g.conns = append(g.conns, client, server)
		cutAt, quiet := g.cutAt, g.quiet
		g.mu.Unlock()
		g.passing.Go(func() {
			var up io.Reader = client
			if cutAt > 0 {
				up = io.LimitReader(client, cutAt)
			}
			_, _ = io.Copy(server, up) // the end of either is the end of both
			client.Close()
			server.Close()
		})
		g.passing.Go(func() {
			if quiet {
				_, _ = io.Copy(io.Discard, server)
			} else {
				_, _ = io.Copy(client, server)
			}
			client.Close()
		})
	}
}

// cut breaks every connection.
func (g *gate) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.conns {
		c.Close()
	}
	g.conns = nil
}

func (g *gate) set(cutAt int64, quiet bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cutAt, g.quiet = cutAt, quiet
}

// through is a store whose inserts go through the gate.
func through(t *testing.T, g *gate, s *Store, change ...func(*Config)) *Store {
	t.Helper()
	cfg := s.cfg
	cfg.Address = g.Addr().String()
	for _, c := range change {
		c(&cfg)
	}
	opt, err := cfg.options()
	if err != nil {
		t.Fatal(err)
	}
	other := &Store{cfg: cfg, database: s.database, conn: s.conn, inserts: newInsertPool(opt, cfg.Compression.to(opt.Addr[0]))}
	t.Cleanup(func() { other.inserts.close() })
	return other
}

// manyRows are enough for the socket's buffers not to hold them.
func manyRows(n int) *event.Batch {
	rows := make([]row, n)
	for i := range rows {
		rows[i] = row{kind: "view", user: "u", at: at("2026-01-01T00:00:00Z"), properties: `{"text":"` + strings.Repeat("x", 200) + `"}`}
	}
	return batchOf(rows)
}

// A connection that breaks in the middle of a block leaves nothing behind, is
// an unknown outcome, and the same block on a new one lands once.
func TestWriteSurvivesABrokenConnection(t *testing.T) {
	s := newStore(t)
	g := newGate(t, s.cfg.Address, nil)
	w := through(t, g, s).Writer()
	batch := manyRows(20_000)
	g.set(1<<20, false)
	err := w.Write(t.Context(), batch, "t")
	var write *WriteError
	if !errors.As(err, &write) || write.Class() != ClassNetwork {
		t.Fatalf("got %v, want an error of class %s", err, ClassNetwork)
	}
	if n := s.mustCount(t); n != 0 {
		t.Errorf("%d rows are stored of a block that was cut", n)
	}
	g.set(0, false)
	for range 2 {
		if err := w.Write(t.Context(), batch, "t"); err != nil {
			t.Fatal(err)
		}
	}
	g.cut() // while it is idle: the next write finds out and connects anew
	if err := w.Write(t.Context(), batch, "t"); err != nil {
		t.Fatal(err)
	}
	if n := s.mustCount(t); n != uint64(batch.Len()) {
		t.Errorf("%d rows are stored, want %d", n, batch.Len())
	}
	sameAsWindows(t, s)
}

// A store that does not answer in time is an unknown outcome; so is a caller
// that gives up.
func TestWriteKeepsItsDeadline(t *testing.T) {
	s := newStore(t)
	g := newGate(t, s.cfg.Address, nil)
	g.set(0, true)
	batch := manyRows(10)
	w := through(t, g, s, func(cfg *Config) { cfg.WriteTimeout = 200 * time.Millisecond }).Writer()
	var write *WriteError
	if err := w.Write(t.Context(), batch, "t"); !errors.As(err, &write) || write.Class() != ClassNetwork {
		t.Errorf("a store that is silent: got %v, want an error of class %s", err, ClassNetwork)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if err := through(t, g, s).Writer().Write(ctx, batch, "t"); !errors.As(err, &write) || write.Class() != ClassNetwork {
		t.Errorf("a caller that gives up: got %v, want an error of class %s", err, ClassNetwork)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("giving up took %v", took)
	}
}

// What the store says is told, and the writer goes on after it.
func TestWriteTellsWhatTheStoreSays(t *testing.T) {
	s := newStore(t)
	batch := manyRows(30_000)
	for _, tc := range []struct{ name, before, after, class string }{
		{"a table is missing", "RENAME TABLE events TO away", "RENAME TABLE away TO events", ClassSetup},
		{"a value is refused", "ALTER TABLE events ADD CONSTRAINT no_views CHECK type != 'view'", "ALTER TABLE events DROP CONSTRAINT no_views", ClassContent},
	} {
		if err := s.conn.Exec(t.Context(), tc.before); err != nil {
			t.Fatal(err)
		}
		var write *WriteError
		if err := s.Writer().Write(t.Context(), batch, "t"); !errors.As(err, &write) || write.Class() != tc.class {
			t.Errorf("%s: got %v, want an error of class %s", tc.name, err, tc.class)
		}
		if err := s.conn.Exec(t.Context(), tc.after); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Writer().Write(t.Context(), batch, "t"); err != nil {
		t.Fatal(err)
	}
	if n := s.mustCount(t); n != uint64(batch.Len()) {
		t.Errorf("%d rows are stored, want %d", n, batch.Len())
	}
}

// Every compression stores the same rows, and words that are many and long.
func TestWriteInEveryCompression(t *testing.T) {
	s := newStore(t)
	batch := &event.Batch{}
	for i := range 70_000 { // more words than two bytes can count
		r := row{kind: "view", user: "u", at: at("2026-01-01T00:00:00Z"), category: "category " + strings.Repeat("x", i%300) + time.Duration(i).String()}
		appendRow(batch, r, int64(i))
	}
	for _, c := range Compressions() {
		cfg := s.cfg
		cfg.Compression = c
		other, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(other.Writer().Write(t.Context(), batch, "all "+string(c)), other.Writer().Write(t.Context(), batch.Range(300, 600), "some "+string(c)), other.Close()); err != nil {
			t.Fatalf("%s: %v", c, err)
		}
	}
	var rows, same uint64
	err := s.conn.QueryRow(t.Context(), `SELECT sum(rows), countIf(lines = 1) FROM
		(SELECT count() AS rows, uniqExact(category, user_id, properties) AS lines FROM events GROUP BY kafka_offset)`).Scan(&rows, &same)
	if err != nil {
		t.Fatal(err)
	}
	if want := uint64(len(Compressions())) * 70_300; rows != want || same != 70_000 {
		t.Errorf("%d rows, of them %d that all compressions agree on; want %d and 70000", rows, same, want)
	}
	if _, err := Open(t.Context(), Config{Compression: "zip"}); err == nil || !strings.Contains(err.Error(), "lz4-text") {
		t.Errorf("an unknown compression: %v", err)
	}
}

func TestCompressionByAddress(t *testing.T) {
	for address, want := range map[string]Compression{
		"127.0.0.1:9000": CompressionNone, "[::1]:9000": CompressionNone, "localhost:9000": CompressionNone,
		"10.0.0.7:9000": CompressionLZ4, "clickhouse.internal:9000": CompressionLZ4,
	} {
		if got := CompressionAuto.to(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
		if got := CompressionZSTD.to(address); got != CompressionZSTD {
			t.Errorf("%s: %s, want what was asked for", address, got)
		}
	}
}

// Inserts use the user, the password, TLS and the settings of the address.
func TestWriteUsesTheWholeAddress(t *testing.T) {
	s := newStore(t)
	g := newGate(t, s.cfg.Address, selfSigned(t))
	url := func(scheme string) func(*Config) {
		return func(cfg *Config) {
			cfg.Address = scheme + g.Addr().String() + "/" + s.database + "?secure=true&skip_verify=true"
		}
	}
	batch := manyRows(100)
	if err := through(t, g, s, url("clickhouse://default:@")).Writer().Write(t.Context(), batch, "t"); err != nil {
		t.Fatal(err)
	}
	var write *WriteError
	err := through(t, g, s, url("clickhouse://nobody:secret@")).Writer().Write(t.Context(), batch, "t")
	if !errors.As(err, &write) || write.Class() != ClassSetup {
		t.Errorf("a wrong user: got %v, want an error of class %s", err, ClassSetup)
	}
	readonly := func(cfg *Config) {
		cfg.Address = "clickhouse://" + s.cfg.Address + "/" + s.database + "?readonly=1"
	}
	if err := through(t, g, s, readonly).Writer().Write(t.Context(), batch, "other"); err == nil {
		t.Error("a setting of the address does not reach inserts")
	}
}

// selfSigned is a server's configuration with a certificate of its own.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gate"}, NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}
}

// The budget of the path from a batch to the wire: nothing per row.
func TestEncodingAllocatesNothingPerRow(t *testing.T) {
	batch := manyRows(5000)
	for _, c := range []Compression{CompressionNone, CompressionLZ4, CompressionLZ4Text} {
		conn := &insertConn{block: newBlockWriter(io.Discard, c), columns: insertColumns()}
		encode := func() {
			if err := conn.send(batch); err != nil {
				t.Fatal(err)
			}
		}
		encode() // buffers grow once
		if got := testing.AllocsPerRun(20, encode); got > 150 {
			t.Errorf("%s: a block of %d rows takes %v allocations, the budget is 150 for the block", c, batch.Len(), got)
		}
	}
}
