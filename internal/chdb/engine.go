package chdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Setting is one ClickHouse setting as text.
type Setting struct{ Name, Value string }

// request is one statement with everything that shapes it.
type request struct {
	id       string // the client's query id
	database string // current database; "" is default
	settings []Setting
	params   []Param
	readonly bool // the GET rule: nothing may be changed
	// switchDatabase moves a session to database; a native session has its own since it began.
	switchDatabase bool
}

// engine owns the process's chDB. Each statement gets a connection of its own, which is closed
// after it: a connection costs 0.2 ms, and nothing can leak from one query into another.
type engine struct {
	lib     *library
	args    []string
	log     *slog.Logger
	anchor  connHandle // keeps the engine open while no statement runs
	slots   chan struct{}
	serial  atomic.Uint64
	version string
	rev     uint64
	zone    string
	trust   *trust // set once the engine has opened

	controlMu sync.Mutex
	control   connHandle // KILL QUERY goes here

	mu      sync.Mutex
	running map[string]*run // by marker
}

// run is one statement under way. It is used by one goroutine, but for kill.
type run struct {
	e       *engine
	conn    connHandle
	session *session // nil: the connection is the run's own
	restore []Setting
	// readonly is the session's form of that setting: once set, the engine would not take it back.
	readonly bool
	id       string
	marker   string
	started  time.Time
	done     chan struct{}
	stop     func() bool
	ctx      context.Context
}

func openEngine(lib *library, args []string, maxQueries int, log *slog.Logger) (*engine, error) {
	e := &engine{lib: lib, args: args, log: log, slots: make(chan struct{}, maxQueries), running: map[string]*run{}}
	if e.anchor = lib.Connect(args); e.anchor == 0 {
		return nil, errors.New("the engine refused to open; its reason is on standard error above")
	}
	if e.control = lib.Connect(args); e.control == 0 {
		return nil, errors.New("the engine refused a second connection")
	}
	out, err := e.ask("SELECT version(), revision(), timezone() FORMAT TSV")
	if err != nil {
		return nil, fmt.Errorf("ask the engine for its version: %w", err)
	}
	fields := strings.Split(strings.TrimSpace(out), "\t")
	if len(fields) != 3 {
		return nil, fmt.Errorf("the engine answered %q to a question for its version", out)
	}
	e.version, e.zone = fields[0], fields[2]
	e.rev, _ = strconv.ParseUint(fields[1], 10, 64)
	return e, nil
}

// close ends the control connections; the engine flushes and stops with the last one.
func (e *engine) close() {
	e.controlMu.Lock()
	defer e.controlMu.Unlock()
	e.lib.Close(e.control)
	e.lib.Close(e.anchor)
}

// ask runs a small statement of the server itself on the control connection.
func (e *engine) ask(query string) (string, error) {
	e.controlMu.Lock()
	defer e.controlMu.Unlock()
	r := e.lib.Query(e.control, query, "TSV", nil)
	defer e.lib.Destroy(r)
	if text := e.lib.Error(r); text != "" {
		return "", parseException(text)
	}
	return string(e.lib.Bytes(r)), nil
}

// begin prepares a connection for a statement: database, settings, cancellation by ctx.
// Every begun run must be ended.
func (e *engine) begin(ctx context.Context, req *request, s *session) (*run, error) {
	select {
	case e.slots <- struct{}{}:
	default:
		return nil, newException(codeTooManyQueries, "Too many simultaneous queries. Maximum: %d", cap(e.slots))
	}
	r := &run{e: e, session: s, id: req.id, ctx: ctx, started: time.Now(), done: make(chan struct{}),
		marker: fmt.Sprintf("millrace-%d", e.serial.Add(1))}
	if err := r.connect(req); err != nil {
		r.release()
		return nil, err
	}
	e.mu.Lock()
	e.running[r.marker] = r
	e.mu.Unlock()
	r.stop = context.AfterFunc(ctx, func() { e.kill(r) })
	return r, nil
}

func (r *run) connect(req *request) error {
	comment, settings, readonly := r.settings(req)
	if r.session != nil {
		r.readonly = readonly != "" && readonly != "0"
		return r.connectSession(req, append([]Setting{comment}, settings...))
	}
	if readonly != "" { // the last, for nothing can be set after it
		settings = append(settings, Setting{"readonly", readonly})
	}
	// An option of the connection is a setting without a statement; one that is bad fails without
	// a reason, so only this server's own goes that way.
	if r.conn = r.e.lib.Connect(append(slices.Clip(r.e.args), "--"+comment.Name+"="+comment.Value)); r.conn == 0 {
		return newException(codeUnknown, "the engine refused a connection")
	}
	if req.database != "" && req.database != "default" {
		if err := r.exec("USE " + quoteName(req.database)); err != nil {
			return err
		}
	}
	return r.exec(setStatement(settings))
}

