package olap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2"

	"millrace/internal/event"
)

// revision is the version of the native protocol that inserts speak: old enough
// for every server in use and for packets without later additions, new enough
// for settings by name.
const revision = int(proto.FeatureQueryStartTime)

// insertConn is a connection that inserts events. It speaks ClickHouse's
// native protocol itself, because no driver takes columns that lie ready in
// the form of the wire. It is used by one goroutine at a time, and closed
// after an error.
type insertConn struct {
	net.Conn
	reader   *proto.Reader
	block    *blockWriter
	columns  []insertColumn
	openedAt time.Time
}

// dialInsert connects to the first server that answers.
func dialInsert(ctx context.Context, opt *clickhouse.Options, c Compression) (*insertConn, error) {
	ctx, cancel := context.WithTimeout(ctx, opt.DialTimeout)
	defer cancel()
	var faults []error
	for _, address := range opt.Addr {
		conn, err := dialNative(ctx, opt, address)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		ic := &insertConn{Conn: conn, reader: proto.NewReader(conn), block: newBlockWriter(conn, c), columns: insertColumns(), openedAt: time.Now()}
		defer ic.endWith(ctx)()
		if err := ic.hello(opt.Auth); err != nil {
			conn.Close()
			return nil, err
		}
		return ic, nil
	}
	return nil, errors.Join(faults...)
}

