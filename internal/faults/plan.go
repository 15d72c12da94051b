//go:build linux

package faults

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Kind is a kind of fault.
type Kind string

// The faults.
const (
	MemberKill  Kind = "member killed (SIGKILL)"
	MemberPause Kind = "member stopped for longer than its session (SIGSTOP), a zombie after"
	MemberJoin  Kind = "member joins"
	MemberLeave Kind = "member leaves (SIGTERM)"

	StoreCutMid   Kind = "store connection cut in the middle of an insert"
	StoreCutAfter Kind = "store connection cut after the store has stored, before its answer"
	StoreLate     Kind = "insert held on the wire and delivered late, to the store alone"
	StoreCut      Kind = "all store connections cut"
	StoreKill     Kind = "store killed (SIGKILL)"
	StorePause    Kind = "store stopped for longer than the write deadline (SIGSTOP)"
	DiskFull      Kind = "the store's disk fills up"
	DiskGone      Kind = "the store's disk is full from one moment to the next"

	BrokerCut   Kind = "all broker connections of a member cut"
	BrokerStall Kind = "a member's broker connections silent for longer than its session"
	BrokerKill  Kind = "broker killed (SIGKILL)"
	BrokerPause Kind = "broker stopped (SIGSTOP)"
	CommitLost  Kind = "offset commit accepted, its answer lost"
	CommitLate  Kind = "offset commit delivered late, after its sender gave it up"
)

// Kinds lists the faults of the matrix.
func Kinds() []Kind {
	return []Kind{
		MemberKill, MemberPause, MemberJoin, MemberLeave,
		StoreCutMid, StoreCutAfter, StoreLate, StoreCut, StoreKill, StorePause, DiskFull, DiskGone,
		BrokerCut, BrokerStall, BrokerKill, BrokerPause, CommitLost, CommitLate,
	}
}

// Fault is one fault of a plan.
type Fault struct {
	Kind Kind
	At   time.Duration // since the start of the run
	For  time.Duration // until it is over, where it lasts
	Pick int           // chooses the member: modulo those that are there
}

// String is how a fault stands in a journal.
func (f Fault) String() string { return fmt.Sprintf("%v for %v: %s", f.At, f.For, f.Kind) }

// Plan is what a seed decides.
type Plan struct {
	Seed       uint64
	Partitions int32
	Members    int           // at the start
	Records    int           // produced during the faults
	Lasts      time.Duration // producing, with faults
	MaxRows    int
	MaxAge     time.Duration
	MaxBytes   int
	Faults     []Fault // by time
}

// sessionTimeout is short, so that a zombie is made in seconds.
const sessionTimeout = 1500 * time.Millisecond

// writeDeadline bounds one insert of a member.
const writeDeadline = 2 * time.Second

// NewPlan draws a plan of 3 to 8 faults out of kinds. The same seed and the
// same kinds give the same plan.
func NewPlan(seed uint64, kinds []Kind) Plan {
	rng := rand.New(rand.NewPCG(seed, 1))
	p := Plan{
		Seed:       seed,
		Partitions: int32(2 + rng.IntN(4)),
		Members:    1 + rng.IntN(3),
		Records:    5_000 + rng.IntN(6_000),
		Lasts:      4*time.Second + between(rng, 0, 3*time.Second),
		MaxRows:    30 + rng.IntN(400),
		MaxAge:     between(rng, 20*time.Millisecond, 300*time.Millisecond),
		MaxBytes:   20_000 + rng.IntN(200_000),
	}
	for range 3 + rng.IntN(6) {
		p.Faults = append(p.Faults, p.draw(rng, kinds))
	}
	slices.SortFunc(p.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return p
}

// draw makes one fault.
func (p *Plan) draw(rng *rand.Rand, kinds []Kind) Fault {
	f := Fault{
		Kind: kinds[rng.IntN(len(kinds))],
		At:   between(rng, 300*time.Millisecond, p.Lasts),
		Pick: rng.IntN(1 << 20),
	}
	switch f.Kind {
	case MemberPause, BrokerStall:
		f.For = sessionTimeout + between(rng, 500*time.Millisecond, 2*time.Second)
	case StorePause, StoreLate:
		f.For = writeDeadline + between(rng, 100*time.Millisecond, 1500*time.Millisecond)
	case MemberKill, MemberLeave, BrokerPause:
		f.For = between(rng, 100*time.Millisecond, 2*time.Second)
	case CommitLate, DiskFull, DiskGone:
		f.For = between(rng, 300*time.Millisecond, 1500*time.Millisecond)
	}
	return f
}

func between(rng *rand.Rand, low, high time.Duration) time.Duration {
	return (low + time.Duration(rng.Int64N(int64(high-low)))).Round(time.Millisecond)
}
