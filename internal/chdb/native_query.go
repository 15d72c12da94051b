package chdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/ClickHouse/ch-go/proto"
)

// nativeQuery is a Query packet.
type nativeQuery struct {
	request
	body     string
	compress bool
}

// query serves one Query packet. Its error ends the connection; a failed statement does not.
func (n *nativeConn) query(ctx context.Context) error {
	q, err := n.readQuery()
	if err != nil {
		return err
	}
	n.cancelled.Store(false)
	n.setCompression(q)
	tables, err := n.externalTables()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = n.execute(ctx, cancel, q, tables)
	var gone *clientGone
	if errors.As(err, &gone) {
		return gone.err
	}
	if err != nil && n.cancelled.Swap(false) && asException(err).Code == codeQueryCancelled {
		proto.ServerCodeEndOfStream.Encode(&n.w.buf) // a client that has cancelled awaits no error
		err = n.w.send()
	}
	if err != nil {
		return n.exception(err)
	}
	return n.w.bw.Flush()
}

// clientGone is an error of the connection, not of the statement.
type clientGone struct{ err error }

func (c *clientGone) Error() string { return c.err.Error() }

func gone(err error) error {
	if err == nil {
		return nil
	}
	return &clientGone{err}
}

func (n *nativeConn) readQuery() (*nativeQuery, error) {
	r := &n.r
	q := &nativeQuery{}
	q.id = r.string(maxShortString)
	n.readClientInfo()
	q.database = n.database
	for range maxPairs {
		name := r.string(maxShortString)
		if name == "" {
			break
		}
		flags := r.uvarint()
		value := r.string(maxShortString)
		if flags&2 != 0 { // a custom setting is a quoted literal
			value = unquoteField(value)
		}
		q.settings = append(q.settings, Setting{name, value})
	}
	if n.revision >= 54441 {
		_ = r.string(maxShortString) // secret between servers
	}
	_ = r.uvarint() // stage: always complete
	q.compress = r.uvarint() != 0
	q.body = r.string(maxQueryString)
	if n.revision >= 54459 {
		n.readParameters(q)
	}
	return q, r.err
}

func (n *nativeConn) readParameters(q *nativeQuery) {
	for range maxPairs {
		name := n.r.string(maxShortString)
		if name == "" {
			return
		}
		n.r.uvarint()
		q.params = append(q.params, Param{name, unquoteField(n.r.string(maxQueryString))})
	}
}

// readClientInfo skips what the client tells of itself.
func (n *nativeConn) readClientInfo() {
	r := &n.r
	if r.byte() == 0 { // no initial query
		return
	}
	for range 3 { // initial user, query id, address
		_ = r.string(maxShortString)
	}
	if n.revision >= 54449 {
		r.skip(8)
	}
	if r.byte() == 1 { // TCP: os user, host, client, version
		for range 3 {
			_ = r.string(maxShortString)
		}
		for range 3 {
			r.uvarint()
		}
	} else {
		r.fail(errors.New("client info of an interface other than TCP"))
	}
	_ = r.string(maxShortString) // quota key
	if n.revision >= 54448 {
		r.uvarint()
	}
	r.uvarint() // patch
	if n.revision >= 54442 && r.byte() == 1 {
		r.skip(24)
		_ = r.string(maxShortString)
		r.byte()
	}
	if n.revision >= 54453 {
		for range 3 {
			r.uvarint()
		}
	}
}

// setCompression takes the client's wish: LZ4, unless it asks for ZSTD by setting.
func (n *nativeConn) setCompression(q *nativeQuery) {
	n.compressed = q.compress
	n.w.compress = nil
	if !q.compress {
		return
	}
	for _, s := range q.settings {
		if s.Name == "network_compression_method" && strings.EqualFold(s.Value, "ZSTD") {
			if n.zstd == nil {
				n.zstd = compress.NewWriter(compress.LevelZero, compress.ZSTD)
			}
			n.w.compress = n.zstd
			return
		}
	}
	if n.lz4 == nil {
		n.lz4 = compress.NewWriter(compress.LevelZero, compress.LZ4)
	}
	n.w.compress = n.lz4
}

// externalTable is a temporary table that the client sends along with its query.
type externalTable struct {
	name    string
	columns []columnHead
	data    []byte
}

// maxExternal bounds the bytes of a query's external tables.
const maxExternal = 256 << 20

// externalTables reads the blocks between a query and the empty block that ends them.
func (n *nativeConn) externalTables() ([]*externalTable, error) {
	var tables []*externalTable
	for {
		code, err := n.br.ReadByte()
		if err != nil {
			return nil, err
		}
		if proto.ClientCode(code) != proto.ClientCodeData {
			return nil, n.reject(newException(codeUnexpectedPacket, "Unexpected packet %d from client, expected Data", code))
		}
		t := &externalTable{}
		w, name := n.blockReader()
		t.name = name
		w.out = func(b []byte) error {
			if t.data = append(t.data, b...); len(t.data) > maxExternal {
				return fmt.Errorf("external tables are larger than %d bytes", maxExternal)
			}
			return nil
		}
		if n.r.err != nil {
			return nil, n.r.err
		}
		h, err := w.block()
		if err != nil {
			return nil, n.reject(newException(codeIncorrectData, "%s", err))
		}
		if h.columns == 0 {
			return tables, nil
		}
		t.columns = append(t.columns, w.columns...)
		tables = append(tables, t)
	}
}

