package olap

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

func askLifecycle(t testing.TB, s *Store, question string) *LifecycleResult {
	t.Helper()
	return ask(t, s, question).Result.(*LifecycleResult)
}

// lifecycleAgrees compares every figure, the users behind one, and the sum of
// the active states with trends.
func lifecycleAgrees(t *testing.T, s *Store, r *rand.Rand, sc scene, rows []row) {
	question, f := newRandomActivity(r, sc, "lifecycle")
	checkLifecycle(t, s, question, f, rows, r)
	agreesWithTrends(t, s, question)
}

func checkLifecycle(t *testing.T, s *Store, question map[string]any, f refActivity, rows []row, r *rand.Rand) {
	t.Helper()
	text := textOf(t, question)
	got := askLifecycle(t, s, text)
	users := f.users(rows)
	figures := [][]int64{got.New, got.Returning, got.Resurrecting, got.Dormant}
	for i := range f.calendar.buckets() {
		for state, name := range lifeStates() {
			want := int64(len(users[i][name]))
			if name == stateDormant {
				want = -want
			}
			if figures[state][i] != want {
				t.Errorf("%s\n%s at %s: got %d, want %d", text, name, got.Buckets[i], figures[state][i], want)
				return
			}
		}
	}
	if want := f.calendar.incomplete(watermarkOf(rows)); !slices.Equal(got.Incomplete, want) {
		t.Errorf("%s\nincomplete %v, want %v", text, got.Incomplete, want)
	}
	i, state := r.IntN(len(got.Buckets)), lifeStates()[r.IntN(4)]
	wantPeople(t, s, text, map[string]any{"bucket": got.Buckets[i], "state": state}, users[i][state])
}

// users lists who is what to each bucket.
func (f refActivity) users(rows []row) []map[lifeState]map[string]bool {
	out := make([]map[lifeState]map[string]bool, f.calendar.buckets())
	for i := range out {
		out[i] = map[lifeState]map[string]bool{}
		for _, state := range lifeStates() {
			out[i][state] = map[string]bool{}
		}
	}
	for user, history := range byUser(rows) {
		for i := range out {
			if state := f.state(history, i); state != "" {
				out[i][state][user] = true
			}
		}
	}
	return out
}

// agreesWithTrends: the new, the returning and the resurrecting are the active users.
func agreesWithTrends(t *testing.T, s *Store, question map[string]any) {
	t.Helper()
	text := textOf(t, question)
	got := askLifecycle(t, s, text)
	trend := map[string]any{"kind": "trends", "series": []any{map[string]any{"event": question["event"], "measure": "users"}}}
	for _, name := range []string{"from", "to", "timezone", "interval", "week_start", "where"} {
		if question[name] != nil {
			trend[name] = question[name]
		}
	}
	var active []string
	for i := range got.Buckets {
		active = append(active, strconv.FormatInt(got.New[i]+got.Returning[i]+got.Resurrecting[i], 10))
	}
	wantValues(t, text, askTrends(t, s, textOf(t, trend)).Series[0].Values, active)
}

// realLifecycle agrees with the reference, and each bucket follows from the one
// before: active before = returning + dormant.
func realLifecycle(t *testing.T, s *Store, rows []row, span refTrend) {
	question := span.question("lifecycle")
	question["event"] = "purchase"
	f := refActivity{calendar: newRefCalendar(span, 0), fits: func(e row) bool { return e.kind == "purchase" }}
	checkLifecycle(t, s, question, f, rows, rand.New(rand.NewPCG(*seed, 1)))
	agreesWithTrends(t, s, question)
	got := askLifecycle(t, s, textOf(t, question))
	for i := 2; i < len(got.Buckets); i++ { // the range may cut the first
		before := got.New[i-1] + got.Returning[i-1] + got.Resurrecting[i-1]
		if before != got.Returning[i]-got.Dormant[i] {
			t.Errorf("%s: %d were active before, %d returned and %d did not", got.Buckets[i], before, got.Returning[i], -got.Dormant[i])
		}
	}
	t.Log(fmt.Sprint(got.New))
}
