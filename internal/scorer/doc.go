// Package scorer is the stage that judges purchases while they stream in.
//
//	topic `events` ─▶ ingest.Consumer, group `millrace-score` ─▶ Scorer.Write
//	                  profiles (memory, else Store) ─▶ fraud.Model ─▶ one step ─▶ Store
//
// What enters: blocks of decoded events, of one partition each, in order, from
// package ingest, of which this stage is a sink like any other. What leaves:
// steps. A step holds the scores of the block's purchases, the profiles that the
// block has changed, and the offset behind it, and the [Store] writes it whole
// or not at all, and only onto the offset that it was made from.
//
// # Why no alert is lost or repeated
//
//   - Nothing is lost: the group's offset moves past a block only after its step
//     was written, because that is how package ingest treats any sink.
//   - Nothing is repeated: what the store's offset is past is passed over, so a
//     block that comes again after a kill, in part or whole, adds nothing to
//     profiles and no row. A client's own repeat of an event finds its id among
//     the attempts of the profile, and else the row that is there.
//   - The state after a kill is that of a run without one: profiles are only
//     ever read together with the offset that they stand for. Memory holds
//     nothing that the store does not, except while a block is in work; when the
//     outcome of a step is unknown, memory is forgotten and read again.
//   - Two owners of a partition, of whom one does not know yet that it was
//     replaced, cannot both write: the second step finds another offset than its
//     own, writes nothing, and the store's state is read again.
//
// History. The topic of the backfill is read by the same group, behind live events
// as in package ingest. Its purchases are not judged: they are over. Profiles learn
// from it, apart from those of live events, and a user who is seen live for the
// first time begins with what is known from the history by then. Later history of
// that user changes nothing.
//
// So the scores of a run with any number of kills are those of a run without:
// judging depends on the order of a partition alone, see package fraud, and on how
// much history there was when a user was first seen.
//
// Memory. Profiles of the latest users are kept, [Config.MaxProfiles] in all;
// others are read again when their user comes back. A block in work holds the
// profiles of its own users besides. Package ingest keeps the rest within
// [Config.MaxMemory].
//
// Stopping. Cancel the context of [Scorer.Run]: what is held is judged and
// written, and the group is left.
package scorer