func dialNative(ctx context.Context, opt *clickhouse.Options, address string) (net.Conn, error) {
	switch {
	case opt.DialContext != nil:
		return opt.DialContext(ctx, address)
	case opt.TLS != nil:
		return (&tls.Dialer{Config: opt.TLS}).DialContext(ctx, "tcp", address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// endWith breaks what the connection is doing when ctx ends. The caller calls
// the result when it is done.
func (c *insertConn) endWith(ctx context.Context) (done func()) {
	deadline, _ := ctx.Deadline() // zero means none
	_ = c.SetDeadline(deadline)   // an error: it is closed, and what follows says so
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	return func() {
		stop()
		_ = c.SetDeadline(time.Time{})
	}
}

// hello introduces this client.
func (c *insertConn) hello(auth clickhouse.Auth) error {
	var b proto.Buffer
	user := auth.Username
	if user == "" {
		user = "default"
	}
	proto.ClientHello{Name: clientName, Major: 1, ProtocolVersion: revision, Database: auth.Database, User: user, Password: auth.Password}.Encode(&b)
	c.block.send(b.Buf)
	if err := c.block.flush(); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	code, err := c.packet()
	if err != nil {
		return err
	}
	if code != proto.ServerCodeHello {
		return fmt.Errorf("greet: the server answers with packet %d", code)
	}
	var server proto.ServerHello
	if err := server.DecodeAware(c.reader, revision); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	if server.Revision < revision {
		return fmt.Errorf("greet: ClickHouse %d.%d is too old: inserts need 21.1 or later", server.Major, server.Minor)
	}
	return nil
}

const clientName = "millrace"

// alive reports whether the server still holds its end. Between two inserts it
// has nothing to say, so whatever can be read is the end, or a fault.
func (c *insertConn) alive() bool {
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	defer func() { _ = c.SetReadDeadline(time.Time{}) }()
	var one [1]byte
	_, err := c.Read(one[:])
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// insert sends the batch as one block and returns when it is stored.
func (c *insertConn) insert(ctx context.Context, b *event.Batch, settings []proto.Setting) error {
	defer c.endWith(ctx)()
	err := c.ask(insertStatement(c.columns), settings)
	if err == nil {
		err = c.await(proto.ServerCodeData) // what the server expects of the block
	}
	if err == nil {
		err = c.send(b)
	}
	if err == nil {
		err = c.await(proto.ServerCodeEndOfStream)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return errors.Join(cause, err)
	}
	return err
}

// ask sends the statement.
func (c *insertConn) ask(statement string, settings []proto.Setting) error {
	compression := proto.CompressionDisabled
	if c.block.compresses() {
		compression = proto.CompressionEnabled
	}
	var b proto.Buffer
	proto.Query{
		Body: statement, Stage: proto.StageComplete, Compression: compression, Settings: settings,
		Info: proto.ClientInfo{ProtocolVersion: revision, Major: 1, Interface: proto.InterfaceTCP, Query: proto.ClientQueryInitial,
			InitialAddress: c.LocalAddr().String(), ClientName: clientName},
	}.EncodeAware(&b, revision)
	c.block.send(b.Buf)
	c.emptyBlock() // no tables come along
	return c.block.flush()
}

// send sends the batch and the end of the data.
func (c *insertConn) send(b *event.Batch) error {
	c.beginData()
	c.block.head(len(c.columns), b.Len())
	for _, column := range c.columns {
		c.block.column(column.name, column.kind)
		column.write(c.block, b)
	}
	c.block.endFrame()
	c.emptyBlock()
	err := c.block.flush()
	if err != nil {
		err = c.refusal(err)
	}
	return err
}

func (c *insertConn) emptyBlock() {
	c.beginData()
	c.block.head(0, 0)
	c.block.endFrame()
}

// beginData begins a packet with a block of no table in particular.
func (c *insertConn) beginData() {
	c.block.send([]byte{byte(proto.ClientCodeData), 0})
}

// refusalTimeout bounds the wait for the reason of a connection that broke
// while it was written to.
const refusalTimeout = time.Second

// refusal looks for the reason why the server has stopped reading. Only if it
// tells none, the broken connection is the error.
func (c *insertConn) refusal(broken error) error {
	_ = c.SetReadDeadline(time.Now().Add(refusalTimeout))
	var exception *clickhouse.Exception
	if err := c.await(proto.ServerCodeEndOfStream); errors.As(err, &exception) {
		return exception
	}
	return broken
}

// await reads packets up to one of the kind that is wanted. An exception of the
// server is an error.
func (c *insertConn) await(want proto.ServerCode) error {
	for {
		code, err := c.packet()
		if err != nil {
			return err
		}
		if err := c.skip(code); err != nil {
			return fmt.Errorf("read packet %d of the server: %w", code, err)
		}
		if code == want {
			return nil
		}
	}
}

// packet reads the code of the next packet.
func (c *insertConn) packet() (proto.ServerCode, error) {
	code, err := c.reader.UVarInt()
	if err != nil {
		return 0, fmt.Errorf("read from the server: %w", err)
	}
	if proto.ServerCode(code) == proto.ServerCodeException {
		return 0, c.exception()
	}
	return proto.ServerCode(code), nil
}

// exception reads what the server refuses with.
func (c *insertConn) exception() error {
	var e proto.Exception
	if err := e.DecodeAware(c.reader, revision); err != nil {
		return fmt.Errorf("read the server's exception: %w", err)
	}
	return &clickhouse.Exception{Code: int32(e.Code), Name: e.Name, Message: e.Message, StackTrace: e.Stack}
}

// skip reads a packet that says nothing of interest here.
func (c *insertConn) skip(code proto.ServerCode) error {
	switch code {
	case proto.ServerCodeEndOfStream:
		return nil
	case proto.ServerCodeData:
		return c.skipHeader()
	case proto.ServerCodeProgress:
		return new(proto.Progress).DecodeAware(c.reader, revision)
	case proto.ServerCodeProfile:
		return new(proto.Profile).DecodeAware(c.reader, revision)
	case proto.ServerCodeTableColumns:
		return new(proto.TableColumns).DecodeAware(c.reader, revision)
	}
	return errors.New("an insert does not expect it")
}

// skipHeader reads a block without rows.
func (c *insertConn) skipHeader() error {
	if _, err := c.reader.Str(); err != nil { // the name of a table
		return err
	}
	if c.block.compresses() {
		c.reader.EnableCompression()
		defer c.reader.DisableCompression()
	}
	return new(proto.Block).DecodeBlock(c.reader, revision, nil)
}
