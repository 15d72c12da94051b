// Package client talks to Millrace's HTTP API.
//
// What enters: events, or their JSON envelopes, and questions. What leaves: the
// outcome of every single event, answers as JSON, and failures as [*Error],
// which carries the problem document of the server (RFC 9457).
//
// Delivery. A request that fails on the way, or is answered 408, 429 or 5xx, is
// repeated with growing pauses, or after the server's Retry-After. An event
// that was stored although its answer got lost is sent again then; the server
// recognises it by its event_id. [Client.Send] therefore gives an id to each
// event that has none. [Client.SendRaw] leaves envelopes as they are, and does
// not repeat a request of unknown outcome that holds one without event_id.
//
// A request is bounded in events and bytes; larger calls are cut, and events
// keep their order. A Client is safe for concurrent use and needs no closing:
// every call ends with its context.
package client
