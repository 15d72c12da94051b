package client

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"millrace/internal/event"
)

// Rejected is an event that the server refused.
type Rejected struct {
	// Index is the event's place in the call, from 0.
	Index int `json:"index"`
	// EventID is its id, where it had one.
	EventID string `json:"event_id"`
	// Code says why in a stable word, Detail in a sentence.
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// Field is the JSON pointer of the field at fault.
	Field string `json:"field"`
}

// Outcome is what became of the events of one call. Accepted ones are held by
// the broker on all in-sync replicas.
type Outcome struct {
	Accepted int        `json:"accepted"`
	Rejected []Rejected `json:"rejected"`
}

// Send sends events and gives an id to each that has none: to the caller's own
// events, so that calling again repeats them under the same ids. After an error
// the Outcome covers the requests that were answered before it.
func (c *Client) Send(ctx context.Context, events []event.Event) (Outcome, error) {
	envelopes := make([][]byte, len(events))
	for i := range events {
		if events[i].ID == "" {
			events[i].ID = event.NewID(time.Now())
		}
		envelopes[i] = events[i].AppendJSON(nil)
	}
	return c.SendRaw(ctx, envelopes)
}

// SendRaw sends envelopes, each one JSON object without line breaks. After an
// error the Outcome covers the requests that were answered before it.
func (c *Client) SendRaw(ctx context.Context, envelopes [][]byte) (Outcome, error) {
	var total Outcome
	for start := 0; start < len(envelopes); {
		end := c.cut(envelopes, start)
		if err := c.sendPart(ctx, envelopes[start:end], start, &total); err != nil {
			return total, err
		}
		start = end
	}
	return total, nil
}

// cut returns the end of the request that begins at start.
func (c *Client) cut(envelopes [][]byte, start int) int {
	size := 0
	for i := start; i < len(envelopes); i++ {
		size += len(envelopes[i]) + 1
		if i > start && (size > c.cfg.MaxBytes || i-start >= c.cfg.MaxEvents) {
			return i
		}
	}
	return len(envelopes)
}

// sendPart sends one request, or two halves where the server finds it too
// large, and adds the outcome. Indexes count from first.
func (c *Client) sendPart(ctx context.Context, part [][]byte, first int, total *Outcome) error {
	outcome, err := c.post(ctx, part)
	var answered *Error
	if errors.As(err, &answered) {
		switch {
		case answered.Status == http.StatusRequestEntityTooLarge && len(part) > 1:
			half := len(part) / 2
			if err := c.sendPart(ctx, part[:half], first, total); err != nil {
				return err
			}
			return c.sendPart(ctx, part[half:], first+half, total)
		case answered.Status == http.StatusBadRequest && len(answered.Rejected) > 0:
			// Nothing was acceptable, and the server says why for each.
			outcome, err = Outcome{Rejected: answered.Rejected}, nil
		}
	}
	if err != nil {
		return fmt.Errorf("send %d events: %w", len(part), err)
	}
	total.Accepted += outcome.Accepted
	for _, r := range outcome.Rejected {
		r.Index += first
		total.Rejected = append(total.Rejected, r)
	}
	return nil
}

// post sends one request of events.
func (c *Client) post(ctx context.Context, part [][]byte) (Outcome, error) {
	body, encoding, err := c.compress(bytes.Join(part, []byte{'\n'}))
	if err != nil {
		return Outcome{}, err
	}
	answer, err := c.do(ctx, request{
		method: http.MethodPost, path: "/v1/events", contentType: "application/x-ndjson",
		encoding: encoding, body: body, repeatable: allHaveIDs(part),
	})
	if err != nil {
		return Outcome{}, err
	}
	var outcome Outcome
	if err := json.Unmarshal(answer, &outcome); err != nil {
		return Outcome{}, fmt.Errorf("read the outcome: %w", err)
	}
	return outcome, nil
}

// allHaveIDs reports whether a second arrival of the events can be recognised.
// It looks for the name only: a mistake costs a repeat, never an event.
func allHaveIDs(part [][]byte) bool {
	for _, envelope := range part {
		if !bytes.Contains(envelope, []byte(`"event_id"`)) {
			return false
		}
	}
	return true
}

// compress returns the body as it goes over the wire and its encoding.
func (c *Client) compress(body []byte) ([]byte, string, error) {
	switch c.cfg.Compression {
	case CompressGzip:
		var buffer bytes.Buffer
		w := gzip.NewWriter(&buffer)
		if _, err := w.Write(body); err != nil {
			return nil, "", fmt.Errorf("gzip: %w", err)
		}
		if err := w.Close(); err != nil {
			return nil, "", fmt.Errorf("gzip: %w", err)
		}
		return buffer.Bytes(), "gzip", nil
	case CompressZstd:
		return c.zstd.EncodeAll(body, nil), "zstd", nil
	}
	return body, "", nil
}
