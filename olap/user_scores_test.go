package olap

import (
	"fmt"
	"math"
	"testing"
)

// TestScoresInQuestions asks about users by what the models say of them.
func TestScoresInQuestions(t *testing.T) {
	s := newStore(t)
	var rows []row
	for u := range 20 {
		rows = append(rows, row{kind: "view", user: fmt.Sprintf("u%02d", u), at: at("2026-01-02T10:00:00Z")})
	}
	write(t, s, "t1", rows)
	// The first pass scores everyone, the second leaves out u00 to u09.
	for pass, from := range []int{0, 10} {
		w, err := s.NewScoreWriter(ScoreChurn, ScoreAlive)
		if err != nil {
			t.Fatal(err)
		}
		w.pass += uint64(pass)
		for u := from; u < 20; u++ {
			alive := 1 - float64(u)/20
			if u == 19 {
				alive = math.NaN() // the model says nothing
			}
			if err := w.Add(t.Context(), fmt.Sprintf("u%02d", u), float64(u)/20, alive); err != nil {
				t.Fatal(err)
			}
		}
		count := func(where string, want float64) {
			t.Helper()
			a := ask(t, s, fmt.Sprintf(`{"kind":"trends","from":"2026-01-01","to":"2026-01-03","series":[{"event":"view","measure":"users","where":%q}]}`, where))
			got, _ := a.Result.(*TrendsResult).Series[0].Total.float()
			if got != want {
				t.Errorf("pass %d, %s: got %v users, want %v", pass+1, where, got, want)
			}
		}
		if err := w.write(t.Context()); err != nil {
			t.Fatal(err)
		}
		if pass == 1 {
			count(`user.churn < 0.5`, 10) // still there while the pass is under way
		}
		if err := w.Done(t.Context()); err != nil {
			t.Fatal(err)
		}
		count(`churn > 0.72`, 5)
		count(`user.churn > 0.72 and user.p_alive exists`, 4)
		count(`user.churn < 0.5`, float64(10*(1-pass)))
		count(`churn_decile = 1`, float64(2-pass))
		count(`user.churn_decile = 10`, float64(2-pass))
		count(`not churn exists`, float64(10*pass))
	}
	a := ask(t, s, `{"kind":"trends","from":"2026-01-01","to":"2026-01-03","series":[{"event":"view","measure":"users"}],"breakdown":{"property":"user.churn_decile","limit":20}}`)
	if got := len(a.Result.(*TrendsResult).Series); got != 11 {
		t.Errorf("broken down by decile: got %d rows, want the ten tenths and (none)", got)
	}
	ask(t, s, `{"kind":"retention","from":"2026-01-01","to":"2026-01-03","start":{"event":"view"},"return":{"event":"view"},"breakdown":{"property":"churn_decile"}}`)
	if _, err := s.NewScoreWriter("chrn"); err == nil {
		t.Error("a score of an unknown name was taken")
	}
}
