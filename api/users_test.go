package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"millrace/internal/churn"
	"millrace/internal/enginetest"
	"millrace/internal/lifetime"
	"millrace/oltp"
)

// openPostgres is a migrated store on a real Postgres.
func openPostgres(t *testing.T) *oltp.Store {
	t.Helper()
	cfg := oltp.DefaultConfig()
	cfg.Address = enginetest.Postgres(t)
	store, err := oltp.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return store
}

func TestUserFromPostgres(t *testing.T) {
	store := openPostgres(t)
	s := start(t, func(_ *Config, d *Deps) { d.Users, d.Scores = store, store })
	const id = "ünï/cødé ?#%"
	path := "/v1/users/" + url.PathEscape(id)
	wantProblem(t, s.get(path), http.StatusNotFound, codeUnknownUser)
	err := store.UpsertUserStats(t.Context(), []oltp.UserStats{{
		UserID:            id,
		FirstSeen:         time.Date(1997, 1, 1, 0, 0, 0, 0, time.UTC),
		LastSeen:          time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC),
		Events:            3,
		EventsByType:      map[string]uint64{"view": 2, "purchase": 1},
		Sessions:          1,
		ActiveDays:        1,
		Orders:            1,
		RevenueByCurrency: map[string]string{"INR": "499.00"},
		LargestOrder:      map[string]string{"INR": "499.00"},
		AverageOrder:      map[string]string{"INR": "499.00"},
		RefundsByCurrency: map[string]string{"INR": "99.00"},
		ValueByCurrency:   map[string]string{"INR": "400.00"},
		FavouriteCategory: "books",
		Country:           "IN",
		Device:            "phone",
		Platform:          "ios",
	}})
	if err != nil {
		t.Fatal(err)
	}
	savePrediction(t, store, lifetime.Name, oltp.Prediction{UserID: id, Version: 2, Score: 0.75, AsOf: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC),
		Details: []byte(`{"purchase_probability_30d":0.5,"expected_purchases_30d":0.8,"expected_purchases_90d":2.1,"expected_spend":34.5,"expected_value_365d":210,"currency":"INR"}`)})
	savePrediction(t, store, churn.Name, oltp.Prediction{UserID: id, Version: 7, Score: 0.25, AsOf: time.Date(2026, 1, 2, 3, 4, 5, 679e6, time.UTC),
		Details: []byte(`{"reasons":[{"feature":"days_since_last_event","effect":-0.5}]}`)})
	answer := s.get(path)
	if answer.status != http.StatusOK || answer.header.Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s", answer.status, answer.header.Get("Content-Type"))
	}
	golden(t, "user.golden", render(t, answer))
}

func savePrediction(t *testing.T, store *oltp.Store, model string, p oltp.Prediction) {
	t.Helper()
	if _, err := store.SavePredictions(t.Context(), model, []oltp.Prediction{p}); err != nil {
		t.Fatal(err)
	}
}

func TestUserWhilePostgresIsAway(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"away":   {oltp.ErrUnavailable, http.StatusServiceUnavailable, codeStoreUnavailable},
		"broken": {errors.New("column does not exist"), http.StatusInternalServerError, codeInternal},
		"slow":   {context.DeadlineExceeded, http.StatusGatewayTimeout, codeTimeout},
	} {
		s := start(t, func(_ *Config, d *Deps) {
			d.Users = userFunc(func(context.Context, string) (oltp.UserStats, error) { return oltp.UserStats{}, c.err })
		})
		t.Run(name, func(t *testing.T) { wantProblem(t, s.get("/v1/users/u1"), c.status, c.code) })
	}
}

func TestLookupHasADeadline(t *testing.T) {
	s := start(t, func(c *Config, d *Deps) {
		c.LookupTimeout = 20 * time.Millisecond
		d.Users = userFunc(func(ctx context.Context, _ string) (oltp.UserStats, error) {
			<-ctx.Done()
			return oltp.UserStats{}, ctx.Err()
		})
	})
	wantProblem(t, s.get("/v1/users/u1"), http.StatusGatewayTimeout, codeTimeout)
}

func knownUser(_ context.Context, id string) (oltp.UserStats, error) {
	return oltp.UserStats{UserID: id, Events: 3, EventsByType: map[string]uint64{"view": 3}}, nil
}
