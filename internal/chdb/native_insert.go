package chdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
)

// insertPiece is how much of a client's block is handed to the engine at a time.
const insertPiece = 1 << 20

// insertBlocks feeds the client's blocks into one INSERT.
func (n *nativeConn) insertBlocks(r *run, st *statement, q *nativeQuery) error {
	columns, err := r.insertColumns(st, q.params)
	if err != nil {
		return err
	}
	in, err := r.insert(st.head, "Native", q.params)
	if err != nil {
		return err
	}
	defer in.cancel()
	rows := n.newRows(r)
	if err := rows.header(columns); err != nil {
		return err
	}
	if err := n.w.bw.Flush(); err != nil {
		return gone(err)
	}
	if err := n.feed(in, wantsEvents(n, q)); err != nil {
		return err
	}
	stats, err := in.finish()
	if err != nil {
		return err
	}
	return rows.finish(stats)
}

// wantsEvents tells whether the client waits for profile events after each block that it sends.
func wantsEvents(n *nativeConn, q *nativeQuery) bool {
	for _, s := range q.settings {
		if s.Name == "send_profile_events" && s.Value == "0" {
			return false
		}
	}
	return n.revision >= 54456
}

// profileColumns are those of ClickHouse's profile events; this server knows none, but some clients
// count the packets.
var profileColumns = []columnHead{{"host_name", "String"}, {"current_time", "DateTime"}, {"thread_id", "UInt64"},
	{"type", "Enum8('increment' = 1, 'gauge' = 2)"}, {"name", "String"}, {"value", "Int64"}}

// events acknowledges a block of an INSERT.
func (n *nativeConn) events() error {
	proto.ServerProfileEvents.Encode(&n.w.buf)
	n.w.buf.PutString("")
	n.w.buf.PutRaw(appendHeader(nil, profileColumns, n.revision))
	if err := n.w.send(); err != nil {
		return gone(err)
	}
	return gone(n.w.bw.Flush())
}

// feed reads Data packets up to the empty block.
func (n *nativeConn) feed(in *insert, events bool) error {
	f := feeder{n: n, in: in, piece: make([]byte, 0, insertPiece+64<<10)}
	for {
		if err := n.expectData(); err != nil {
			return err
		}
		more, err := f.block()
		if err != nil {
			return err
		}
		if events {
			if err := n.events(); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

// expectData reads the code of the next packet of an INSERT.
func (n *nativeConn) expectData() error {
	code, err := n.br.ReadByte()
	switch {
	case err != nil:
		return gone(err)
	case proto.ClientCode(code) == proto.ClientCodeCancel:
		n.cancelled.Store(true)
		return newException(codeQueryCancelled, "Query was cancelled")
	case proto.ClientCode(code) != proto.ClientCodeData:
		return gone(fmt.Errorf("unexpected packet %d during an insert", code))
	}
	return nil
}

// feeder hands a client's blocks to an INSERT in pieces.
type feeder struct {
	n       *nativeConn
	in      *insert
	piece   []byte
	refused error // the engine's; the rest of the block is then read and dropped
}

// block passes one block on and reports whether it had columns: the empty one is the last.
func (f *feeder) block() (more bool, err error) {
	w, _ := f.n.blockReader()
	if f.n.r.err != nil {
		return false, gone(f.n.r.err)
	}
	f.piece = f.piece[:0]
	w.out = f.take
	h, err := w.block()
	switch {
	case err != nil:
		return false, badBlock(err)
	case f.refused != nil:
		return false, f.refused
	case h.columns == 0:
		return false, nil
	}
	return true, f.in.append(f.piece)
}

func (f *feeder) take(b []byte) error {
	if f.refused != nil {
		return nil
	}
	if f.piece = append(f.piece, b...); len(f.piece) >= insertPiece {
		f.refused = f.in.append(f.piece)
		f.piece = f.piece[:0]
	}
	return nil
}

// badBlock: after it the position in the stream is lost, so the connection ends.
func badBlock(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return gone(err)
	}
	return gone(newException(codeIncorrectData, "%s", err))
}

// insertInline runs an INSERT whose rows stand in the statement.
func (n *nativeConn) insertInline(r *run, st *statement, q *nativeQuery) error {
	in, err := r.insert(st.head, st.format, q.params)
	if err != nil {
		return err
	}
	defer in.cancel()
	if err := in.append([]byte(st.inline)); err != nil {
		return err
	}
	stats, err := in.finish()
	if err != nil {
		return err
	}
	return n.newRows(r).finish(stats)
}

// describedColumn is a row of DESCRIBE in FORMAT JSONEachRow.
type describedColumn struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	DefaultType string `json:"default_type"`
}

func (r *run) describeText(expression string, params []Param) ([]describedColumn, error) {
	data, _, err := r.query("DESCRIBE TABLE "+expression+" FORMAT JSONEachRow", "JSONEachRow", params)
	if err != nil {
		return nil, err
	}
	var out []describedColumn
	for line := range strings.Lines(string(data)) {
		var c describedColumn
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			return nil, fmt.Errorf("read the engine's description of a table: %w", err)
		}
		out = append(out, c)
	}
	return out, nil
}

