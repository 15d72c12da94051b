// Package replay turns files that others wrote into Millrace events.
//
// What enters: CSV, TSV, blank-separated text, NDJSON or Parquet, plain, gzip or
// zstd, and a [Config] that says which column becomes which field. What leaves:
// one [Record] per good row, in the order of the files, and one [BadRow] per
// row that cannot be an event, with its line and the reason. Every row becomes
// exactly one of the two, and the [Summary] counts both: nothing is dropped or
// repaired in silence. A record's value has been checked by the decoder of
// package event, so what leaves here is not refused later for its form.
//
// # Identity
//
// A row without an id of its own gets one that is a hash of the file's base
// name (without .gz or .zst), its line number and its bytes. Replaying a file
// again therefore repeats the same events under the same ids, even under
// another mapping, and even after lines were appended; two equal lines are two
// events. Moved in time with ShiftTo they are other events and get other ids.
// Files of one run that share a base name are told apart by their directories.
//
// # Time
//
// Times without a zone are read in Config.Zone. A local time that the clocks
// skipped makes a bad row; one that they showed twice is taken as the first
// and counted in [Summary.AmbiguousTimes]. Files are streamed, with two
// exceptions: ShiftTo and Speed read everything once beforehand to find the
// last time, and Speed sorts in memory, up to Config.MaxSortBytes, where times
// are not in order already.
//
// A [Replayer] runs once, in one goroutine, and ends with its context;
// [Replayer.Progress] may be called from another.
package replay
