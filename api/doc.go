// Package api is Millrace's HTTP server, on Fiber: events in, answers out, a
// live stream, and the dashboard.
//
// Events come as our own envelope, as CloudEvents and through Segment's API.
// collect.go is the way that all of them take to the broker; docs/collector.md
// says what becomes of each.
//
// routes.go shows every route on one screen. A handler parses, calls one
// interface of [Deps] and renders; it holds no SQL. errors.go is the one place
// where an error becomes an HTTP answer, always application/problem+json with
// a stable code.
//
// What is promised:
//
//   - Success on a route that takes events (202, Segment's 200) means that the
//     broker holds the accepted events on all in-sync replicas. An event is
//     answered for exactly once: it is counted in accepted or listed in rejected. After a 503 some of the events may have
//     been taken; their event_id tells a repeat from a new event.
//   - Every request ends within its deadline. fasthttp does not say when a client
//     has left; while a question is answered its connection is watched, and the
//     question ends with it.
//   - The figures of GET /v1/live are computed once per interval, however many
//     clients look, and not at all when nobody does.
//
// [Server.Run] blocks until its context ends. Then the server takes no new
// connection, ends the live streams, lets requests under way finish, and
// returns within Config.ShutdownTimeout.
package api