// describe tells the columns of a statement that has returned no rows.
func (r *run) describe(st *statement, params []Param) ([]columnHead, error) {
	if !st.streams() {
		return r.describeByHeader(st, params)
	}
	described, err := r.describeText("("+st.head+")", params)
	if err != nil {
		return nil, err
	}
	return heads(described), nil
}

// describeByHeader runs a statement like SHOW again in a format that begins with names and types.
func (r *run) describeByHeader(st *statement, params []Param) ([]columnHead, error) {
	data, _, err := r.query(st.head+" FORMAT JSONCompact "+st.tail, "JSONCompact", params)
	if err != nil || len(data) == 0 {
		return nil, err
	}
	var doc struct {
		Meta []describedColumn `json:"meta"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read the engine's header: %w", err)
	}
	return heads(doc.Meta), nil
}

func heads(columns []describedColumn) []columnHead {
	out := make([]columnHead, 0, len(columns))
	for _, c := range columns {
		out = append(out, columnHead{c.Name, c.Type})
	}
	return out
}

// insertColumns tells the columns that an INSERT expects, in its order.
func (r *run) insertColumns(st *statement, params []Param) ([]columnHead, error) {
	all, err := r.describeText(st.target, params)
	if err != nil {
		return nil, err
	}
	if st.columns == "" {
		var out []describedColumn
		for _, c := range all {
			if c.DefaultType != "MATERIALIZED" && c.DefaultType != "ALIAS" && c.DefaultType != "EPHEMERAL" {
				out = append(out, c)
			}
		}
		return heads(out), nil
	}
	return r.namedColumns(st, all, params)
}

func (r *run) namedColumns(st *statement, all []describedColumn, params []Param) ([]columnHead, error) {
	byName := make(map[string]describedColumn, len(all))
	for _, c := range all {
		byName[c.Name] = c
	}
	list := strings.TrimSuffix(strings.TrimPrefix(st.columns, "("), ")")
	var out []describedColumn
	for _, item := range splitArgs(list) {
		c, ok := byName[unquoteName(item)]
		if !ok { // * EXCEPT (…), or a name that does not exist: the engine knows
			described, err := r.describeText("(SELECT "+list+" FROM "+st.target+")", params)
			return heads(described), err
		}
		out = append(out, c)
	}
	return heads(out), nil
}

func unquoteName(s string) string {
	if len(s) >= 2 && (s[0] == '`' || s[0] == '"') && s[len(s)-1] == s[0] {
		return strings.NewReplacer("\\"+s[:1], s[:1], s[:1]+s[:1], s[:1], `\\`, `\`).Replace(s[1 : len(s)-1])
	}
	return s
}

// createExternal makes a client's table a temporary one of the statement's own connection.
func (r *run) createExternal(t *externalTable) error {
	defs := make([]string, 0, len(t.columns))
	for _, c := range t.columns {
		defs = append(defs, quoteName(c.name)+" "+c.typeName)
	}
	if err := r.exec("CREATE TEMPORARY TABLE IF NOT EXISTS " + quoteName(t.name) + " (" + strings.Join(defs, ", ") + ") ENGINE = Memory"); err != nil {
		return err
	}
	in, err := r.insert("INSERT INTO "+quoteName(t.name), "Native", nil)
	if err != nil {
		return err
	}
	defer in.cancel()
	if err := in.append(t.data); err != nil {
		return err
	}
	_, err = in.finish()
	return err
}
