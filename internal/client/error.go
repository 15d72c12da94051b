package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is an answer of the server that is not a success: its problem
// document, as far as there was one.
type Error struct {
	// Status is the HTTP status.
	Status int `json:"status"`
	// Code is stable and meant for programs, such as "unknown_field".
	Code string `json:"code"`
	// Title and Detail are sentences for people.
	Title  string `json:"title"`
	Detail string `json:"detail"`
	// Field is the JSON pointer of the field at fault.
	Field string `json:"field"`
	// Column is the letter at fault, from 1, of a question as text; 0 for none.
	Column int `json:"column"`
	// RequestID finds the request in the server's log.
	RequestID string `json:"request_id"`
	// Rejected are the outcomes of single events, where the request had some.
	Rejected []Rejected `json:"rejected"`
	// RetryAfter is how long the server asks to wait, 0 where it says nothing.
	RetryAfter time.Duration `json:"-"`
}

// Error gives status, code and what the server said.
func (e *Error) Error() string {
	text := fmt.Sprintf("the API answered %d", e.Status)
	if e.Code != "" {
		text += " " + e.Code
	}
	switch {
	case e.Detail != "":
		text += ": " + e.Detail
	case e.Title != "":
		text += ": " + e.Title
	default:
		text += " " + http.StatusText(e.Status)
	}
	if e.Field != "" && !strings.Contains(text, e.Field) {
		text += " (" + e.Field + ")"
	}
	return text
}

// Temporary reports whether the same request may succeed later.
func (e *Error) Temporary() bool {
	return e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooManyRequests || e.Status >= 500 && e.Status != http.StatusNotImplemented
}

// maxProblem bounds how much of an error's body is read.
const maxProblem = 4 << 20

// readError turns an answer into an Error.
func readError(answer *http.Response, now time.Time) *Error {
	e := &Error{}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxProblem)) // what is there helps
	if json.Unmarshal(body, e) != nil {
		*e = Error{Detail: firstLine(string(body))}
	}
	e.Status = answer.StatusCode
	if e.RequestID == "" {
		e.RequestID = answer.Header.Get("X-Request-Id")
	}
	e.RetryAfter = retryAfter(answer.Header.Get("Retry-After"), now)
	return e
}

// firstLine is the beginning of a body that is no problem document.
func firstLine(body string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(body), "\n")
	const most = 200
	if len(line) > most {
		line = line[:most] + "…"
	}
	return strings.ToValidUTF8(line, "")
}

// retryAfter reads the header in both its forms, seconds and a date.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
