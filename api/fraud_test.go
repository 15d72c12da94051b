package api

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"millrace/internal/enginetest"
	"millrace/internal/fraud"
	"millrace/oltp"
)

// fakeFraud answers with what it is given, and remembers the question.
type fakeFraud struct {
	profile, population []byte
	scores              []oltp.FraudScore
	asked               oltp.FraudFilter
	user                string
}

func (f *fakeFraud) FraudProfile(_ context.Context, user string) (profile, population []byte, err error) {
	f.user = user
	return f.profile, f.population, nil
}

func (f *fakeFraud) FraudScores(_ context.Context, filter oltp.FraudFilter, limit int) ([]oltp.FraudScore, error) {
	f.asked = filter
	return f.scores[:min(limit, len(f.scores))], nil
}

// fraudModel is the one that the binary carries.
func fraudModel(t testing.TB) func() *fraud.Model {
	t.Helper()
	model, err := fraud.DefaultModel()
	if err != nil {
		t.Fatal(err)
	}
	return func() *fraud.Model { return model }
}

// regularProfile is what is known of somebody who has bought for about 1,000
// rupees on each of the last ten days, the last time one second ago.
func regularProfile(t testing.TB) (profile, population []byte) {
	t.Helper()
	p, all, model := new(fraud.Profile), new(fraud.Population), fraudModel(t)()
	now := time.Now()
	for n := range 10 {
		e := fraud.Event{
			Kind: fraud.KindPurchase, ID: fmt.Sprint(n), At: now.Add(time.Duration(n-9)*24*time.Hour - time.Second).UnixMilli(),
			Amount: 1000 + 30*float64(n), Currency: "INR", Country: "IN", Device: fraud.DeviceKey("android", "Pixel 9", "", ""),
		}
		model.Take(&e, p, all)
	}
	return p.AppendBinary(nil), all.AppendBinary(nil)
}

// postScore asks for a verdict.
func postScore(s *running, body string) reply {
	return s.do(http.MethodPost, "/v1/score/fraud", []byte(body), "Content-Type", "application/json")
}

const pixel = `"context":{"country":"IN","platform":"android","device":"Pixel 9"}`

func TestScoreFraudSaysWhy(t *testing.T) {
	known := &fakeFraud{}
	known.profile, known.population = regularProfile(t)
	s := start(t, func(_ *Config, d *Deps) { d.Fraud = known })
	score := func(body string) FraudVerdict {
		t.Helper()
		answer := postScore(s, body)
		if answer.status != http.StatusOK {
			t.Fatalf("%s: %d %s", body, answer.status, answer.body)
		}
		return decodeReply[FraudVerdict](t, answer)
	}
	huge := score(`{"user_id":"u1","amount":"500000.00","currency":"INR",` + pixel + `}`)
	if huge.Decision != "block" || known.user != "u1" || huge.Purchases != 10 || huge.Model.Name != "fraud" {
		t.Errorf("half a million, a second after the last purchase: %+v", huge)
	}
	sum := huge.Base
	for _, r := range huge.Reasons {
		sum += r.Effect
	}
	if got := 1 / (1 + math.Exp(-sum)); math.Abs(got-huge.Score) > 1e-9 {
		t.Errorf("base and effects make %v, the score is %v", got, huge.Score)
	}
	later := time.Now().Add(23 * time.Hour).UTC().Format(time.RFC3339)
	usual := score(`{"user_id":"u1","amount":1100,"currency":"INR","timestamp":"` + later + `",` + pixel + `}`)
	if usual.Decision != "allow" || len(usual.Features) != fraud.FeatureCount {
		t.Errorf("a usual purchase, a day later: %+v", usual)
	}
	known.profile, known.population = nil, nil
	if v := score(`{"anonymous_id":"a1","amount":"20","currency":"USD"}`); v.Decision != "allow" || v.UserID != "a1" {
		t.Errorf("somebody new: %+v", v)
	}
}

