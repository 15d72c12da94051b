// Package faults breaks a running Millrace in every way it can think of, and
// then counts.
//
//	producer ─▶ broker ◀─ proxy ◀─ member (a process) ─▶ proxy ─▶ ClickHouse
//	               │                                                  │
//	               └──────────────── check: the log = the rows ───────┘
//
// What enters: a seed. It decides how many members ingest, how they cut their
// batches, what is produced, and which faults strike when; see [NewPlan]. The
// seed repeats the plan, not the interleaving: processes are real.
//
// What happens in a run: records with known positions are produced while
// members, store and broker are killed with SIGKILL, stopped with SIGSTOP for
// longer than the session timeout, cut off in the middle of a request or just
// before its answer, starved of disk, and while members come and go. Then all
// faults end, the group catches up, all members stop, other members with other
// batches take over, and all is counted; see [Lane.Run].
//
// What leaves: a [Result], with a violation for every offset of the log that is
// not stored exactly once (as a row or as a dead letter), for every row that is
// not the record of its offset, and for every row of a materialized view that
// the same query over the raw table does not give. Views are found in the
// store, so that none can be forgotten. The ledger of the product, asked last,
// has to agree.
//
// A [Breakage] takes a part of the protocol away, on the wire, in the proxies;
// the code of production has no switch for it. It shows that the matrix sees.
//
// Members are processes of this very binary: [Main] has to be called first in
// TestMain, like embedded.Main. One [Lane] is used by one goroutine; lanes run
// side by side. Linux only, because it needs signals, /proc and a loop device.
package faults
