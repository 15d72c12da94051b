package olap

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// TestExplainFindsThePlantedReason loses 8 of 10 users on Android and 2 of 10
// elsewhere, and has a property of many values that means nothing.
func TestExplainFindsThePlantedReason(t *testing.T) {
	s := newStore(t)
	var rows []row
	for u := range 200 {
		e := row{user: fmt.Sprintf("u%03d", u), kind: "view", at: at("2026-01-01T00:00:00Z").Add(time.Duration(u) * time.Minute), country: []string{"IN", "US", ""}[u%3],
			platform: []string{"android", "ios"}[u%2], properties: fmt.Sprintf(`{"luck":%d,"plan":"free","deep":{"x":1}}`, u%7)}
		rows = append(rows, e)
		e.kind, e.platform, e.at = "cart", "web", e.at.Add(time.Second) // what the step asked about does not carry does not count
		rows = append(rows, e)
		if lost := []int{8, 2}[u%2]; u/2%10 >= lost {
			e.kind, e.at = "buy", e.at.Add(time.Second)
			rows = append(rows, e)
		}
	}
	write(t, s, "1", rows)
	const question = `{"kind":"funnel","from":"2026-01-01","to":"2026-01-02","window":"1h","steps":[{"event":"view"},{"event":"buy"}],"explain":%s}`
	got := askFunnel(t, s, fmt.Sprintf(question, "true")).Explain
	if got.Step != 2 || got.Users != 200 || got.Lost != 100 {
		t.Fatalf("got %s", jsonOf(t, got))
	}
	first := got.Values[0]
	if first.Property != "platform" || first.Value != "android" || first.Users != 100 || first.Lost != 80 || first.LossRate.text != "0.8" || first.LossRateOfOthers.text != "0.2" ||
		first.ShareOfLoss.text != "0.8" || first.Explains.text != "0.6" || !first.Significant {
		t.Errorf("got %s, want android with 80 of 100 lost", jsonOf(t, first))
	}
	// z = 0.6 / sqrt(0.25 * 2 / 100) = 8.485: two-sided p of 2.2e-17
	if p, _ := first.PValue.float(); math.Abs(p/2.153e-17-1) > 0.01 {
		t.Errorf("p is %v, want 2.153e-17", first.PValue)
	}
	for _, v := range got.Values[1:] {
		if v.Significant {
			t.Errorf("%s means nothing", jsonOf(t, v))
		}
	}
	named := askFunnel(t, s, fmt.Sprintf(question, `{"step":2,"properties":["properties.luck","country"]}`)).Explain
	for _, v := range named.Values {
		if v.Property != "properties.luck" && v.Property != "country" {
			t.Errorf("%s was not asked about", v.Property)
		}
	}
	if named.Tested != 7+3 { // luck has 7 values, country 2 and (none); nobody is without luck
		t.Errorf("%d values tested, want 10", named.Tested)
	}
}

// TestExplainPicksTheLargestLoss takes the step where most users were lost.
func TestExplainPicksTheLargestLoss(t *testing.T) {
	s := newStore(t)
	var rows []row
	for u := range 30 {
		for k, kind := range []string{"view", "cart", "buy"} {
			if u < []int{30, 25, 5}[k] {
				rows = append(rows, row{user: fmt.Sprint("u", u), kind: kind, at: at("2026-01-01T00:00:00Z").Add(time.Duration(k) * time.Minute)})
			}
		}
	}
	write(t, s, "1", rows)
	for _, order := range []string{"ordered", "strict", "unordered"} {
		got := askFunnel(t, s, `{"kind":"funnel","order":"`+order+`","from":"2026-01-01","to":"2026-01-02","steps":[{"event":"view"},{"event":"cart"},{"event":"buy"}],"breakdown":{"property":"country"},"explain":true}`).Explain
		if got.Step != 3 || got.Users != 25 || got.Lost != 20 || len(got.Values) != 0 {
			t.Errorf("%s: got %s, want step 3, 20 of 25 lost, and nothing that explains it", order, jsonOf(t, got))
		}
	}
}

// TestAdjust is the example of Benjamini and Hochberg (1995), section 4.1: with
// 15 tests, the first four are significant.
func TestAdjust(t *testing.T) {
	var reasons []FunnelReason
	for _, p := range []float64{0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1} {
		reasons = append(reasons, FunnelReason{p: p})
	}
	adjust(reasons)
	for i, reason := range reasons {
		if reason.Significant != (i < 4) {
			t.Errorf("p %v, adjusted %v: significant %v", reason.p, reason.PAdjusted, reason.Significant)
		}
	}
	if got := reasons[3].PAdjusted; !sameNumber(got, numberOf(0.0095*15/4)) {
		t.Errorf("got %v", got)
	}
}