// blockReader reads the head of a Data packet; the walker then reads its block at revision 0.
func (n *nativeConn) blockReader() (*blockWalker, string) {
	name := n.r.string(maxShortString)
	w := newBlockWalker(n.revision, 0)
	if n.compressed {
		w.setReader(n.frames)
	} else {
		w.setReader(n.br)
	}
	return w, name
}

func (n *nativeConn) discardBlock() (blockHead, error) {
	w, _ := n.blockReader()
	w.out = func([]byte) error { return nil }
	if n.r.err != nil {
		return blockHead{}, n.r.err
	}
	return w.block()
}

// execute runs the statement and writes its packets up to the end of the stream.
func (n *nativeConn) execute(ctx context.Context, cancel func(), q *nativeQuery, tables []*externalTable) error {
	st := parseStatement(q.body)
	if err := n.s.check(&st); err != nil {
		return err
	}
	n.s.e.translateKill(&st)
	if st.stateful && n.session == nil {
		n.session = &session{}
		if q.database != "" && q.database != "default" {
			if err := n.use(ctx, q.database); err != nil {
				return err
			}
		}
	}
	r, err := n.s.e.begin(ctx, &q.request, n.session)
	if err != nil {
		return err
	}
	defer r.end()
	if err := r.vet(&st, n.s.cfg.AllowFiles); err != nil {
		return err
	}
	for _, t := range tables {
		if err := r.createExternal(t); err != nil {
			return err
		}
	}
	if st.insertsData && !st.hasInline {
		return n.insertBlocks(r, &st, q)
	}
	stop := n.watch(cancel)
	defer stop()
	switch {
	case st.insertsData:
		return n.insertInline(r, &st, q)
	case st.streams():
		return n.selectRows(r, &st, q)
	default:
		return n.other(r, &st, q)
	}
}

// use makes a new session start in the client's database.
func (n *nativeConn) use(ctx context.Context, database string) error {
	r, err := n.s.e.begin(ctx, &request{}, n.session)
	if err != nil {
		return err
	}
	defer r.end()
	return r.exec("USE " + quoteName(database))
}

// watch looks for a Cancel packet or a closed socket while a statement runs. stop ends the watch
// and leaves the reader to the connection's goroutine again.
func (n *nativeConn) watch(cancel func()) (stop func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		head, err := n.br.Peek(1)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
		case err != nil:
			cancel()
		case proto.ClientCode(head[0]) == proto.ClientCodeCancel:
			_, _ = n.br.Discard(1) // cannot fail: it was peeked
			n.cancelled.Store(true)
			cancel()
		}
	}()
	return func() {
		_ = n.conn.SetReadDeadline(time.Unix(1, 0))
		<-done
		_ = n.conn.SetReadDeadline(time.Time{})
	}
}

// selectRows streams a SELECT block by block.
func (n *nativeConn) selectRows(r *run, st *statement, q *nativeQuery) error {
	out := n.newRows(r)
	stop := out.pulse(r)
	defer stop()
	s, err := r.stream(st.head+" "+nativeTail(st), "Native", q.params)
	if err != nil {
		return err
	}
	defer s.close()
	for {
		chunk, err := s.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := out.document(chunk); err != nil {
			return err
		}
		if err := out.progress(s.stats); err != nil {
			return err
		}
	}
	if !out.headed {
		s.close()
		if err := n.emptyResult(r, st, q, out); err != nil {
			return err
		}
	}
	stop() // nothing may follow the end
	return out.end(s.stats)
}

// nativeTail is a FORMAT clause that overrides the client's own, which means its local output.
func nativeTail(st *statement) string { return "FORMAT Native " + st.tail }

// other runs a statement that the engine does not stream.
func (n *nativeConn) other(r *run, st *statement, q *nativeQuery) error {
	out := n.newRows(r)
	stop := out.pulse(r)
	defer stop()
	query := st.text
	if st.returnsRows() {
		query = st.head + " " + nativeTail(st)
	}
	data, stats, err := r.whole(st, query, "Native", q.params)
	if err != nil {
		return err
	}
	switch {
	case len(data) > 0:
		err = out.document(data)
	case st.returnsRows():
		err = n.emptyResult(r, st, q, out)
	default:
		stop() // nothing may follow the end
		return out.finish(stats)
	}
	if err != nil {
		return err
	}
	stop() // nothing may follow the end
	return out.end(stats)
}

// emptyResult writes the header of a result without rows.
func (n *nativeConn) emptyResult(r *run, st *statement, q *nativeQuery, out *nativeRows) error {
	columns, err := r.describe(st, q.params)
	if err != nil {
		return err
	}
	return out.header(columns)
}

// unquoteField reads a string literal as ClickHouse dumps a Field; other literals stay as they are.
func unquoteField(s string) string {
	if len(s) < 2 || s[0] != '\'' || s[len(s)-1] != '\'' {
		return s
	}
	s = s[1 : len(s)-1]
	if !strings.ContainsAny(s, `\'`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\'' && i+1 < len(s) && s[i+1] == '\'' {
			i++
		} else if s[i] == '\\' && i+1 < len(s) {
			i++
			b.WriteByte(escaped(s[i]))
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// escaped is the byte that stands behind a backslash as c.
func escaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 't':
		return '\t'
	case 'r':
		return '\r'
	case '0':
		return 0
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'v':
		return '\v'
	case 'a':
		return '\a'
	}
	return c
}
