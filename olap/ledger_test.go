package olap

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millrace/internal/event"
)

// fakeLog is a topic with one partition: the time of each record, by offset.
type fakeLog struct {
	start, stored int64
	times         []time.Time
	markers       map[int64]bool
	reads         int
}

func (l *fakeLog) Topic() string { return "events" }

func (l *fakeLog) Bounds(context.Context) (starts, stored, ends map[int32]int64, err error) {
	return map[int32]int64{0: l.start}, map[int32]int64{0: l.stored}, map[int32]int64{0: int64(len(l.times))}, nil
}

func (l *fakeLog) OffsetsAt(_ context.Context, at time.Time) (map[int32]int64, error) {
	for i := l.start; i < int64(len(l.times)); i++ {
		if !l.times[i].Before(at) {
			return map[int32]int64{0: i}, nil
		}
	}
	return map[int32]int64{0: int64(len(l.times))}, nil
}

func (l *fakeLog) Read(_ context.Context, _ int32, first, last int64, each func(int64, bool)) error {
	l.reads++
	for o := max(first, l.start); o <= last; o++ {
		each(o, l.markers[o])
	}
	return nil
}

// ledgerStart is the first hour of the tests' logs.
var ledgerStart = at("2026-01-02T03:00:00Z")

// logOf has n records, evenly over so many hours.
func logOf(n, hours int) *fakeLog {
	l := &fakeLog{stored: int64(n), markers: map[int64]bool{}}
	for i := range n {
		l.times = append(l.times, ledgerStart.Add(time.Duration(hours)*time.Hour*time.Duration(i)/time.Duration(n)))
	}
	return l
}

