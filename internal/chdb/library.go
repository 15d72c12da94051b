package chdb

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library is libchdb.so with the addresses of the C functions that this package calls.
// The C interface is declared in chdb.h of chdb-core 26.7; every method below is one call
// of it and blocks its goroutine's thread until the engine answers.
type library struct {
	connect, closeConn                          uintptr
	query, streamQuery, streamFetch             uintptr
	streamCancel, destroyResult                 uintptr
	insert, insertAppend, insertDone            uintptr
	insertCancel, insertError, destroyInsert    uintptr
	resultBuffer, resultLength, resultError     uintptr
	storageRows, storageBytes, rowsW, bytesW    uintptr
	rowsRead, bytesRead, version, setSigEnabled uintptr
	classify                                    uintptr
}

// Handles of the C side. Zero is "none".
type (
	connHandle   uintptr // chdb_connection *
	resultHandle uintptr // chdb_result *
	insertHandle uintptr // chdb_insert_stream
)

// openLibrary maps libchdb.so into the process. The engine can be opened once per process and
// is never unmapped, for its threads live on.
func openLibrary(path string) (*library, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("library: %w; run `millrace engines install` to fetch the engine", err)
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("library %s cannot be loaded (is it made for %s/%s?): %w", path, runtime.GOOS, runtime.GOARCH, err)
	}
	l := &library{}
	var errs []error
	for name, target := range l.symbols() {
		if *target, err = purego.Dlsym(handle, name); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("library %s is not a chDB of 26.7 or later: %w", path, err)
	}
	return l, nil
}

func (l *library) symbols() map[string]*uintptr {
	return map[string]*uintptr{
		"chdb_connect":                     &l.connect,
		"chdb_close_conn":                  &l.closeConn,
		"chdb_query_with_params_n":         &l.query,
		"chdb_stream_query_with_params_n":  &l.streamQuery,
		"chdb_stream_fetch_result":         &l.streamFetch,
		"chdb_stream_cancel_query":         &l.streamCancel,
		"chdb_destroy_query_result":        &l.destroyResult,
		"chdb_stream_insert_with_params_n": &l.insert,
		"chdb_stream_append":               &l.insertAppend,
		"chdb_stream_done":                 &l.insertDone,
		"chdb_stream_cancel_insert":        &l.insertCancel,
		"chdb_stream_insert_error":         &l.insertError,
		"chdb_destroy_insert_stream":       &l.destroyInsert,
		"chdb_result_buffer":               &l.resultBuffer,
		"chdb_result_length":               &l.resultLength,
		"chdb_result_error":                &l.resultError,
		"chdb_result_storage_rows_read":    &l.storageRows,
		"chdb_result_storage_bytes_read":   &l.storageBytes,
		"chdb_result_rows_written":         &l.rowsW,
		"chdb_result_bytes_written":        &l.bytesW,
		"chdb_result_rows_read":            &l.rowsRead,
		"chdb_result_bytes_read":           &l.bytesRead,
		"chdb_version":                     &l.version,
		"chdb_set_signal_handlers_enabled": &l.setSigEnabled,
		"chdb_classify_query_n":            &l.classify,
	}
}

// Version is the engine's version as chDB states it, for example "26.7.3".
func (l *library) Version() string {
	r, _, _ := purego.SyscallN(l.version)
	return goString(r)
}

// DisableSignalHandlers must precede the first Connect: the Go runtime owns the signals.
func (l *library) DisableSignalHandlers() { purego.SyscallN(l.setSigEnabled, 0) }

// Connect opens a session. args are engine options ("--path=…"); zero means refused, and the
// engine has written its reason to standard error.
func (l *library) Connect(args []string) connHandle {
	argv := make([]*byte, 0, len(args)+2)
	for _, a := range append([]string{"chdb"}, args...) {
		argv = append(argv, &append([]byte(a), 0)[0])
	}
	n := len(argv)
	argv = append(argv, nil)
	r, _, _ := purego.SyscallN(l.connect, uintptr(n), uintptr(unsafe.Pointer(&argv[0])))
	runtime.KeepAlive(argv)
	return connHandle(r)
}

// Close ends a session and frees it. Results and streams must have been destroyed before.
func (l *library) Close(c connHandle) { purego.SyscallN(l.closeConn, uintptr(c)) }

// inner is the chdb_connection behind the pointer that Connect returned.
func (c connHandle) inner() uintptr {
	return *(*uintptr)(pointer(uintptr(c)))
}

// cParams is the C form of query parameters: four parallel arrays.
type cParams struct {
	names, values       []*byte
	nameLens, valueLens []uintptr
}

func newCParams(params []Param) *cParams {
	p := &cParams{}
	for _, kv := range params {
		p.names = append(p.names, &append([]byte(kv.Name), 0)[0])
		p.values = append(p.values, &append([]byte(kv.Value), 0)[0])
		p.nameLens = append(p.nameLens, uintptr(len(kv.Name)))
		p.valueLens = append(p.valueLens, uintptr(len(kv.Value)))
	}
	return p
}

