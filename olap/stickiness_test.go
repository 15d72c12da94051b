package olap

import (
	"math/rand/v2"
	"testing"
)

func askStickiness(t testing.TB, s *Store, question string) *StickinessResult {
	t.Helper()
	return ask(t, s, question).Result.(*StickinessResult)
}

// stickinessAgrees compares every figure and the users behind one.
func stickinessAgrees(t *testing.T, s *Store, r *rand.Rand, sc scene, rows []row) {
	question, f := newRandomActivity(r, sc, "stickiness")
	checkStickiness(t, s, question, f, rows)
}

func checkStickiness(t *testing.T, s *Store, question map[string]any, f refActivity, rows []row) {
	t.Helper()
	text := textOf(t, question)
	got := askStickiness(t, s, text)
	users, total := map[int]map[string]bool{}, 0
	for user, history := range byUser(rows) {
		n := f.intervals(history)
		if users[n] == nil {
			users[n] = map[string]bool{}
		}
		users[n][user] = true
		if n > 0 {
			total++
		}
	}
	n := f.calendar.buckets()
	open := n
	if len(f.calendar.incomplete(watermarkOf(rows))) == 0 {
		open = 0
	}
	if len(got.Intervals) != n || len(got.Users) != n || len(got.Incomplete) != open {
		t.Fatalf("%s\n%d intervals, %d users, %d incomplete; want %d, %d of them incomplete", text, len(got.Intervals), len(got.Users), len(got.Incomplete), n, open)
	}
	sum, most := uint64(0), 1
	for i := range n {
		if got.Users[i] != uint64(len(users[i+1])) || got.Intervals[i] != i+1 {
			t.Errorf("%s\n%d intervals: got %d users, want %d", text, got.Intervals[i], got.Users[i], len(users[i+1]))
		}
		if got.Users[i] > 0 {
			most = i + 1
		}
		sum += got.Users[i]
	}
	if sum != uint64(total) {
		t.Errorf("%s\nthe figures sum to %d, and %d were active", text, sum, total)
	}
	wantPeople(t, s, text, map[string]any{"intervals": most}, users[most])
}

func realStickiness(t *testing.T, s *Store, rows []row, span refTrend) {
	checkStickiness(t, s, span.question("stickiness"), refActivity{calendar: newRefCalendar(span, 0), fits: func(row) bool { return true }}, rows)
}