// storeLog stores the records of offsets [first, end) as one block, but for
// those that skip names. Every tenth is a dead letter, every tenth a repeat.
func storeLog(t *testing.T, s *Store, l *fakeLog, first, end int64, skip ...int64) {
	t.Helper()
	var b event.Batch
	var letters []event.DeadLetter
	var repeats []event.Duplicate
	left := map[int64]bool{}
	for _, o := range skip {
		left[o] = true
	}
	for o := first; o < end; o++ {
		pos := event.Position{Topic: "events", Offset: o, ReceivedAt: l.times[o].UnixMilli()}
		switch {
		case left[o] || l.markers[o]:
		case o%10 == 3:
			letters = append(letters, event.DeadLetter{Position: pos, Reject: event.Reject{Reason: event.ReasonMissingUser, Field: "/user_id", Detail: "no user"}, Payload: []byte("{}")})
		case o%10 == 7:
			repeats = append(repeats, event.Duplicate{Position: pos, EventID: "x"})
		default:
			appendRow(&b, row{kind: "view", user: fmt.Sprint("u", o%7), at: l.times[o]}, o)
		}
	}
	w, token := s.Writer(), fmt.Sprintf("%d-%d-%v", first, end, skip)
	for _, err := range []error{w.Write(t.Context(), &b, token), w.WriteDeadLetters(t.Context(), letters, token), w.WriteDuplicates(t.Context(), repeats, token)} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func ledgerOf(t *testing.T, s *Store, l *fakeLog, hours int) *Ledger {
	t.Helper()
	got, err := s.Ledger(t.Context(), []TopicLog{l}, ledgerStart, ledgerStart.Add(time.Duration(hours)*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestLedgerBalances(t *testing.T) {
	s := newStore(t)
	log := logOf(12_345, 4)
	storeLog(t, s, log, 0, 7000)
	storeLog(t, s, log, 7000, 12_345)
	storeLog(t, s, log, 7000, 12_345) // a retry
	got := ledgerOf(t, s, log, 5)
	if !got.Balanced() {
		t.Errorf("not balanced: %+v", got)
	}
	stored := int64(12_345 - 2*1234)
	aggregated := stored
	want := LedgerLine{Hour: ledgerStart, Received: 12_345, Produced: 12_345, Stored: stored, Deduplicated: 1234, DeadLettered: 1234, Aggregated: &aggregated, Settled: true, Checkable: true}
	want.Stored, *want.Aggregated = 12_345-1234-1235, 12_345-1234-1235
	want.DeadLettered = 1235
	if diff := cmp.Diff(want, got.Total); diff != "" {
		t.Error(diff)
	}
	for i, h := range got.Hours {
		wantProduced := []int64{3087, 3086, 3086, 3086, 0}[i]
		if h.Produced != wantProduced || *h.Aggregated != h.Stored || !h.Settled || !h.Checkable {
			t.Errorf("hour %d: %+v", i, h)
		}
	}
	line, views, err := s.LedgerOfAll(t.Context(), []TopicLog{log})
	if err != nil || !line.Balanced() || line.Produced != 12_345 || len(views) != 3 {
		t.Errorf("of all: %+v %v %v", line, views, err)
	}
	for _, v := range got.Views {
		if v.Stored == nil || *v.Stored != v.Events || v.Events != want.Stored {
			t.Errorf("view %+v", v)
		}
	}
}

func TestLedgerShowsWhatIsPending(t *testing.T) {
	s := newStore(t)
	log := logOf(5000, 2)
	storeLog(t, s, log, 0, 3300)
	storeLog(t, s, log, 3300, 3600) // written, and not acknowledged yet
	log.stored = 3300
	got := ledgerOf(t, s, log, 2)
	first, second := got.Hours[0], got.Hours[1]
	if !got.Balanced() || !first.Settled || second.Settled || second.Pending != 1700 || second.Produced != 2500 || got.Total.Pending != 1700 {
		t.Errorf("got %+v\n%+v", first, second)
	}
}

// TestLedgerFindsWhatHidesEachOther loses one row and doubles another: the
// numbers of rows alone would agree.
func TestLedgerFindsWhatHidesEachOther(t *testing.T) {
	s := newStore(t)
	log := logOf(4000, 2)
	storeLog(t, s, log, 0, 4000, 150, 151, 2602)
	log.markers[2602] = true
	for i := range 2 {
		b := batchOf(nil)
		appendRow(b, row{kind: "view", user: "u", at: log.times[500]}, 500)
		if err := s.Writer().Write(t.Context(), b, fmt.Sprint("again", i)); err != nil {
			t.Fatal(err)
		}
	}
	got := ledgerOf(t, s, log, 2)
	first := got.Hours[0]
	want := []LedgerFault{{"events", 0, 500, 500, "repeated"}, {"events", 0, 150, 151, "missing"}}
	if diff := cmp.Diff(want, first.Faults); diff != "" {
		t.Error(diff)
	}
	if first.Difference != 0 || first.Missing != 2 || first.Repeated != 2 || first.Balanced() || got.Balanced() {
		t.Errorf("got %+v", first)
	}
	if second := got.Hours[1]; !second.Balanced() || second.Produced != 1999 { // a marker of a transaction is no record
		t.Errorf("got %+v", second)
	}
}

// TestLedgerTellsManyMarkersFromLostRecords has far more missing ranges than are
// asked for at a time: transactions of three records, and lost records behind them.
func TestLedgerTellsManyMarkersFromLostRecords(t *testing.T) {
	s := newStore(t)
	log := logOf(10_000, 2)
	for o := int64(3); o < 10_000; o += 4 {
		log.markers[o] = true
	}
	lost := []int64{401, 9001, 9005}
	storeLog(t, s, log, 0, 10_000, lost...)
	got := ledgerOf(t, s, log, 2)
	first, second := got.Hours[0], got.Hours[1]
	if first.Produced != 3750 || first.Missing != 1 || second.Produced != 3750 || second.Missing != 2 {
		t.Errorf("got %+v\n%+v", first, second)
	}
	want := []LedgerFault{{"events", 0, 401, 401, "missing"}}
	if diff := cmp.Diff(want, first.Faults); diff != "" {
		t.Error(diff)
	}
	want = []LedgerFault{{"events", 0, 9001, 9001, "missing"}, {"events", 0, 9005, 9005, "missing"}}
	if diff := cmp.Diff(want, second.Faults); diff != "" {
		t.Error(diff)
	}
	if log.reads > 4 {
		t.Errorf("the broker was asked %d times", log.reads)
	}
}

func TestLedgerFindsAViewThatDiffers(t *testing.T) {
	s := newStore(t)
	log := logOf(4000, 2)
	storeLog(t, s, log, 0, 4000)
	if err := s.conn.Exec(t.Context(), "INSERT INTO offset_blocks VALUES ('events', 0, 2, 5)"); err != nil {
		t.Fatal(err)
	}
	if err := s.conn.Exec(t.Context(), "INSERT INTO windows_by_type (window_start, events) VALUES (now(), 7)"); err != nil {
		t.Fatal(err)
	}
	got := ledgerOf(t, s, log, 2)
	if h := got.Hours[0]; !h.Balanced() {
		t.Errorf("got %+v", h)
	}
	if h := got.Hours[1]; h.Balanced() || *h.Aggregated != h.Stored+5 || h.Difference != 0 {
		t.Errorf("got %+v", h)
	}
	if v := got.Views[0]; v.Name != "windows_by_type" || v.Stored == nil || v.Events != *v.Stored+7 {
		t.Errorf("got %+v", v)
	}
}

func TestLedgerDoesNotJudgeWhatTheBrokerHasRemoved(t *testing.T) {
	s := newStore(t)
	log := logOf(4000, 4)
	storeLog(t, s, log, 0, 4000)
	log.start = 1500
	got := ledgerOf(t, s, log, 5)
	for i, want := range []bool{false, false, true, true, true} {
		if got.Hours[i].Checkable != want {
			t.Errorf("hour %d: %+v", i, got.Hours[i])
		}
	}
	if !got.Balanced() || got.Total.Checkable || got.Total.Produced != 2000 {
		t.Errorf("got %+v", got.Total)
	}
	log.start = 4000 // all is gone, and nothing came since: the hours after it have nothing to check
	got = ledgerOf(t, s, log, 5)
	if got.Hours[3].Checkable || !got.Hours[4].Checkable {
		t.Errorf("got %+v", got.Hours)
	}
}

func TestLedgerCountsWhatTheCollectorRefused(t *testing.T) {
	s := newStore(t)
	rejections := []CollectorRejections{{ledgerStart.Add(time.Minute), "missing_user", 3}, {ledgerStart.Add(70 * time.Minute), "wrong_type", 2}, {ledgerStart.Add(71 * time.Minute), "missing_user", 1}}
	for range 2 { // the second is a retry
		if err := s.Writer().WriteRejections(t.Context(), rejections, "process/1"); err != nil {
			t.Fatal(err)
		}
	}
	got := ledgerOf(t, s, logOf(0, 1), 2)
	if diff := cmp.Diff([]ReasonCount{{"missing_user", 4}, {"wrong_type", 2}}, got.Total.RejectedBy); diff != "" {
		t.Error(diff)
	}
	if got.Hours[0].Received != 3 || got.Hours[1].Rejected != 3 || got.Total.Received != 6 {
		t.Errorf("got %+v", got)
	}
}

// TestHashOfOffsets compares with ClickHouse's own.
func TestHashOfOffsets(t *testing.T) {
	s := openStore(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	first := rand.New(rand.NewPCG(seed, 1)).Int64N(1 << 50)
	var want uint64
	q := newStatement()
	q.text("SELECT sum(intHash64(toInt64(number))) FROM numbers(", fmt.Sprint(first), ", 1000)")
	if err := s.conn.QueryRow(t.Context(), q.String()).Scan(&want); err != nil {
		t.Fatal(err)
	}
	if got := hashOfOffsets(first, first+1000); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}