// call runs one of the three functions that share the (conn, query, format, params) signature.
func (l *library) call(fn uintptr, c connHandle, query, format string, params []Param) uintptr {
	q, f := append([]byte(query), 0), append([]byte(format), 0)
	p := newCParams(params)
	r, _, _ := purego.SyscallN(fn, c.inner(),
		uintptr(unsafe.Pointer(&q[0])), uintptr(len(query)),
		uintptr(unsafe.Pointer(&f[0])), uintptr(len(format)),
		uintptr(unsafe.Pointer(unsafe.SliceData(p.names))), uintptr(unsafe.Pointer(unsafe.SliceData(p.nameLens))),
		uintptr(unsafe.Pointer(unsafe.SliceData(p.values))), uintptr(unsafe.Pointer(unsafe.SliceData(p.valueLens))),
		uintptr(len(params)))
	runtime.KeepAlive(q)
	runtime.KeepAlive(f)
	runtime.KeepAlive(p)
	return r
}

// Query runs a statement to its end and holds the whole result in the engine's memory.
func (l *library) Query(c connHandle, query, format string, params []Param) resultHandle {
	return resultHandle(l.call(l.query, c, query, format, params))
}

// StreamQuery starts a statement; Fetch delivers its chunks.
func (l *library) StreamQuery(c connHandle, query, format string, params []Param) resultHandle {
	return resultHandle(l.call(l.streamQuery, c, query, format, params))
}

// Fetch delivers the next chunk of a stream; an empty one without error is its end.
func (l *library) Fetch(c connHandle, stream resultHandle) resultHandle {
	r, _, _ := purego.SyscallN(l.streamFetch, c.inner(), uintptr(stream))
	return resultHandle(r)
}

// CancelStream ends a stream that is between two fetches. It is not safe during a Fetch.
func (l *library) CancelStream(c connHandle, stream resultHandle) {
	purego.SyscallN(l.streamCancel, c.inner(), uintptr(stream))
}

// Destroy frees a result.
func (l *library) Destroy(r resultHandle) {
	if r != 0 {
		purego.SyscallN(l.destroyResult, uintptr(r))
	}
}

// Insert starts a streaming INSERT (a statement without FORMAT and data).
func (l *library) Insert(c connHandle, query, format string, params []Param) insertHandle {
	return insertHandle(l.call(l.insert, c, query, format, params))
}

// Append hands data to a streaming INSERT; the engine copies it and blocks when it is behind.
func (l *library) Append(s insertHandle, data []byte) bool {
	if len(data) == 0 {
		return true
	}
	r, _, _ := purego.SyscallN(l.insertAppend, uintptr(s), uintptr(unsafe.Pointer(&data[0])), uintptr(len(data)))
	return uint32(r) == 0
}

// InsertDone ends the data and commits; the result carries rows written or an error.
func (l *library) InsertDone(s insertHandle) resultHandle {
	r, _, _ := purego.SyscallN(l.insertDone, uintptr(s))
	return resultHandle(r)
}

// InsertCancel aborts a streaming INSERT.
func (l *library) InsertCancel(s insertHandle) { purego.SyscallN(l.insertCancel, uintptr(s)) }

// InsertError is the stream's error text, "" for none.
func (l *library) InsertError(s insertHandle) string {
	r, _, _ := purego.SyscallN(l.insertError, uintptr(s))
	return goString(r)
}

// DestroyInsert frees a streaming INSERT.
func (l *library) DestroyInsert(s insertHandle) { purego.SyscallN(l.destroyInsert, uintptr(s)) }

// Error is the result's error text, "" for none.
func (l *library) Error(r resultHandle) string {
	p, _, _ := purego.SyscallN(l.resultError, uintptr(r))
	return goString(p)
}

// Bytes is the result's buffer, borrowed until Destroy.
func (l *library) Bytes(r resultHandle) []byte {
	p, _, _ := purego.SyscallN(l.resultBuffer, uintptr(r))
	n, _, _ := purego.SyscallN(l.resultLength, uintptr(r))
	if p == 0 || n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(p)), int(n))
}

// Stats are the counters of one result or chunk.
func (l *library) Stats(r resultHandle) Stats {
	get := func(fn uintptr) uint64 {
		v, _, _ := purego.SyscallN(fn, uintptr(r))
		return uint64(v)
	}
	return Stats{
		ResultRows: get(l.rowsRead), ResultBytes: get(l.bytesRead),
		ReadRows: get(l.storageRows), ReadBytes: get(l.storageBytes),
		WrittenRows: get(l.rowsW), WrittenBytes: get(l.bytesW),
	}
}

// Classes of a statement, as chdb_query_class numbers them.
const (
	classReadOnly = iota
	classMutating
	classMutatingGlobal
	classControl
	classUnknown
)

// classify asks the engine's own parser what a text is: how many statements and of which class.
func (l *library) Classify(c connHandle, query string) (statements, class int, ok bool) {
	out := &[4]uint32{16, 0, 0, classUnknown}
	q := append([]byte(query), 0)
	r, _, _ := purego.SyscallN(l.classify, c.inner(), uintptr(unsafe.Pointer(&q[0])), uintptr(len(query)),
		0, 0, uintptr(unsafe.Pointer(out)))
	runtime.KeepAlive(q)
	runtime.KeepAlive(out)
	return int(out[1]), int(out[3]), uint32(r) == 0
}

// pointer turns an address of C memory into a pointer without vet's alarm, which is meant for Go memory.
func pointer(addr uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&addr)) }

func goString(addr uintptr) string {
	if addr == 0 {
		return ""
	}
	n := 0
	for *(*byte)(pointer(addr + uintptr(n))) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(pointer(addr)), n))
}
