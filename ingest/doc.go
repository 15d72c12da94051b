// Package ingest moves events from Kafka into a store, each exactly once.
//
//	topic `events` ─▶ membership ─▶ one partition each ─▶ Sink
//	                                build: decode · block
//	                                store: seal · write · advance
//
// What enters: records whose value is an event, as JSON or as Protobuf by the
// header content-type, keyed by user, so that a user's events are in one
// partition, in order. A second topic, of history, is read behind the first: see
// [Config.Backfill].
//
// What leaves: blocks of columns, handed to a [Sink] (ClickHouse in
// production) with a token that names the range of offsets. Records that
// cannot be decoded leave as dead letters with their reason, never in silence.
//
// Delivery. The store drops a block whose token it knows. What is missing is
// that a process that died leaves behind which block it was writing, so that
// the next one can build the same. Kafka carries that:
//
//  1. Seal. The group's offset of the partition is committed as the block's
//     first offset, with metadata that names its last, and the instant, which is
//     part of every row. It also says that everything before is stored.
//  2. Write. The block is sent with a token made of its range, and sent again,
//     the same, as long as the outcome is an error or unknown.
//  3. Advance. The next seal acknowledges the block; when none is waiting, the
//     offset behind the block is committed without metadata.
//  4. Take over. A new owner reads offset and metadata. Where a seal is open it
//     reads exactly that range, builds the block and writes it with its token.
//
// The broker refuses commits of a member that the group has replaced, so such a
// member seals nothing; what it had sealed, the new owner writes too, under the
// same token. A member that was paused past WriteDeadline after its seal asks
// the group again before it sends. At most one block of a partition is in doubt.
//
// A commit whose answer is lost may still be on its way, and arrive after later
// ones, which it would undo: the seal of a block that is just being written, say.
// So nothing is committed after it until the group has a new generation, to
// which the broker refuses it: the member leaves the group and joins anew.
//
// The promise needs a sink that remembers tokens for many times WriteDeadline,
// and a decoder that makes the same rows of the same records: nothing it does
// may depend on the time at which it runs.
//
// Order. A partition has one block in flight, so the events of a user are
// stored in the order of the topic.
//
// Memory. The process stays below [Config.MaxMemory], whatever the backlog. A
// partition holds two blocks and a queue, bounded in bytes by the number of
// partitions; a few large blocks are shared. A full queue pauses fetching of
// that partition alone.
//
// Stopping. Cancel the context of [Consumer.Run]: partitions store what they
// hold, offsets are committed, the group is left, Run returns.
//
// The package also has the other end of the topic: [Producer] puts records in,
// and [Progress] tells how far the group has come in time.
package ingest
