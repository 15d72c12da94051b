// Package oltp is Millrace's Postgres: small rows that are looked up one at a
// time, beside the many rows that ClickHouse counts.
//
// What enters: absolute statistics per user, read from ClickHouse by [Syncer]
// through a [Source] it is given. What leaves: one user's row, by id.
//
// # The sync
//
// A pass reads the users who have rows stored in [cursor-overlap, now), writes
// their values and moves the cursor to now, all in one transaction that holds
// the cursor's row lock. The overlap is some seconds, and once a minute some
// minutes. From this follows what is promised:
//
//   - A crash at any point repeats a pass. The values are absolute, so a repeat
//     changes nothing.
//   - Two processes that sync the same database take turns. Each reads
//     ClickHouse after it has the lock, so values never go back in time.
//   - A row that becomes visible after the cursor has passed its stored_at is
//     still found, by the next pass or by the next sweep; see [SyncerConfig].
//
// Copying increments instead of absolute values was rejected: it would need an
// exactly-once hand-over between two databases for no gain.
//
// A [Store] is safe for concurrent use. [Syncer.Run] blocks until its context
// ends, lets the pass under way finish, and returns.
package oltp
