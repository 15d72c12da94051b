package chdb

import (
	"compress/gzip"
	"compress/zlib"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// replyBuffer is what an answer may hold back: while it does, an error still gets its own status,
// and a short answer's headers tell its counters.
const replyBuffer = 64 << 10

// maxWaitBuffer bounds an answer under wait_end_of_query=1.
const maxWaitBuffer = 512 << 20

// reply is the answer to one query.
type reply struct {
	w       http.ResponseWriter
	r       *http.Request
	limit   int
	wait    bool
	held    []byte
	sent    bool // headers are out
	tag     string
	coding  string
	framed  bool
	body    io.Writer
	closer  io.Closer
	stats   Stats
	started time.Time
}

func newReply(w http.ResponseWriter, r *http.Request, args url.Values) *reply {
	o := &reply{w: w, r: r, limit: replyBuffer, started: time.Now()}
	if n, err := strconv.Atoi(args.Get("buffer_size")); err == nil && n > o.limit {
		o.limit = min(n, maxWaitBuffer)
	}
	if args.Get("wait_end_of_query") == "1" {
		o.limit, o.wait = maxWaitBuffer, true
	}
	o.framed = args.Get("compress") == "1"
	if on := args.Get("enable_http_compression"); !o.framed && (on == "1" || on == "true") {
		o.coding = chooseCoding(r.Header.Get("Accept-Encoding"))
	}
	return o
}

// chooseCoding picks as ClickHouse does: the first it knows in its own order of preference.
func chooseCoding(accept string) string {
	for _, c := range []string{"br", "lz4", "zstd", "gzip", "deflate"} {
		for part := range strings.SplitSeq(accept, ",") {
			name, _, _ := strings.Cut(strings.TrimSpace(part), ";")
			if strings.EqualFold(name, c) {
				return c
			}
		}
	}
	return ""
}

func (o *reply) setFormat(format string) {
	o.w.Header().Set("X-ClickHouse-Format", format)
	o.w.Header().Set("Content-Type", contentType(format))
}

// Write holds small answers back and streams large ones.
func (o *reply) Write(p []byte) (int, error) {
	if !o.sent {
		if len(o.held)+len(p) <= o.limit {
			o.held = append(o.held, p...)
			return len(p), nil
		}
		if o.wait {
			return 0, newException(codeBadArguments, "The answer is larger than %d bytes: leave out wait_end_of_query", maxWaitBuffer)
		}
		if err := o.begin(); err != nil {
			return 0, err
		}
	}
	n, err := o.body.Write(p)
	if err != nil {
		err = &clientGone{err}
	}
	return n, err
}

// begin sends the headers and what was held back.
func (o *reply) begin() error {
	o.sent = true
	head := o.w.Header()
	head.Set("X-ClickHouse-Summary", summary(o.stats, time.Since(o.started)))
	if head.Get("Content-Type") == "" {
		head.Set("Content-Type", contentType("TabSeparated"))
	}
	o.tag = rand.Text()[:16]
	head.Set("X-ClickHouse-Exception-Tag", o.tag)
	if o.coding != "" {
		head.Set("Content-Encoding", o.coding)
	}
	o.w.WriteHeader(http.StatusOK)
	o.body, o.closer = o.encoder()
	_, err := o.body.Write(o.held)
	o.held = nil
	return err
}

func (o *reply) encoder() (io.Writer, io.Closer) {
	if o.framed {
		f := &framesWriter{w: o.w, c: compress.NewWriter(compress.LevelZero, compress.LZ4)}
		return f, f
	}
	var e io.WriteCloser
	switch o.coding {
	case "br":
		e = brotli.NewWriterLevel(o.w, 3)
	case "lz4":
		e = lz4.NewWriter(o.w)
	case "zstd":
		e, _ = zstd.NewWriter(o.w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest)) // fails on bad options only
	case "gzip":
		e, _ = gzip.NewWriterLevel(o.w, 3) // fails on a bad level only
	case "deflate":
		e, _ = zlib.NewWriterLevel(o.w, 3)
	default:
		return o.w, nil
	}
	return e, e
}

// finish ends the answer, with an exception where there is one.
func (o *reply) finish(err error) {
	if err != nil {
		o.fail(err)
		return
	}
	if !o.sent && o.begin() != nil {
		return
	}
	if o.closer != nil {
		_ = o.closer.Close() // the client has left
	}
}

// fail reports an exception: with a status of its own while that is possible, else at the end of
// the body in ClickHouse's marked form, and by breaking the connection off.
func (o *reply) fail(err error) {
	x := asException(err)
	text := x.Error() + "\n"
	if !o.sent {
		o.sent = true
		head := o.w.Header()
		head.Set("X-ClickHouse-Exception-Code", strconv.Itoa(x.Code))
		head.Set("Content-Type", "text/plain; charset=UTF-8")
		head.Set("X-ClickHouse-Summary", summary(o.stats, time.Since(o.started)))
		if x.Code == codeAuthenticationFailed {
			head.Set("WWW-Authenticate", `Basic realm="ClickHouse server HTTP API"`)
		}
		o.w.WriteHeader(statusOf(x.Code))
		_, _ = io.WriteString(o.w, text)
		return
	}
	mark := "__exception__\r\n"
	fmt.Fprintf(o.body, "\r\n%s%s\r\n%s%d %s\r\n%s", mark, o.tag, text, len(text), o.tag, mark)
	if o.closer != nil {
		_ = o.closer.Close()
	}
	_ = http.NewResponseController(o.w).Flush()
	panic(http.ErrAbortHandler) // net/http's way to end a body without its proper end
}

// framesWriter writes ClickHouse's own compressed frames.
type framesWriter struct {
	w   io.Writer
	c   *compress.Writer
	buf []byte
}

func (f *framesWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		m := min(len(p), frameSize-len(f.buf))
		f.buf = append(f.buf, p[:m]...)
		p = p[m:]
		if len(f.buf) == frameSize {
			if err := f.flush(); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

func (f *framesWriter) flush() error {
	if len(f.buf) == 0 {
		return nil
	}
	if err := f.c.Compress(f.buf); err != nil {
		return err
	}
	f.buf = f.buf[:0]
	_, err := f.w.Write(f.c.Data)
	return err
}

// Close writes the last frame.
func (f *framesWriter) Close() error { return f.flush() }
