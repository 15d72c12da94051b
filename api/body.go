package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// errBodyTooLarge ends the reading of a body that inflates beyond its limit.
var errBodyTooLarge = errors.New("body too large")

// inflate returns a copy of a request's body, decompressed as its
// Content-Encoding says. The copy is the caller's: fasthttp reuses the body's
// memory as soon as the handler returns, and records may live longer.
func inflate(body []byte, encoding string, maxBytes int) ([]byte, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return bytes.Clone(body), nil
	case "gzip", "x-gzip":
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, damagedBody("gzip", err)
		}
		return readInflated("gzip", r, len(body), maxBytes)
	case "zstd":
		r, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxMemory(uint64(maxBytes)), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, damagedBody("zstd", err)
		}
		defer r.Close()
		return readInflated("zstd", r, len(body), maxBytes)
	}
	return nil, newProblem(http.StatusUnsupportedMediaType, codeUnsupportedEncoding,
		fmt.Sprintf("Content-Encoding %q is not known here. Use gzip, zstd, or none.", encoding))
}

// readInflated reads to the end, but not beyond maxBytes: a few KiB can inflate
// to gigabytes.
func readInflated(encoding string, r io.Reader, compressed, maxBytes int) ([]byte, error) {
	var out bytes.Buffer
	out.Grow(min(4*compressed, maxBytes) + bytes.MinRead)
	n, err := io.Copy(&out, io.LimitReader(r, int64(maxBytes)+1))
	switch {
	case n > int64(maxBytes), errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded):
		return nil, because(errBodyTooLarge, newProblem(http.StatusRequestEntityTooLarge, codeBodyTooLarge,
			fmt.Sprintf("The body is larger than %s after decompression. Send it in several requests.", sizeText(maxBytes))))
	case err != nil:
		return nil, damagedBody(encoding, err)
	}
	return out.Bytes(), nil
}

func damagedBody(encoding string, cause error) error {
	return because(cause, newProblem(http.StatusBadRequest, codeDamagedBody,
		fmt.Sprintf("The body is not %s, although Content-Encoding says so: %v.", encoding, cause)))
}

// mediaType is a Content-Type without its parameters, in lower case.
func mediaType(contentType string) string {
	name, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(name))
}

// mostInflation is by how much a gzip body can grow at most.
const mostInflation = 1032

// readBody returns a copy of the request's body, decompressed, once there is room
// for it under MaxInflightBytes. The caller releases the room when the body is
// no longer needed; after an error there is nothing to release.
func (s *Server) readBody(ctx context.Context, c *fiber.Ctx) (body []byte, release func(), err error) {
	raw := c.Request().Body()
	encoding := c.Get(fiber.HeaderContentEncoding)
	room := int64(len(raw))
	if encoding != "" {
		room = int64(min(s.cfg.MaxInflatedBytes, mostInflation*(len(raw)+1)))
	}
	if err := s.inflight.Acquire(ctx, room); err != nil {
		return nil, nil, because(err, retryIn(2*time.Second, newProblem(http.StatusServiceUnavailable, codeOverloaded,
			"The server holds as many events as it can while the broker takes them. Send these again in a moment.")))
	}
	if body, err = inflate(raw, encoding, s.cfg.MaxInflatedBytes); err != nil {
		s.inflight.Release(room)
		return nil, nil, err
	}
	kept := min(room, int64(len(body)))
	s.inflight.Release(room - kept)
	return body, func() { s.inflight.Release(kept) }, nil
}
