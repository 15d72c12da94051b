package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
)

// request is what the server remembers of a request while it is under way. It
// is used by the request's goroutine only.
type request struct {
	id      string
	route   string   // the pattern that matched, bounded in number; "unmatched" otherwise
	problem *Problem // the error answered, if any
	key     string   // fingerprint of the write key, where there is one
}

// requestKey finds the request in a fiber.Ctx and in its context.
type requestKey struct{}

const headerRequestID = "X-Request-Id"

// requestOf returns the request's notes. Errors of the HTTP parser come before
// any middleware; those requests get their notes here.
func requestOf(c *fiber.Ctx) *request {
	if req, ok := c.Locals(requestKey{}).(*request); ok {
		return req
	}
	req := &request{id: requestID(c.Get(headerRequestID)), route: "unmatched"}
	c.Locals(requestKey{}, req)
	c.Set(headerRequestID, req.id)
	return req
}

// requestID takes the client's id if it is short and plain, or makes one.
func requestID(given string) string {
	plain := func(r rune) bool { return r > ' ' && r < 0x7f && r != '"' && r != '\\' }
	if given == "" || len(given) > 128 || strings.IndexFunc(given, func(r rune) bool { return !plain(r) }) >= 0 {
		return rand.Text()
	}
	return strings.Clone(given)
}

// observe is the outermost handler: it gives the request its id and context,
// turns errors and panics into answers, and leaves metrics and a log line.
func (s *Server) observe(c *fiber.Ctx) error {
	started := time.Now()
	req := requestOf(c)
	c.SetUserContext(context.WithValue(s.base, requestKey{}, req))
	setSecurityHeaders(c)
	err := s.admit(c)
	if err == nil {
		err = nextOrPanic(c)
	}
	if err != nil {
		if err := s.writeProblem(c, s.explainRouting(c, err)); err != nil {
			return err
		}
	}
	s.finish(c, req, time.Since(started))
	return nil
}

// nextOrPanic runs the route's handler; a panic of it becomes an error with the stack.
func nextOrPanic(c *fiber.Ctx) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return c.Next()
}

// finish counts and logs one request.
func (s *Server) finish(c *fiber.Ctx, req *request, took time.Duration) {
	status := c.Response().StatusCode()
	s.metrics.observeRequest(req.route, status, took)
	attrs := []any{
		"method", c.Method(), "route", req.route, "status", status,
		"seconds", took.Seconds(), "request_id", req.id,
	}
	if req.key != "" {
		attrs = append(attrs, "write_key_sha256", req.key)
	}
	if req.problem != nil {
		attrs = append(attrs, "code", req.problem.Code)
		if req.problem.cause != nil {
			attrs = append(attrs, "error", req.problem.cause)
		}
	}
	if status >= http.StatusInternalServerError {
		s.log.Warn("request failed", attrs...)
		return
	}
	s.log.Debug("request", attrs...)
}

// explainRouting turns the router's "no such route" into an answer that helps.
func (s *Server) explainRouting(c *fiber.Ctx, err error) error {
	var fault *fiber.Error
	if !errors.As(err, &fault) {
		return err
	}
	switch fault.Code {
	case http.StatusNotFound:
		return s.noSuchRoute(c.Method(), c.Path())
	case http.StatusMethodNotAllowed:
		allow := c.GetRespHeader(fiber.HeaderAllow)
		p := newProblem(http.StatusMethodNotAllowed, codeMethodNotAllowed,
			fmt.Sprintf("%s is not for %s. Use %s.", c.Path(), c.Method(), allow))
		p.allow = strings.Clone(allow)
		return p
	}
	return err
}

// admit refuses a Host header that is no name of this server while it listens on
// loopback: a web page could otherwise give its own name the address 127.0.0.1
// and read everything through the visitor's browser.
func (s *Server) admit(c *fiber.Ctx) error {
	if !s.loopback.Load() {
		return nil
	}
	host := string(c.Request().URI().Host())
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if isLoopbackName(host) || slices.Contains(s.cfg.AllowedHosts, host) {
		return nil
	}
	return newProblem(http.StatusForbidden, codeHostNotAllowed,
		fmt.Sprintf("This server listens on loopback and does not answer to the name %q. Add the name to its allowed hosts if a proxy stands in front of it.", host))
}

// isLoopbackName reports whether host means this machine to everybody.
func isLoopbackName(host string) bool {
	host = strings.Trim(host, "[]")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Policies of what a browser may do with an answer. Data may do nothing; pages
// may load from this server alone.
const (
	policyData = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
	policyPage = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
		"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

func setSecurityHeaders(c *fiber.Ctx) {
	c.Set("Content-Security-Policy", policyData)
	c.Set("X-Content-Type-Options", "nosniff")
	c.Set("X-Frame-Options", "DENY")
	c.Set("Referrer-Policy", "no-referrer")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
}
