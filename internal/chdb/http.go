package chdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// httpServer serves ClickHouse's HTTP interface.
type httpServer struct {
	s    *server
	http *http.Server
	wg   sync.WaitGroup // handlers: net/http's Close does not wait for them

	mu     sync.Mutex
	closed bool // no handler may begin
}

func newHTTPServer(work context.Context, s *server) *httpServer {
	h := &httpServer{s: s}
	h.http = &http.Server{
		Handler:           h,
		ReadHeaderTimeout: helloTimeout,
		MaxHeaderBytes:    1 << 20,
		BaseContext:       func(net.Listener) context.Context { return work },
		ErrorLog:          slog.NewLogLogger(s.cfg.Logger.Handler(), slog.LevelWarn),
	}
	return h
}

func (h *httpServer) serve(l net.Listener) error {
	if err := h.http.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve http: %w", err)
	}
	return nil
}

// drain waits for running requests until ctx is done.
func (h *httpServer) drain(ctx context.Context) { _ = h.http.Shutdown(ctx) }

// close drops what is still connected and reports whether all handlers have ended before ctx is done.
func (h *httpServer) close(ctx context.Context) bool {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	_ = h.http.Close()
	return waitFor(ctx, &h.wg)
}

// enter counts a handler in, unless the server is closed.
func (h *httpServer) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.wg.Add(1)
	}
	return !h.closed
}

// ServeHTTP routes as ClickHouse does: everything but a few fixed pages is a query.
func (h *httpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodOptions:
		allowOrigin(w)
		w.WriteHeader(http.StatusNoContent)
	case r.URL.Path == "/ping", r.URL.Path == "/replicas_status":
		plain(w, http.StatusOK, "Ok.\n")
	case r.URL.Path != "/" && r.URL.Path != "/query":
		plain(w, http.StatusNotFound, "There is no handle "+r.URL.Path+"\n\nUse / or /ping for health checks.\nOr /replicas_status for more sophisticated health checks.\nSend queries from your program with POST method or GET /?query=...\n")
	case (r.Method == http.MethodGet || r.Method == http.MethodHead) && !r.URL.Query().Has("query"):
		plain(w, http.StatusOK, "Ok.\n")
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost && r.Method != http.MethodPut:
		plain(w, http.StatusMethodNotAllowed, "Use GET or POST.\n")
	default:
		h.query(w, r)
	}
}

func allowOrigin(w http.ResponseWriter) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Headers", "origin, x-requested-with, x-clickhouse-format, x-clickhouse-user, x-clickhouse-key, Authorization")
	w.Header().Set("Access-Control-Allow-Methods", "POST, GET, OPTIONS")
	w.Header().Set("Access-Control-Max-Age", "86400")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// httpQuery is a request read so far as to be run.
type httpQuery struct {
	request
	format   string // asked for outside of the statement
	args     url.Values
	st       statement
	body     *bodyReader // data of an INSERT behind the statement
	session  *session
	tables   []*externalFile
	revision uint64 // of Native blocks in the answer
}

func (h *httpServer) query(w http.ResponseWriter, r *http.Request) {
	if !h.enter() {
		plain(w, http.StatusServiceUnavailable, "The server is stopping.\n")
		return
	}
	defer h.wg.Done()
	args := r.URL.Query()
	id := args.Get("query_id")
	if id == "" {
		id = r.Header.Get("X-ClickHouse-Query-Id")
	}
	if id == "" {
		id = uuid.NewString()
	}
	out := newReply(w, r, args)
	head := w.Header()
	head.Set("X-ClickHouse-Query-Id", id)
	head.Set("X-ClickHouse-Server-Display-Name", "millrace")
	head.Set("X-ClickHouse-Timezone", h.s.e.zone)
	if args.Get("add_http_cors_header") == "1" {
		allowOrigin(w)
	}
	err := h.run(r, args, id, out)
	out.finish(err)
}

func (h *httpServer) run(r *http.Request, args url.Values, id string, out *reply) error {
	if err := h.authenticate(r, args); err != nil {
		return err
	}
	q, err := h.read(r, args)
	if err != nil {
		return err
	}
	q.id = id
	if err := h.s.check(&q.st); err != nil {
		return err
	}
	h.s.e.translateKill(&q.st)
	run, err := h.s.e.begin(r.Context(), &q.request, q.session)
	if err != nil {
		return err
	}
	defer run.end()
	out.started = run.started
	if err := run.vet(&q.st, h.s.cfg.AllowFiles); err != nil {
		return err
	}
	for _, t := range q.tables {
		if err := run.loadExternal(t); err != nil {
			return err
		}
	}
	if q.st.insertsData {
		return h.insert(run, q, out)
	}
	return h.answer(run, q, out)
}

func (h *httpServer) authenticate(r *http.Request, args url.Values) error {
	user, password := args.Get("user"), args.Get("password")
	if u, p, ok := r.BasicAuth(); ok {
		user, password = u, p
	} else if u := r.Header.Get("X-ClickHouse-User"); u != "" || r.Header.Get("X-ClickHouse-Key") != "" {
		user, password = u, r.Header.Get("X-ClickHouse-Key")
	}
	return h.s.authenticate(user, password)
}

