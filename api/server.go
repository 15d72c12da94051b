package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"golang.org/x/sync/semaphore"

	"millrace/internal/event"
)

// ErrInsecureListen means that the server would be reachable from other
// machines while it asks nobody for a key.
var ErrInsecureListen = errors.New("refusing to listen for other machines without authentication")

// Server is the HTTP server. New makes it, Run serves once.
type Server struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	metrics *metrics

	app      *fiber.App
	huma     huma.API
	pages    pages
	decoders sync.Pool           // of *event.Decoder
	batches  sync.Pool           // of *event.Batch, for single events
	inflight *semaphore.Weighted // bytes of event bodies
	live     *liveHub

	churn churnModel // the version in use

	rejections *rejections
	replaying  sync.Mutex // held by the one replay of dead letters under way

	// base is the parent of every request's context; it ends when a stop has
	// waited long enough.
	base     context.Context
	stopBase context.CancelFunc

	loopback atomic.Bool // listening where only this machine reaches
	stopping atomic.Bool
}

// pages are rendered once, from the routes.
type pages struct {
	openAPI []byte
	docs    []byte
	paths   []string // patterns of the documented routes
	routes  []string // "METHOD /pattern" of each
}

// New builds the server and registers its metrics. It does not listen.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := errors.Join(cfg.Validate(), deps.Validate()); err != nil {
		return nil, err
	}
	s := &Server{
		cfg:      cfg,
		deps:     deps,
		log:      deps.Logger,
		inflight: semaphore.NewWeighted(int64(cfg.MaxInflightBytes)),
	}
	s.decoders.New = func() any { return event.NewDecoder(cfg.Limits) }
	s.batches.New = func() any { return new(event.Batch) }
	s.base, s.stopBase = context.WithCancel(context.Background())
	var err error
	if s.metrics, err = newMetrics(deps.Registry); err != nil {
		return nil, fmt.Errorf("register api metrics: %w", err)
	}
	s.live = newLiveHub(cfg, s.metrics, s.liveFrame)
	s.rejections = newRejections()
	s.app = s.newApp()
	s.huma = s.newHuma()
	s.routes()
	if err := errors.Join(s.dashboard(), s.renderPages()); err != nil {
		return nil, err
	}
	return s, nil
}

// newApp makes the Fiber application. Immutable makes every string of a request
// a copy: huma hands them on, and nobody has to remember that they would die.
func (s *Server) newApp() *fiber.App {
	app := fiber.New(fiber.Config{
		AppName:               "Millrace",
		DisableStartupMessage: true,
		Immutable:             true,
		CaseSensitive:         true,
		BodyLimit:             s.cfg.MaxBodyBytes,
		ReadTimeout:           s.cfg.ReadTimeout,
		IdleTimeout:           s.cfg.IdleTimeout,
		ReadBufferSize:        16 << 10,
		ErrorHandler:          s.onParserError,
		JSONEncoder:           marshal,
	})
	app.Use(s.observe)
	handler := app.Handler()
	app.Server().Handler = func(ctx *fasthttp.RequestCtx) { s.normalize(ctx, handler) }
	app.Server().Logger = parserLog{s.log}
	return app
}

// marshal renders JSON with one line break at its end. SQL and expressions stay
// readable: nothing here is put into HTML, so < and > need no escaping.
func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return out.Bytes(), err
}

// normalize handles what Fiber would answer in its own way: methods that it does
// not know, and HEAD, which is a GET without its body.
func (s *Server) normalize(ctx *fasthttp.RequestCtx, next fasthttp.RequestHandler) {
	switch method := string(ctx.Method()); method {
	case fiber.MethodHead:
		if string(ctx.Path()) != pathLive {
			ctx.Request.Header.SetMethod(fiber.MethodGet)
			ctx.Response.SkipBody = true
		}
	case fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodPatch, fiber.MethodDelete,
		fiber.MethodOptions, fiber.MethodConnect, fiber.MethodTrace:
	default:
		c := s.app.AcquireCtx(ctx)
		defer s.app.ReleaseCtx(c)
		_ = s.writeProblem(c, newProblem(http.StatusNotImplemented, codeMethodNotAllowed, fmt.Sprintf("Method %q is not used here.", method)))
		return
	}
	next(ctx)
}

