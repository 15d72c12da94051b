package olap

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// sameVideo compares answers; seconds may differ in their last digits.
func sameVideo(t testing.TB, question string, got, want *VideoResult) {
	t.Helper()
	same := sameVideoFigures(t, got.VideoFigures, want.VideoFigures) && len(got.Breakdown) == len(want.Breakdown)
	for i := range got.Breakdown {
		same = same && got.Breakdown[i].Value == want.Breakdown[i].Value && sameVideoFigures(t, got.Breakdown[i].VideoFigures, want.Breakdown[i].VideoFigures)
	}
	if !same {
		t.Errorf("%s\ngot  %s\nwant %s", question, jsonOf(t, got), jsonOf(t, want))
	}
}

func sameVideoFigures(t testing.TB, a, b VideoFigures) bool {
	same := sameNumber(a.WatchSeconds, b.WatchSeconds)
	a.WatchSeconds, b.WatchSeconds = number{}, number{}
	return same && jsonOf(t, a) == jsonOf(t, b)
}

// watchRows is rich in events that say little, much, or nonsense.
func watchRows(r *rand.Rand, users int) []row {
	var rows []row
	for u := range users {
		for range r.IntN(8) {
			e := row{user: fmt.Sprintf("u%03d", u), kind: []string{"video_play", "video_progress", "video_progress", "video_complete", "view"}[r.IntN(5)],
				at: funnelStart.Add(time.Duration(r.IntN(30)) * time.Second), video: []string{"", "v1", "v2", "(none)"}[r.IntN(4)]}
			e.country = []string{"", "IN", "US", "DE"}[r.IntN(4)]
			p := map[string]any{}
			numbers := func(most int) any {
				return []any{r.IntN(most), r.IntN(most), float64(r.IntN(most)) / 8, fmt.Sprint(r.IntN(most)), -3, "soon", nil, true}[r.IntN(8)]
			}
			for i, name := range []string{"percent", "position_seconds", "duration_seconds", "watched_seconds"} {
				if r.IntN(3) > 0 && (i > 0 || r.IntN(2) == 0) {
					p[name] = numbers([]int{120, 700, 600, 60}[i])
				}
			}
			text, err := json.Marshal(p)
			if err != nil {
				panic(err)
			}
			e.properties = string(text)
			rows = append(rows, e)
			if r.IntN(5) == 0 {
				rows = append(rows, e)
			}
		}
	}
	return rows
}

func newRandomVideo(r *rand.Rand) (string, refVideo) {
	f := refVideo{from: funnelStart.Add(time.Duration(r.IntN(5)) * time.Second), to: funnelStart.Add(time.Duration(6+r.IntN(25)) * time.Second), fits: func(row) bool { return true }, limit: 1 + r.IntN(2)}
	q := map[string]any{"kind": "video", "from": f.from.Format(time.RFC3339), "to": f.to.Format(time.RFC3339)}
	if r.IntN(3) == 0 {
		q["video_id"] = "v1"
		f.fits = func(e row) bool { return e.video == "v1" }
	}
	if r.IntN(4) == 0 {
		q["where"] = `not country in ("US", "DE")`
		f.fits = also(f.fits, func(e row) bool { return e.country != "US" && e.country != "DE" })
	}
	switch r.IntN(3) {
	case 0:
		q["breakdown"] = map[string]any{"property": "video_id", "limit": f.limit}
		f.value = func(e row) string { return e.video }
	case 1:
		q["breakdown"] = map[string]any{"property": "country", "limit": f.limit}
		f.value = func(e row) string { return e.country }
	}
	text, err := json.Marshal(q)
	if err != nil {
		panic(err)
	}
	return string(text), f
}

func TestVideoAgreesWithTheReference(t *testing.T) {
	const users = 400
	r := rand.New(rand.NewPCG(*seed, 500))
	rows := watchRows(r, users)
	s := newStore(t)
	write(t, s, "watching", rows)
	for n := range *histories / users {
		question, f := newRandomVideo(r)
		sameVideo(t, question, ask(t, s, question).Result.(*VideoResult), f.answer(rows))
		if t.Failed() {
			t.Fatalf("question %d of -seed %d", n, *seed)
		}
	}
}

// The users of each place are as many as it says.
func TestUsersBehindVideo(t *testing.T) {
	r := rand.New(rand.NewPCG(*seed, 510))
	s := newStore(t)
	write(t, s, "watching", watchRows(r, 60))
	q, err := ParseQuery([]byte(`{"kind":"video","from":"2026-03-01","to":"2026-03-02","breakdown":{"property":"video_id","limit":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.Ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	result := answer.Result.(*VideoResult)
	for _, d := range everyFourth(result.DropOff) {
		countPeople(t, s, q, fmt.Sprintf(`{"percent":%d}`, d.Percent), d.Users)
	}
	for _, g := range result.Breakdown {
		for _, d := range everyFourth(g.DropOff) {
			countPeople(t, s, q, jsonOf(t, map[string]any{"percent": d.Percent, "breakdown": g.Value}), d.Users)
		}
	}
}

func everyFourth(places []VideoReach) []VideoReach {
	var out []VideoReach
	for i := 0; i < len(places); i += 4 {
		out = append(out, places[i])
	}
	return out
}
