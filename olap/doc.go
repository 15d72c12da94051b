// Package olap keeps events in ClickHouse and answers questions about them.
//
// What enters: column batches ([Writer.Write]) and questions ([ParseQuery],
// [Store.Ask]). What leaves: an acknowledgement once the rows and every view of
// them are stored, and answers in the shape of the HTTP contract with a
// [Meta] that says what was read and how complete it is.
//
// # Promises
//
// A batch is one INSERT under one token. The same batch sent again with the
// same token lands once, in the raw rows and in every materialized view, for as
// long as the token is within the tables' deduplication window. Write returns
// nil only after the server has acknowledged.
//
// A question is a value that renders SQL. Values are always bound as typed
// parameters, identifiers come from an allow-list, nothing is spliced. The
// semantics are those of version [Semantics]; `docs/queries.md` states them.
//
// # Concurrent use
//
// A [Store] and its [Writer] are safe for concurrent use. A [Query] is
// immutable once parsed.
//
// # How it stops
//
// Every call ends when its context does; reading calls also carry the deadline
// of [Config.QueryTimeout]. [Store.Close] closes idle connections; calls that
// are under way finish with an error.
package olap
