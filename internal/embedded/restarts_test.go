package embedded

import (
	"slices"
	"testing"
	"time"
)

func TestRestartsPauseLongerEachTimeAndGiveUp(t *testing.T) {
	r := newRestarts()
	var pauses []time.Duration
	for {
		pause, again := r.died(time.Second, true)
		if !again {
			break
		}
		pauses = append(pauses, pause)
	}
	const ms, s = time.Millisecond, time.Second
	want := []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5 * s, 5 * s, 5 * s}
	if !slices.Equal(pauses, want) {
		t.Errorf("got %v, want %v", pauses, want)
	}
}

func TestRestartsNeverGiveUpOnWhatLivesForSeconds(t *testing.T) {
	r := newRestarts()
	for range 1000 {
		if pause, again := r.died(r.steadyLife, true); !again || pause != r.firstPause {
			t.Fatalf("got %v, %v, want %v, true", pause, again, r.firstPause)
		}
	}
}

func TestRestartsGiveUpSoonerBeforeTheFirstService(t *testing.T) {
	r := newRestarts()
	starts := 1
	for {
		if _, again := r.died(time.Millisecond, false); !again {
			break
		}
		starts++
	}
	if starts != r.toleratedFalseStarts {
		t.Errorf("got %d starts, want %d", starts, r.toleratedFalseStarts)
	}
}
