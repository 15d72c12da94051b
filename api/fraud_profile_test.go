package api

import (
	"net/http"
	"slices"
	"testing"
)

func TestFraudProfileShowsWhatIsCompared(t *testing.T) {
	known := &fakeFraud{}
	known.profile, known.population = regularProfile(t)
	s := start(t, func(_ *Config, d *Deps) { d.Fraud = known })
	reply := s.do(http.MethodGet, "/v1/users/a%2Fb/fraud-profile", nil)
	if reply.status != http.StatusOK {
		t.Fatalf("%d %s", reply.status, reply.body)
	}
	got := decodeReply[FraudProfile](t, reply)
	if got.UserID != "a/b" || known.user != "a/b" {
		t.Errorf("the profile is of %q, asked for was %q; want a/b", got.UserID, known.user)
	}
	if got.Purchases != 10 || got.Attempts != 10 || got.Declined != 0 || got.Devices != 1 || !slices.Equal(got.Countries, []string{"IN"}) {
		t.Errorf("ten purchases in India with one device are %+v", got)
	}
	// 1,000 to 1,270 rupees are 12 to 15.30 dollars; a prior of everybody's moves the usual one.
	if got.LargestAmount == nil || *got.LargestAmount != "15.30" {
		t.Errorf("largest amount %v, want 15.30", got.LargestAmount)
	}
	if len(got.Hours) != 24 || got.LastPurchase == nil {
		t.Errorf("%d hours, last purchase %v; want 24 and a time", len(got.Hours), got.LastPurchase)
	}
}

func TestFraudProfileOfSomebodyNew(t *testing.T) {
	s := start(t, func(_ *Config, d *Deps) { d.Fraud = &fakeFraud{} })
	if reply := s.do(http.MethodGet, "/v1/users/nobody/fraud-profile", nil); reply.status != http.StatusNotFound {
		t.Errorf("%d %s, want 404", reply.status, reply.body)
	}
}
