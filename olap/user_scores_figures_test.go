package olap

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"
)

// scored are histories of users with a score each, and what a slow second
// computation makes of them.
type scored struct {
	start time.Time
	days  map[string][]int   // of each user's views, days since start; more than one a day where it comes twice
	score map[string]float64 // of those who have one
}

// newScored draws 180 users, of whom a sixth has no score; some scores are equal.
func newScored(r *rand.Rand, start time.Time, days int) scored {
	s := scored{start: start, days: map[string][]int{}, score: map[string]float64{}}
	for u := range 180 {
		user := fmt.Sprintf("u%03d", u)
		for range 1 + r.IntN(9) {
			s.days[user] = append(s.days[user], r.IntN(days))
		}
		if r.IntN(6) > 0 {
			s.score[user] = float64(r.IntN(60)) / 60
		}
	}
	return s
}

func (s scored) rows(r *rand.Rand) (rows []row) {
	for user, days := range s.days {
		for _, day := range days {
			when := s.start.Add(time.Duration(day)*24*time.Hour + time.Duration(r.Int64N(int64(24*time.Hour)))).Truncate(time.Millisecond)
			rows = append(rows, row{kind: "view", user: user, at: when})
		}
	}
	return rows
}

// deciles ranks the scored users, the largest score first, equal ones by user.
func (s scored) deciles() map[string]string {
	users := sortedKeys(s.score)
	slices.SortStableFunc(users, func(a, b string) int { return cmp.Compare(s.score[b], s.score[a]) })
	decile := map[string]string{}
	for i, user := range users {
		decile[user] = strconv.Itoa(10*i/len(users) + 1)
	}
	return decile
}

// retention counts, for each decile and day of the first view, who views again k
// days later.
func (s scored) retention(days, periods int) map[string][][]uint64 {
	deciles, tables := s.deciles(), map[string][][]uint64{}
	for user, viewed := range s.days {
		decile := cmp.Or(deciles[user], labelNone)
		if tables[decile] == nil {
			for range days {
				tables[decile] = append(tables[decile], make([]uint64, periods))
			}
		}
		first := slices.Min(viewed)
		for k := range periods {
			if slices.Contains(viewed, first+k) {
				tables[decile][first][k]++
			}
		}
	}
	return tables
}

// TestRetentionByDecileHasTheRightFigures compares every cell of a retention by
// churn decile, and each day of a trend of users above a probability.
func TestRetentionByDecileHasTheRightFigures(t *testing.T) {
	const days, periods, seed = 12, 5, 21
	r := rand.New(rand.NewPCG(seed, 0))
	start := at("2026-01-05T00:00:00Z")
	all := newScored(r, start, days)
	s := newStore(t)
	write(t, s, "scored", all.rows(r))
	w, err := s.NewScoreWriter(ScoreChurn)
	if err != nil {
		t.Fatal(err)
	}
	for user, score := range all.score {
		if err := w.Add(t.Context(), user, score); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Done(t.Context()); err != nil {
		t.Fatal(err)
	}
	between := fmt.Sprintf(`"from":%q,"to":%q`, start.Format(time.DateOnly), start.AddDate(0, 0, days).Format(time.DateOnly))

	want := all.retention(days, periods)
	got := askRetention(t, s, fmt.Sprintf(`{"kind":"retention",%s,"start":{"event":"view"},"return":{"event":"view"},"cohort":"first_in_range",
		"interval":"day","periods":%d,"breakdown":{"property":"user.churn_decile","limit":20}}`, between, periods))
	if len(want) != 11 || len(got.Breakdown) != len(want) {
		t.Errorf("seed %d: %d rows, want %d: ten tenths and (none)", seed, len(got.Breakdown), len(want))
	}
	for _, group := range got.Breakdown {
		if len(group.Rows) != days || want[group.Value] == nil {
			t.Fatalf("decile %q: %d cohorts", group.Value, len(group.Rows))
		}
		for day, cohort := range group.Rows {
			if !slices.Equal(cohort.Values, want[group.Value][day]) {
				t.Errorf("seed %d: decile %s, cohort %s: got %v, want %v", seed, group.Value, cohort.Cohort, cohort.Values, want[group.Value][day])
			}
		}
	}

	total, users := make([]float64, days), map[string]bool{}
	for user, score := range all.score {
		for _, day := range all.days[user] {
			if score > 0.8 {
				total[day]++
				users[user] = true
			}
		}
	}
	trend := ask(t, s, fmt.Sprintf(`{"kind":"trends",%s,"series":[{"event":"view","where":"user.churn > 0.8"},{"event":"view","measure":"users","where":"churn > 0.8"}]}`, between)).Result.(*TrendsResult)
	for day, want := range total {
		if got, _ := trend.Series[0].Values[day].float(); got != want {
			t.Errorf("seed %d: views of users above 0.8 on day %d: got %v, want %v", seed, day, got, want)
		}
	}
	if got, _ := trend.Series[1].Total.float(); got != float64(len(users)) || got < 10 {
		t.Errorf("seed %d: users above 0.8: got %v, want %d", seed, got, len(users))
	}
}
