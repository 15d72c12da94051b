package chdb

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// maxStatement is the most of a statement's text that is read; the engine's max_query_size is lower by default.
const maxStatement = 16 << 20

func isEOF(err error) bool { return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) }

// read takes statement, settings and data from URL, headers and body.
func (h *httpServer) read(r *http.Request, args url.Values) (*httpQuery, error) {
	q := &httpQuery{args: args, format: "TabSeparated"}
	body, err := requestBody(r, args)
	if err != nil {
		return nil, err
	}
	text := args.Get("query")
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		if text, err = q.readForm(r, args, text); err != nil {
			return nil, err
		}
		body = http.NoBody
	}
	if err := q.readStatement(text, body); err != nil {
		return nil, err
	}
	q.readSettings(args)
	q.database = args.Get("database")
	if v := r.Header.Get("X-ClickHouse-Database"); v != "" && q.database == "" {
		q.database = v
	}
	if v := args.Get("default_format"); v != "" {
		q.format = v
	}
	if v := r.Header.Get("X-ClickHouse-Format"); v != "" {
		q.format = v
	}
	q.readonly = r.Method == http.MethodGet || r.Method == http.MethodHead
	q.revision, _ = strconv.ParseUint(args.Get("client_protocol_version"), 10, 64)
	q.revision = min(q.revision, serverRevision)
	q.switchDatabase = true
	if id := args.Get("session_id"); id != "" {
		q.session, err = h.s.sessions.get(id, args.Get("session_timeout"), args.Get("session_check") == "1")
	}
	return q, err
}

// readStatement finds the statement in URL and body, as ClickHouse joins them: what follows an
// INSERT's format is data, which is not read here.
func (q *httpQuery) readStatement(text string, body io.Reader) error {
	if text != "" {
		if q.st = parseStatement(text); q.st.insertsData {
			q.body = &bodyReader{head: []byte(q.st.inline), rest: body}
			return nil
		}
	}
	head := []byte(text)
	if text != "" {
		head = append(head, '\n')
	}
	limit := 64 << 10
	for {
		n := len(head)
		more, err := io.ReadAll(io.LimitReader(body, int64(limit-min(limit, n))))
		head = append(head, more...)
		if err != nil {
			return newException(codeIncorrectData, "The request's body cannot be read: %s", err)
		}
		q.st = parseStatement(string(head))
		complete := len(head) < limit
		if q.st.insertsData && (q.st.format != "" || complete) {
			q.body = &bodyReader{head: []byte(q.st.inline), rest: body}
			return nil
		}
		if complete {
			return nil
		}
		if limit *= 4; limit > maxStatement {
			return newException(codeSyntaxError, "The statement is longer than %d bytes", maxStatement)
		}
	}
}

// requestBody undoes Content-Encoding and ClickHouse's own decompress=1.
func requestBody(r *http.Request, args url.Values) (io.Reader, error) {
	body, err := decoder(r.Header.Get("Content-Encoding"), r.Body)
	if err != nil {
		return nil, newException(codeCannotDecompress, "Content-Encoding: %s", err)
	}
	if args.Get("decompress") == "1" {
		body = &framesReader{r: compress.NewReader(body)}
	}
	return body, nil
}

// framesReader makes the end of the input between two frames an ordinary end.
type framesReader struct{ r *compress.Reader }

func (f *framesReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

func decoder(encoding string, body io.Reader) (io.Reader, error) {
	switch strings.ToLower(encoding) {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(body)
	case "deflate":
		return zlib.NewReader(body)
	case "br":
		return brotli.NewReader(body), nil
	case "zstd":
		d, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	case "lz4":
		return lz4.NewReader(body), nil
	default:
		return nil, fmt.Errorf("%q is not supported; use gzip, deflate, br, zstd or lz4", encoding)
	}
}

// bodyReader is the data of an INSERT: what stood behind the statement, then the rest of the body.
type bodyReader struct {
	head []byte
	rest io.Reader
}

// each hands the data on in pieces. Its error is the reader's or to's.
func (b *bodyReader) each(to func([]byte) error) error {
	src := io.MultiReader(bytes.NewReader(b.head), b.rest)
	buf := make([]byte, insertPiece)
	for {
		n, err := io.ReadFull(src, buf)
		if n > 0 {
			if err := to(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == nil:
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return b.truncated(src)
		default:
			return newException(codeIncorrectData, "The request's body cannot be read: %s", err)
		}
	}
}

// maxDrain is how much of a refused INSERT's data is still read: a client that is writing looks
// for the answer only afterwards.
const maxDrain = 1 << 30

func (b *bodyReader) drain() { _, _ = io.CopyN(io.Discard, b.rest, maxDrain) }

// truncated tells an ordinary end from one in the middle: io.ReadFull reports both as the same.
func (b *bodyReader) truncated(src io.Reader) error {
	if _, err := src.Read(make([]byte, 1)); err != nil && err != io.EOF {
		return newException(codeIncorrectData, "The request's body is incomplete: %s", err)
	}
	return nil
}

// externalFile is a table that comes along with a query as a part of a form.
type externalFile struct {
	name, structure, format string
	data                    []byte
}

// readForm takes statement, parameters and external tables from a multipart form.
func (q *httpQuery) readForm(r *http.Request, args url.Values, text string) (string, error) {
	files := map[string][]byte{}
	form, err := r.MultipartReader()
	if err != nil {
		return "", newException(codeIncorrectData, "The form cannot be read: %s", err)
	}
	var total int64
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			for name, data := range files {
				q.tables = append(q.tables, newExternalFile(name, args, data))
			}
			return text, nil
		}
		if err != nil {
			return "", newException(codeIncorrectData, "The form cannot be read: %s", err)
		}
		data, err := io.ReadAll(io.LimitReader(part, maxExternal-total+1))
		if total += int64(len(data)); err != nil || total > maxExternal {
			return "", newException(codeIncorrectData, "The form cannot be read, or is larger than %d bytes", maxExternal)
		}
		name := part.FormName()
		switch {
		case isFile(part):
			files[name] = data
		case name == "query":
			text += string(data)
		default:
			args.Set(name, string(data))
		}
	}
}

// isFile tells a table from a parameter: a file's name may be empty, but it is stated.
func isFile(part *multipart.Part) bool {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	_, stated := params["filename"]
	return err == nil && stated
}

func newExternalFile(name string, args url.Values, data []byte) *externalFile {
	t := &externalFile{name: name, structure: args.Get(name + "_structure"), format: args.Get(name + "_format"), data: data}
	if t.structure == "" {
		for i, typeName := range splitArgs(args.Get(name + "_types")) {
			if i > 0 {
				t.structure += ", "
			}
			t.structure += fmt.Sprintf("_%d %s", i+1, typeName)
		}
	}
	if t.format == "" {
		t.format = "TabSeparated"
	}
	for _, suffix := range []string{"_format", "_structure", "_types"} {
		args.Del(name + suffix)
	}
	return t
}

func (r *run) loadExternal(t *externalFile) error {
	if err := r.exec("CREATE TEMPORARY TABLE IF NOT EXISTS " + quoteName(t.name) + " (" + t.structure + ") ENGINE = Memory"); err != nil {
		return err
	}
	in, err := r.insert("INSERT INTO "+quoteName(t.name), t.format, nil)
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
