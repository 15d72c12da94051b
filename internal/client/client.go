package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Client sends requests to one server.
type Client struct {
	cfg  Config
	root string
	http *http.Client
	zstd *zstd.Encoder // EncodeAll is safe for concurrent use
}

// New returns a Client. It does not connect yet.
func New(cfg Config) (*Client, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	transport := cfg.Transport
	if transport == nil {
		own := http.DefaultTransport.(*http.Transport).Clone()
		own.MaxIdleConnsPerHost = 16 // concurrent senders keep their connections
		transport = own
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &Client{
		cfg:  cfg,
		root: strings.TrimRight(cfg.URL, "/"),
		http: &http.Client{Transport: transport},
		zstd: encoder,
	}, nil
}

// Query asks one question, a JSON object with its kind, and returns the answer
// as JSON: kind, result and meta.
func (c *Client) Query(ctx context.Context, query json.RawMessage) (json.RawMessage, error) {
	return c.do(ctx, request{method: http.MethodPost, path: "/v1/query", contentType: "application/json", body: query, repeatable: true})
}

// Ledger returns what the broker accepted against what is stored, as JSON.
func (c *Client) Ledger(ctx context.Context, parameters url.Values) (json.RawMessage, error) {
	return c.do(ctx, request{method: http.MethodGet, path: "/v1/ledger?" + parameters.Encode(), repeatable: true})
}

// DeadLetters returns one page of dead letters, as JSON.
func (c *Client) DeadLetters(ctx context.Context, parameters url.Values) (json.RawMessage, error) {
	return c.do(ctx, request{method: http.MethodGet, path: "/v1/dead-letters?" + parameters.Encode(), repeatable: true})
}

// ReplayDeadLetters corrects dead letters and sends them again; body and answer
// are JSON. A second arrival does no harm.
func (c *Client) ReplayDeadLetters(ctx context.Context, body json.RawMessage) (json.RawMessage, error) {
	return c.do(ctx, request{method: http.MethodPost, path: "/v1/dead-letters/replay", contentType: "application/json", body: body, repeatable: true})
}

// Preview returns what a question would read, as JSON, without running it.
func (c *Client) Preview(ctx context.Context, query json.RawMessage) (json.RawMessage, error) {
	return c.do(ctx, request{method: http.MethodPost, path: "/v1/query/preview", contentType: "application/json", body: query, repeatable: true})
}

// Schema returns which events and properties are stored, as JSON; filter has the
// parameters of GET /v1/schema.
func (c *Client) Schema(ctx context.Context, filter url.Values) (json.RawMessage, error) {
	return c.do(ctx, request{method: http.MethodGet, path: "/v1/schema?" + filter.Encode(), repeatable: true})
}

// User returns what is known about a user, as JSON.
func (c *Client) User(ctx context.Context, id string) (json.RawMessage, error) {
	return c.do(ctx, request{method: http.MethodGet, path: "/v1/users/" + url.PathEscape(id), repeatable: true})
}

// StoredUntil is the instant before which everything that the server has
// accepted is stored, the zero time while the server does not know.
func (c *Client) StoredUntil(ctx context.Context) (time.Time, error) {
	const question = `{"kind":"trends","from":"-1h","to":"now","interval":"hour","series":[{"name":"A","event":null,"measure":"total"}]}`
	body, err := c.Query(ctx, json.RawMessage(question))
	if err != nil {
		return time.Time{}, err
	}
	var answer struct {
		Meta struct {
			StoredUntil *time.Time `json:"stored_until"`
		} `json:"meta"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return time.Time{}, fmt.Errorf("read the answer's meta.stored_until: %w", err)
	}
	if answer.Meta.StoredUntil == nil {
		return time.Time{}, nil
	}
	return *answer.Meta.StoredUntil, nil
}

// request is one call of the API.
type request struct {
	method      string
	path        string
	contentType string
	encoding    string
	body        []byte
	repeatable  bool // a second arrival does no harm
}

// do sends a request until it succeeds, fails for good, or the attempts or ctx
// are used up.
func (c *Client) do(ctx context.Context, r request) (json.RawMessage, error) {
	for attempt := 1; ; attempt++ {
		body, err := c.try(ctx, r)
		if err == nil {
			return body, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s %s: %w", r.method, r.path, context.Cause(ctx))
		}
		if attempt >= c.cfg.Attempts || !c.mayRepeat(r, err) {
			return nil, err
		}
		if err := sleep(ctx, c.pause(attempt, err)); err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
		}
	}
}

// mayRepeat decides whether a failed request is sent again.
func (c *Client) mayRepeat(r request, err error) bool {
	var answered *Error
	if !errors.As(err, &answered) {
		return r.repeatable || isDial(err)
	}
	refused := answered.Status == http.StatusTooManyRequests || answered.Status == http.StatusServiceUnavailable
	return answered.Temporary() && (r.repeatable || refused)
}

// isDial reports whether the server was never reached.
func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// pause is how long to wait after a failed attempt: what the server asks for,
// or a random part of a growing bound, so that many clients do not return at once.
func (c *Client) pause(attempt int, err error) time.Duration {
	var answered *Error
	if errors.As(err, &answered) && answered.RetryAfter > 0 {
		return min(answered.RetryAfter, c.cfg.MaxRetryAfter)
	}
	bound := c.cfg.MaxPause
	if attempt < 16 {
		bound = min(bound, c.cfg.MinPause<<attempt)
	}
	return bound/2 + rand.N(bound/2+1)
}

// sleep waits, or returns why ctx ended.
func sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// try sends a request once.
func (c *Client) try(ctx context.Context, r request) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, c.root+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	req.Header.Set("User-Agent", "millrace-client/1")
	for name, value := range map[string]string{"Content-Type": r.contentType, "Content-Encoding": r.encoding} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if c.cfg.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Key)
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return nil, readError(answer, time.Now())
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s %s: %w", r.method, r.path, err)
	}
	return body, nil
}