func TestScoreFraudNamesWhatIsWrong(t *testing.T) {
	s := start(t, nil)
	for _, c := range []struct{ body, code, field string }{
		{`{"user_id":"u1","currency":"INR"}`, codeInvalidField, "/amount"},
		{`{"user_id":"u1","amount":"many","currency":"INR"}`, codeInvalidField, "/amount"},
		{`{"user_id":"u1","amount":-5,"currency":"INR"}`, codeInvalidField, "/amount"},
		{`{"user_id":"u1","amount":{"a":1},"currency":"INR"}`, codeInvalidField, "/amount"},
		{`{"user_id":"u1","amount":1}`, codeInvalidField, "/currency"},
		{`{"user_id":"u1","amount":1,"currency":"rupees"}`, codeInvalidField, "/currency"},
		{`{"amount":1,"currency":"INR"}`, "missing_user", "/user_id"},
		{`{"user_id":"u1","amount":1,"currency":"INR","timestamp":"yesterday"}`, "invalid_timestamp", "/timestamp"},
		{`{"user_id":"u1","amount":1,"currency":"INR","context":{"county":"IN"}}`, "unknown_field", "/context/county"},
		{`{"user":"u1","amount":1,"currency":"INR"}`, "unknown_field", "/user"},
		{`[]`, "malformed_json", ""},
	} {
		p := wantProblem(t, postScore(s, c.body), http.StatusBadRequest, c.code)
		if p.Field != c.field {
			t.Errorf("%s: field %q, want %q: %s", c.body, p.Field, c.field, p.Detail)
		}
	}
}

func TestListFraud(t *testing.T) {
	found := &fakeFraud{}
	for n := range 3 {
		amount := int64(499_500_000)
		found.scores = append(found.scores, oltp.FraudScore{
			EventID: fmt.Sprintf("e%d", n), UserID: "u1", EventTime: time.Date(2026, 4, 5, 6, 7, 8, n*1e6, time.UTC), AmountMicros: &amount,
			Currency: "INR", Score: 0.9, Decision: "review", Reasons: []byte(`[{"reason":"far_above_usual","effect":2.5,"detail":"much"}]`),
		})
	}
	found.scores[2].AmountMicros = nil
	s := start(t, func(_ *Config, d *Deps) { d.Fraud = found })
	first := decodeReply[FraudPage](t, s.get("/v1/fraud?limit=2"))
	if len(first.Purchases) != 2 || first.NextCursor == nil || *first.Purchases[0].Amount != "499.5" || first.Purchases[0].Reasons[0].Effect != 2.5 {
		t.Fatalf("got %+v", first)
	}
	if !slices.Equal(found.asked.Decisions, []string{"review", "block"}) {
		t.Errorf("without parameters it asked for %v", found.asked.Decisions)
	}
	s.get("/v1/fraud?decision=allow&decision=block&user=u+9&from=2026-01-01&to=2026-02-01&min_score=0.3&cursor=" + url.QueryEscape(*first.NextCursor))
	want := oltp.FraudFilter{
		Decisions: []string{"allow", "block"}, UserID: "u 9", MinScore: 0.3, Before: found.scores[1].Cursor(),
		From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC),
	}
	if got := found.asked; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	for query, parameter := range map[string]string{
		"decision=deny": "decision", "from=then": "from", "cursor=x": "cursor", "from=2026-02-01&to=2026-01-01": "to", "limit=0": "limit", "usr=1": "usr",
	} {
		if p := wantProblem(t, s.get("/v1/fraud?"+query), http.StatusBadRequest, codeInvalidParameter); p.Parameter != parameter {
			t.Errorf("%s: parameter %q, want %q", query, p.Parameter, parameter)
		}
	}
}

// TestScoreFraudIsQuick asks over HTTP, with the profile in a real Postgres.
func TestScoreFraudIsQuick(t *testing.T) {
	cfg := oltp.DefaultConfig()
	cfg.Address = enginetest.Postgres(t)
	store, err := oltp.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	profile, population := regularProfile(t)
	step := oltp.ScoringStep{Topic: "events", From: -1, To: oltp.ScoringState{Next: 1, ReceivedAt: time.Now(), Population: population}}
	for n := range 2000 {
		step.Profiles = append(step.Profiles, oltp.UserProfile{UserID: fmt.Sprintf("u%d", n), State: profile})
	}
	if err := store.SaveScoring(t.Context(), step); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(_ *Config, d *Deps) { d.Fraud = store })
	var took []time.Duration
	for n := range 500 {
		body := fmt.Sprintf(`{"user_id":"u%d","amount":"500000.00","currency":"INR",%s}`, n*7%2000, pixel)
		began := time.Now()
		answer := postScore(s, body)
		took = append(took, time.Since(began))
		if answer.status != http.StatusOK || !strings.Contains(string(answer.body), `"decision":"block"`) {
			t.Fatalf("%d %s", answer.status, answer.body)
		}
	}
	slices.Sort(took)
	t.Logf("median %v, p99 %v, slowest %v", took[250], took[495], took[499])
	// The goal of 20 ms is for a quiet machine; tests share theirs.
	if took[250] > 20*time.Millisecond {
		t.Errorf("the median is %v, the goal for p99 is 20ms", took[250])
	}
}
