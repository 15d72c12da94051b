// Package chdb serves the two protocols of a ClickHouse server, HTTP and native TCP, over chDB: the
// ClickHouse engine as a shared library, loaded without cgo. It makes the embedded store look like
// the real one to clients that others wrote.
//
// # What enters, what leaves
//
// Serve takes a data directory, two listen addresses and a user, and answers clients until its
// context is done. It wants a process of its own: chDB opens one data path per process, a fault of
// the engine ends the process, and the process confines itself (see Safety).
//
// # How a statement runs
//
// Every statement gets a connection of the engine, which is closed after it. That costs 0.25 ms and
// buys the property that matters most: no setting, database or temporary table of one client can
// reach another's query. A pool with resets was rejected, because SET x = DEFAULT restores ClickHouse's
// default and not the profile's. Only what the protocols call a session keeps its connection: a
// native client that has used SET, USE or a temporary table, and an HTTP session_id. There, a
// query's own settings are read before and put back after it.
//
// The text is read by a small lexer (statement.go) that knows just enough: where the FORMAT clause is, whether
// the statement takes data, whether it changes the session. Everything else is the engine's parser's to judge.
//
// Rows leave in one of three ways.
//
//   - A SELECT in a format whose documents can be put one behind the other (TSV, JSONEachRow,
//     RowBinary, Native) is streamed: the engine hands out one complete document per block.
//   - Other formats (JSON, CSVWithNames, ArrowStream, Parquet) would repeat their head with each
//     block. They are written INTO OUTFILE on a named pipe, which yields one document in flat memory (pipe.go).
//   - Statements that the engine does not stream (SHOW, DDL) are run to their end.
//
// # Native blocks
//
// The engine reads and writes FORMAT Native at revision 0; clients of today put a block info before
// each block and a byte behind each column's type. A column does not tell its length, so blocks are
// walked type by type and copied in large pieces (native_block.go, native_nested.go); values are
// never decoded. The walk knows every type, JSON, Dynamic and Variant in their several
// serializations included, but for the states of AggregateFunction, whose length only their function
// knows: they can leave as the last column and enter not at all. The server announces revision 54460, the lowest with
// bound parameters and times in progress packets, so that no richer form has to be spoken.
//
// # Inserts
//
// Whatever the client sends, in one block or a hundred, is one INSERT to the engine and is fed while
// it arrives. So insert_deduplication_token holds for the whole, with
// deduplicate_blocks_in_dependent_materialized_views for the views as well, and a block of a million
// rows stays one part. An INSERT is acknowledged after the engine has committed it and has been looked
// at (see Faults of the engine); a process killed at any moment loses no acknowledged row. A machine that
// loses its power can: nothing is synced to the disk. A client that breaks off leaves nothing behind, save the blocks of a
// million rows that an INSERT larger than this has already committed, as in ClickHouse. async_insert is accepted and
// acknowledged when stored.
//
// # Faults of the engine
//
// Two faults of chDB 26.7 lose acknowledged rows; this server makes them good, and the tests have each.
//
//   - An insert's token is logged one system call before its part is there. A kill between the two, or a
//     rename that fails, leaves a token that makes the retry a duplicate. Such tokens are taken back
//     before the engine opens (tokens.go). ClickHouse's own server does the same in its tables without a Keeper.
//   - A write() that fails is ignored, and the part stays empty. The engine counts such writes: the count is
//     looked at before each acknowledgement, and once a second for merges. When it has risen, nothing
//     is acknowledged any more, and Serve ends with [ErrDistrust], to be called again (trust.go, doubt.go).
//     This is chDB's alone.
//
// So that a full disk is the exception, inserts and merges leave some of it free (Config.KeepFree, space.go): an
// insert that would not is refused with code 243, NOT_ENOUGH_SPACE. A start on a full disk waits for space.
//
// # Cancellation
//
// A closed socket, a Cancel packet, KILL QUERY, or the end of the server cancels a statement's
// context, and KILL QUERY is sent over a connection kept for it until the statement is gone
// (10–20 ms). The engine gives statements ids of its own, so each is marked in log_comment, and KILL
// QUERY WHERE query_id = 'x' is translated. While a statement yields nothing, a native client hears
// of its progress every second.
//
// # Safety
//
// Three walls keep statements inside of the data directory, unless Config.AllowFiles is set.
//
//   - Grants, inside the engine: no table function or engine that reads files, URLs, buckets or other servers; no
//     dictionaries (a source can run a command), no backups, no users, no SYSTEM SHUTDOWN. Database
//     default cannot be dropped: every connection begins there.
//   - INTO OUTFILE and FROM INFILE, which chDB serves outside of its rights, are refused by their text; where the
//     lexer could be deceived, the engine's parser is asked.
//   - On Linux, Landlock (confine_linux.go): the engine's function file(), the templates of some formats and disks
//     declared in a table's settings ask for no grant. The process can open only its directory and what the C
//     library needs, start no program, open no TCP connection and signal nobody. It executes itself once to get
//     there. Where the kernel has no Landlock (macOS, Linux before 6.2), a warning is logged and these three can read what the user can.
//
// Without a password only loopback is listened on. The data directory is locked against a second process (flock),
// and refused when a newer engine or a foreign one wrote it.
//
// # Limits
//
//   - One user, whose rights are fixed; no roles, quotas, row policies, dictionaries or distributed tables.
//   - Over the native protocol WITH TOTALS and extremes lose their extra rows; over HTTP they are there.
//   - INSERT … SELECT FROM input(…) is not supported.
//   - There is no query_log; X-ClickHouse-Summary of an answer over 64 KiB tells what was known at its first byte,
//     as in ClickHouse without wait_end_of_query.
//   - Profile events packets are empty, logs are not sent to clients.
//   - Server logs of the engine are off; its faults reach clients as exceptions.
//   - Parquet is written with row groups of a million rows, several at once: 400 MiB for ten million rows.
//
// # Measured
//
// chDB 26.7.3, two cores shared with other work (load 18), so CPU time of the server is given beside rates; go test -bench . in this package.
//
//	insert of 1 M rows, 60 bytes each: clickhouse-go native     240 ns of server CPU a row   (LZ4 254)
//	                                   a ready block over HTTP  212
//	                                   the engine's own INSERT … SELECT of the same rows  180
//	select of 10 M rows, 17 bytes each: native 25.8, HTTP 24.2; FORMAT Null inside the engine 27.4; 14 M rows/s to the client
//	memory while 10 M rows go out: native +44 MiB, HTTP +4, JSON +28, CSVWithNames +6, ArrowStream +3, Parquet +400
//	SELECT 1: 2.3 ms; opening the engine on an empty directory 60 ms
package chdb
