package event

import (
	"testing"
	"time"
)

// A record that is read again after a crash has the same outcome, whatever the
// clock says then and whatever was decoded before.
func TestByReceiptDoesNotDependOnTheClock(t *testing.T) {
	limits := DefaultLimits()
	limits.ByReceipt = true
	limits.Now = func() time.Time { t.Error("the clock was asked"); return time.Now() }
	decoder := NewDecoder(limits)
	received := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC).UnixMilli()
	value := []byte(`{"type":"view","user_id":"u","timestamp":"2026-01-03T00:00:00Z"}`) // 24 h ahead
	for _, tc := range []struct {
		receivedAt int64
		accepted   bool
	}{{received, true}, {received + 3_600_000, true}, {received - 1, false}, {received, true}} {
		var b Batch
		if reject := decoder.AppendTo(&b, value, Position{ReceivedAt: tc.receivedAt}); (reject == nil) != tc.accepted {
			t.Errorf("received at %d: %v", tc.receivedAt, reject)
		}
	}
}

// An event in row form has no receipt but now, whatever was appended before.
func TestByReceiptDecodesByTheClock(t *testing.T) {
	limits := testLimits()
	limits.ByReceipt = true
	decoder := NewDecoder(limits)
	var b Batch
	for _, receivedAt := range []int64{0, testNow().AddDate(1, 0, 0).UnixMilli()} {
		if rej := decoder.AppendTo(&b, []byte(`{"type":"view","user_id":"u"}`), Position{ReceivedAt: receivedAt}); rej != nil {
			t.Fatal(rej)
		}
		var ev Event
		if rej := decoder.Decode(&ev, []byte(`{"type":"view","user_id":"u","timestamp":"2026-01-02T03:04:05Z"}`)); rej != nil {
			t.Errorf("the present: %v", rej)
		}
		if rej := decoder.Decode(&ev, []byte(`{"type":"view","user_id":"u","timestamp":"2026-01-04T00:00:00Z"}`)); rej == nil {
			t.Error("two days ahead: accepted")
		}
	}
}

// How old an event may be is counted from its receipt.
func TestMaxAgeIsCountedFromTheReceipt(t *testing.T) {
	limits := DefaultLimits()
	limits.ByReceipt, limits.MaxAge = true, 48*time.Hour
	decoder := NewDecoder(limits)
	happened := time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)
	value := []byte(`{"type":"view","user_id":"u","timestamp":"2026-01-03T00:00:00Z"}`)
	for _, tc := range []struct {
		age      time.Duration
		accepted bool
	}{{48 * time.Hour, true}, {48*time.Hour + time.Millisecond, false}, {0, true}} {
		var b Batch
		reject := decoder.AppendTo(&b, value, Position{ReceivedAt: happened.Add(tc.age).UnixMilli()})
		if (reject == nil) != tc.accepted || reject != nil && reject.Reason != ReasonTimestampTooOld {
			t.Errorf("%s old: %v", tc.age, reject)
		}
	}
}
