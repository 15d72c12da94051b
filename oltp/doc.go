// Package oltp is Millrace's Postgres: small rows that are looked up one at a
// time, beside the many rows that ClickHouse counts.
//
// What enters: absolute statistics per user, read from ClickHouse by [Syncer]
// through a [Source] it is given; and identity links, made by the collector. What
// leaves: one user's row, by id; and the user that an id means, by [Identities].
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
// # Identity
//
// A link says that an anonymous id, or a former user id, means a user from now
// on. The first link of an id stays; chains are kept short in the table, so that
// each id points at the end of its chain; a circle cannot be closed, because links
// take turns. [Identities] answers from memory and hears of other processes'
// links by LISTEN.
//
// A [Store] and [Identities] are safe for concurrent use. [Syncer.Run] blocks
// until its context ends, lets the pass under way finish, and returns;
// [Identities.Run] returns at once.
package oltp