func (r *run) connectSession(req *request, settings []Setting) error {
	var err error
	if r.conn, err = r.session.take(r.e); err != nil {
		return err
	}
	if req.switchDatabase && req.database != "" {
		if err := r.exec("USE " + quoteName(req.database)); err != nil {
			return err
		}
	}
	if r.restore, err = r.currentValues(settings); err != nil {
		return err
	}
	return r.exec(setStatement(settings))
}

// settings takes two out of the client's: readonly, and the comment, which carries the marker by
// which the statement can be found and killed.
func (r *run) settings(req *request) (comment Setting, out []Setting, readonly string) {
	comment = Setting{"log_comment", r.marker}
	if req.readonly {
		readonly = "2"
	}
	for _, s := range req.settings {
		switch s.Name {
		case "log_comment":
			comment.Value = r.marker + " " + s.Value
		case "readonly":
			if s.Value != "0" || !req.readonly {
				readonly = s.Value
			}
		default:
			out = append(out, s)
		}
	}
	return comment, out, readonly
}

// currentValues reads what a session's settings are before a statement changes them for itself.
func (r *run) currentValues(settings []Setting) ([]Setting, error) {
	names := make([]string, 0, len(settings))
	for _, s := range settings {
		names = append(names, quoteString(s.Name))
	}
	res := r.e.lib.Query(r.conn, "SELECT name, value FROM system.settings WHERE name IN ("+strings.Join(names, ",")+")", "TSV", nil)
	defer r.e.lib.Destroy(res)
	if text := r.e.lib.Error(res); text != "" {
		return nil, parseException(text)
	}
	var out []Setting
	for line := range strings.Lines(string(r.e.lib.Bytes(res))) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		out = append(out, Setting{name, unescapeTSV(value)})
	}
	return out, nil
}

func setStatement(settings []Setting) string {
	if len(settings) == 0 {
		return ""
	}
	parts := make([]string, 0, len(settings))
	for _, s := range settings {
		parts = append(parts, quoteName(s.Name)+" = "+quoteString(s.Value))
	}
	return "SET " + strings.Join(parts, ", ")
}

// exec runs a statement without rows, "" is none.
func (r *run) exec(query string) error {
	if query == "" {
		return nil
	}
	res := r.e.lib.Query(r.conn, query, "Null", nil)
	defer r.e.lib.Destroy(res)
	return failure(r.e.lib.Error(res))
}

// failure turns an engine's error text into an error, "" is none.
func failure(text string) error {
	if text == "" {
		return nil
	}
	return parseException(text)
}

// end gives the connection back or closes it. The run's streams must be closed before.
func (r *run) end() {
	if r.stop != nil {
		r.stop()
	}
	r.e.mu.Lock()
	delete(r.e.running, r.marker)
	r.e.mu.Unlock()
	r.release()
}

func (r *run) release() {
	close(r.done)
	switch {
	case r.session != nil:
		if len(r.restore) > 0 {
			_ = r.exec(setStatement(r.restore))
		}
		if r.conn != 0 {
			r.session.give()
		}
	case r.conn != 0:
		r.e.lib.Close(r.conn)
	}
	<-r.e.slots
}

// kill ends a running statement from the control connection, again and again until it is gone:
// the first attempt can come before the engine has registered it.
func (e *engine) kill(r *run) {
	wait := 5 * time.Millisecond
	for {
		_, err := e.ask("KILL QUERY WHERE splitByChar(' ', Settings['log_comment'])[1] = " + quoteString(r.marker) + " ASYNC FORMAT Null")
		if err != nil {
			e.log.Warn("kill query", "query_id", r.id, "error", err)
		}
		select {
		case <-r.done:
			return
		case <-time.After(wait):
			wait = min(2*wait, 500*time.Millisecond)
		}
	}
}

// progressOf asks the engine how far a running statement is, and how many rows it guesses to read.
func (e *engine) progressOf(r *run) (s Stats, totalRows uint64, err error) {
	out, err := e.ask("SELECT read_rows, read_bytes, written_rows, written_bytes, total_rows_approx FROM system.processes " +
		"WHERE splitByChar(' ', Settings['log_comment'])[1] = " + quoteString(r.marker) + " LIMIT 1")
	if err != nil {
		return s, 0, err
	}
	_, err = fmt.Sscan(out, &s.ReadRows, &s.ReadBytes, &s.WrittenRows, &s.WrittenBytes, &totalRows)
	return s, totalRows, err
}