// onParserError answers requests that never reached a route: a body over the
// limit, headers over the limit, bytes that are not HTTP.
func (s *Server) onParserError(c *fiber.Ctx, err error) error {
	req := requestOf(c)
	setSecurityHeaders(c)
	drainOnClose(c.Context().Conn())
	if err := s.writeProblem(c, err); err != nil {
		return err
	}
	s.finish(c, req, 0)
	return nil
}

// Run serves on ln until ctx ends and closes ln. It returns nil after a stop in
// which every request finished.
func (s *Server) Run(ctx context.Context, ln net.Listener) error {
	if err := s.checkListener(ln.Addr()); err != nil {
		return errors.Join(err, ln.Close())
	}
	conns := trackConns(ln)
	hubCtx, stopHub := context.WithCancel(ctx)
	var hub sync.WaitGroup
	hub.Go(func() { s.live.run(hubCtx) })
	counting, stopCounting := context.WithCancel(context.WithoutCancel(ctx)) // until the last request has ended
	hub.Go(func() { s.keepRejections(counting) })
	served := make(chan error, 1) // one value, so that the server never waits for us
	go func() { served <- s.app.Listener(conns) }()

	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		err = errors.Join(s.shutdown(conns), <-served)
	}
	stopHub()
	stopCounting()
	hub.Wait()
	s.stopBase()
	if err != nil {
		return fmt.Errorf("serve http: %w", err)
	}
	return nil
}

// shutdown lets requests finish. In the last quarter of the time their contexts
// end, and at its end their connections.
func (s *Server) shutdown(conns *connTracker) error {
	s.stopping.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownTimeout)
	defer cancel()
	err := conns.Close() // fasthttp would not close it if it has not begun to serve
	conns.closeUnused()
	hurry := time.AfterFunc(s.cfg.ShutdownTimeout*3/4, s.stopBase)
	defer hurry.Stop()
	if err := s.app.ShutdownWithContext(ctx); err != nil {
		conns.closeAll()
		return fmt.Errorf("stop: some requests did not finish within %s: %w", s.cfg.ShutdownTimeout, err)
	}
	return err
}

// checkListener keeps a server without keys to this machine, unless told otherwise.
func (s *Server) checkListener(addr net.Addr) error {
	tcp, ok := addr.(*net.TCPAddr)
	loopback := !ok || tcp.IP.IsLoopback() // what is no TCP address, such as a socket file, is local
	s.loopback.Store(loopback)
	if loopback || s.cfg.AllowInsecure {
		return nil
	}
	return fmt.Errorf("%w: %s can be reached from outside, and this version has no keys yet; listen on 127.0.0.1, or pass --insecure-listen if the network in front is trusted",
		ErrInsecureListen, addr)
}

// renderPages makes the OpenAPI document and the page that shows it.
func (s *Server) renderPages() (err error) {
	s.pages.paths, s.pages.routes = listRoutes(s.huma.OpenAPI())
	if s.pages.openAPI, err = json.MarshalIndent(s.huma.OpenAPI(), "", "  "); err != nil {
		return fmt.Errorf("render openapi document: %w", err)
	}
	if s.pages.docs, err = renderDocs(s.huma.OpenAPI()); err != nil {
		return fmt.Errorf("render docs: %w", err)
	}
	return nil
}

// parserLog sends fasthttp's own notes, all of them about single connections, to
// the debug log.
type parserLog struct{ log *slog.Logger }

// Printf implements fasthttp.Logger.
func (l parserLog) Printf(format string, args ...any) {
	l.log.Debug("http connection", "note", fmt.Sprintf(format, args...))
}