// isReserved tells the URL's parameters that are no settings.
func isReserved(name string) bool {
	switch name {
	case "query", "query_id", "database", "user", "password", "quota_key", "role", "default_format",
		"session_id", "session_timeout", "session_check", "compress", "decompress", "buffer_size",
		"wait_end_of_query", "stacktrace", "client_protocol_version", "http_make_head_request", "close_session":
		return true
	}
	return strings.HasPrefix(name, "param_")
}

// readSettings takes parameters and settings from the URL.
func (q *httpQuery) readSettings(args url.Values) {
	for name, values := range args {
		value := values[len(values)-1]
		switch {
		case strings.HasPrefix(name, "param_"):
			q.params = append(q.params, Param{strings.TrimPrefix(name, "param_"), value})
		case !isReserved(name):
			q.settings = append(q.settings, Setting{name, value})
		}
	}
}

// answer runs a statement without data and writes its rows.
func (h *httpServer) answer(run *run, q *httpQuery, out *reply) error {
	st := &q.st
	format := st.format
	if format == "" {
		format = q.format
	}
	out.setFormat(format)
	switch {
	case !st.streams():
		text := st.text
		if st.returnsRows() {
			text = st.head + " FORMAT " + format + " " + st.tail
		}
		data, stats, err := run.whole(st, text, format, q.params)
		out.stats = stats
		if err != nil {
			return err
		}
		return h.write(q, format, out, data)
	case concatenates(format):
		return h.stream(run, q, format, out)
	default:
		var err error
		out.stats, err = h.s.pipeDocument(run, st, format, q.params, func(b []byte) error {
			_, err := out.Write(b)
			return err
		})
		return err
	}
}

func (h *httpServer) stream(run *run, q *httpQuery, format string, out *reply) error {
	s, err := run.stream(q.st.head+" FORMAT "+format+" "+q.st.tail, format, q.params)
	if err != nil {
		return err
	}
	defer s.close()
	write := h.writer(q, format, out)
	for empty := true; ; empty = false {
		chunk, err := s.next()
		out.stats = s.stats
		if isEOF(err) {
			if empty && strings.EqualFold(format, "Native") {
				s.close()
				return h.emptyNative(run, q, out)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if err := write(chunk); err != nil {
			return err
		}
	}
}

// emptyNative writes the block that tells the columns of a result without rows.
func (h *httpServer) emptyNative(run *run, q *httpQuery, out *reply) error {
	columns, err := run.describe(&q.st, q.params)
	if err != nil {
		return err
	}
	_, err = out.Write(appendHeader(nil, columns, q.revision))
	return err
}

func (h *httpServer) write(q *httpQuery, format string, out *reply, data []byte) error {
	return h.writer(q, format, out)(data)
}

// writer passes documents on; Native ones in the form of the revision that the client asked for.
func (h *httpServer) writer(q *httpQuery, format string, out *reply) func([]byte) error {
	if q.revision == 0 || !strings.EqualFold(format, "Native") {
		return func(b []byte) error {
			_, err := out.Write(b)
			return err
		}
	}
	w := newBlockWalker(0, q.revision)
	w.out = func(b []byte) error {
		_, err := out.Write(b)
		return err
	}
	return func(b []byte) error {
		w.setMemory(b)
		for {
			if _, err := w.block(); err != nil {
				if isEOF(err) {
					return nil
				}
				return newException(codeNotImplemented, "The result cannot be sent as Native: %s", err)
			}
		}
	}
}

// insert feeds the data behind the statement into one INSERT.
func (h *httpServer) insert(run *run, q *httpQuery, out *reply) error {
	format := q.st.format
	if format == "" {
		format = q.format
	}
	in, err := run.insert(q.st.head, format, q.params)
	if err != nil {
		return err
	}
	defer in.cancel()
	if err := q.body.each(in.append); err != nil {
		q.body.drain()
		return err
	}
	if err := run.ctx.Err(); err != nil {
		return newException(codeQueryCancelled, "The client has left")
	}
	out.stats, err = in.finish()
	return err
}

// summary is the X-ClickHouse-Summary header: numbers as strings, as ClickHouse writes them.
func summary(s Stats, elapsed time.Duration) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, f := range []struct {
		name  string
		value uint64
	}{
		{"read_rows", s.ReadRows}, {"read_bytes", s.ReadBytes}, {"written_rows", s.WrittenRows}, {"written_bytes", s.WrittenBytes},
		{"total_rows_to_read", s.ReadRows}, {"result_rows", s.ResultRows}, {"result_bytes", s.ResultBytes}, {"elapsed_ns", uint64(elapsed)},
	} {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + f.name + `":"` + strconv.FormatUint(f.value, 10) + `"`)
	}
	b.WriteByte('}')
	return b.String()
}
