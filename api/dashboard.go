package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"
)

// unbuiltPage stands at / while the dashboard has not been built.
const unbuiltPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Millrace</title></head>
<body>
<h1>Millrace is running</h1>
<p>The dashboard is not part of this binary yet. <code>make ui</code> builds it; then build the binary again with <code>make build</code>.</p>
<p>Meanwhile: <a href="docs">the interface</a>, <a href="v1/status">how it is doing</a>, <a href="metrics">metrics</a>.</p>
</body></html>
`

// asset is one file of the dashboard, ready to send.
type asset struct {
	contentType string
	cache       string
	etag        string
	plain       []byte
	gzipped     []byte // nil where it is not smaller
}

// dashboard registers each file of the built dashboard as a route of its own: a
// wildcard would answer for paths that do not exist.
func (s *Server) dashboard() error {
	files := s.deps.Dashboard
	index, err := fs.ReadFile(files, "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		index, err = []byte(unbuiltPage), nil
	}
	if err != nil {
		return fmt.Errorf("read dashboard: %w", err)
	}
	s.page("/", newAsset("index.html", index))
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("read dashboard: %w", err)
		}
		s.page("/"+name, newAsset(name, body))
		return nil
	})
}

// page serves one asset; all of the dashboard is one route to the metrics.
func (s *Server) page(route string, a *asset) {
	s.app.Get(route, func(c *fiber.Ctx) error {
		requestOf(c).route = "GET /"
		return a.send(c)
	})
}

// newAsset prepares a file. Names under assets/ hold a hash of their content and
// never change.
func newAsset(name string, body []byte) *asset {
	sum := sha256.Sum256(body)
	a := &asset{
		contentType: contentTypeOf(name),
		cache:       "no-cache",
		etag:        `"` + hex.EncodeToString(sum[:12]) + `"`,
		plain:       body,
	}
	if strings.HasPrefix(name, "assets/") {
		a.cache = "public, max-age=31536000, immutable"
	}
	if zipped := gzipped(body); len(zipped) < len(body)*9/10 {
		a.gzipped = zipped
	}
	return a
}

// contentTypeOf does not depend on what the machine has in /etc/mime.types.
func contentTypeOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	case ".md", ".txt":
		return "text/plain; charset=utf-8"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}

func gzipped(body []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, writeErr := w.Write(body)
	if err := errors.Join(writeErr, w.Close()); err != nil { // a Buffer takes everything
		panic(err)
	}
	return out.Bytes()
}

// send answers with the asset, or with 304 where the browser has it.
func (a *asset) send(c *fiber.Ctx) error {
	c.Set("Content-Security-Policy", policyPage)
	c.Set(fiber.HeaderCacheControl, a.cache)
	c.Set(fiber.HeaderETag, a.etag)
	c.Set(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	if strings.Contains(c.Get(fiber.HeaderIfNoneMatch), a.etag) {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, a.contentType)
	if a.gzipped != nil && strings.Contains(c.Get(fiber.HeaderAcceptEncoding), "gzip") {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		return c.Send(a.gzipped)
	}
	return c.Send(a.plain)
}