// query runs a statement to its end. The bytes are a copy.
func (r *run) query(query, format string, params []Param) ([]byte, Stats, error) {
	res := r.e.lib.Query(r.conn, query, format, params)
	defer r.e.lib.Destroy(res)
	if err := failure(r.e.lib.Error(res)); err != nil {
		return nil, Stats{}, err
	}
	return append([]byte(nil), r.e.lib.Bytes(res)...), r.e.lib.Stats(res), nil
}

// whole runs a client's statement to its end, and acknowledges it where it changes something.
func (r *run) whole(st *statement, query, format string, params []Param) ([]byte, Stats, error) {
	data, stats, err := r.query(query, format, params)
	if !st.returnsRows() {
		err = r.e.trust.settle(err)
	}
	return data, stats, err
}

// stream is a running SELECT whose blocks arrive one by one, each a document of its format.
type stream struct {
	r          *run
	h, current resultHandle
	stats      Stats
	ended      bool
}

func (r *run) stream(query, format string, params []Param) (*stream, error) {
	h := r.e.lib.StreamQuery(r.conn, query, format, params)
	if err := failure(r.e.lib.Error(h)); err != nil {
		r.e.lib.Destroy(h)
		return nil, err
	}
	return &stream{r: r, h: h}, nil
}

// next returns the next chunk, borrowed until the following call, or io.EOF.
func (s *stream) next() ([]byte, error) {
	lib := s.r.e.lib
	lib.Destroy(s.current)
	s.current = lib.Fetch(s.r.conn, s.h)
	if err := failure(lib.Error(s.current)); err != nil {
		s.ended = true
		return nil, err
	}
	s.stats.add(lib.Stats(s.current))
	data := lib.Bytes(s.current)
	if len(data) == 0 {
		s.ended = true
		s.stats = s.r.counters()
		return nil, io.EOF
	}
	return data, nil
}

// counters are those of the statement that ran last. What is counted while a stream ends is in none
// of its chunks; the answer to an empty text, which the engine does not run, still has all of it.
func (r *run) counters() Stats {
	res := r.e.lib.Query(r.conn, "", "Null", nil)
	defer r.e.lib.Destroy(res)
	return r.e.lib.Stats(res)
}

// close frees the stream, cancelling what has not ended. A second call does nothing.
func (s *stream) close() {
	if s.h == 0 {
		return
	}
	lib := s.r.e.lib
	lib.Destroy(s.current)
	if !s.ended {
		lib.CancelStream(s.r.conn, s.h)
	}
	lib.Destroy(s.h)
	s.h, s.current = 0, 0
}

// insert is a running INSERT that is fed with data of one format. It is one statement to the
// engine, so that deduplication tokens hold for the whole of it.
type insert struct {
	r *run
	h insertHandle
}

func (r *run) insert(head, format string, params []Param) (*insert, error) {
	h := r.e.lib.Insert(r.conn, head, format, params)
	if err := failure(r.e.lib.InsertError(h)); err != nil {
		r.e.lib.DestroyInsert(h)
		return nil, err
	}
	return &insert{r: r, h: h}, nil
}

func (i *insert) append(data []byte) error {
	if i.r.e.lib.Append(i.h, data) {
		return nil
	}
	// The cause is known for certain only when the worker has been joined.
	_, err := i.finish()
	if err == nil {
		err = newException(codeUnknown, "the engine refused data without a reason")
	}
	return err
}

// finish ends the data and commits.
func (i *insert) finish() (Stats, error) {
	if i.h == 0 {
		return Stats{}, nil
	}
	lib := i.r.e.lib
	res := lib.InsertDone(i.h)
	defer lib.Destroy(res)
	defer i.destroy()
	if err := i.r.e.trust.settle(failure(lib.Error(res))); err != nil {
		return Stats{}, err
	}
	return lib.Stats(res), nil
}

// cancel drops what has not been committed; harmless after finish.
func (i *insert) cancel() {
	if i.h != 0 {
		i.r.e.lib.InsertCancel(i.h)
		i.destroy()
	}
}

func (i *insert) destroy() {
	i.r.e.lib.DestroyInsert(i.h)
	i.h = 0
}

func quoteString(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func quoteName(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(s) + "`"
}

func unescapeTSV(s string) string {
	if !strings.ContainsRune(s, '\\') {
		return s
	}
	return strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\'`, "'", `\r`, "\r", `\0`, "\x00").Replace(s)
}
