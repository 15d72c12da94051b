package api

import (
	"net/http"
	"strings"
	"testing"

	"millrace/oltp"
)

// erasuresStore lets noErasures embed the interface.
type erasuresStore = Erasures

// noErasures is a store that nobody may ask.
type noErasures struct{ erasuresStore }

func TestErasureIsAskedForAndReported(t *testing.T) {
	_, store := startAlerts(t)
	s := start(t, func(_ *Config, d *Deps) { d.Erasures = store })
	if _, err := store.LinkIdentities(t.Context(), []oltp.IdentityLink{{From: oltp.Identity{Scope: oltp.ScopeUser, ID: "before"}, To: "a/b"}}); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, s.get("/v1/erasures/er_none"), http.StatusNotFound, codeUnknownErasure)
	p := wantProblem(t, s.do("DELETE", "/v1/users/before", nil), http.StatusConflict, codeLinkedUser)
	if !strings.Contains(p.Detail, `"a/b"`) {
		t.Errorf("whom to erase is not said: %s", p.Detail)
	}
	asked := make(chan reply, 1)
	go func() { asked <- s.do("DELETE", "/v1/users/a%2Fb", nil) }()
	var open []oltp.Erasure
	for len(open) == 0 {
		var err error
		if open, err = store.OpenErasures(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if open[0].UserID != "a/b" {
		t.Errorf("asked for %+v", open[0])
	}
	waiting := decodeReply[Erasure](t, s.get("/v1/erasures/"+open[0].ID))
	if waiting.State != "waiting" || *waiting.UserID != "a/b" || waiting.FinishedAt != nil {
		t.Errorf("while it waits: %+v", waiting)
	}
	if err := store.BeginErasure(t.Context(), open[0].ID, 2, map[string]int64{"clickhouse.events": 5, "postgres.user_stats": 1}); err != nil {
		t.Fatal(err)
	}
	if err := store.FinishErasure(t.Context(), open[0].ID, oltp.Person{Users: []string{"a/b", "before"}}, map[string]int64{"clickhouse.events": 0}); err != nil {
		t.Fatal(err)
	}
	answer := <-asked
	done := decodeReply[Erasure](t, answer)
	if answer.status != http.StatusOK || done.State != "done" || done.UserID != nil || done.IDs != 2 || len(done.Places) != 2 ||
		done.Places[0].Place != "clickhouse.events" || done.Places[0].Before != 5 || *done.Places[0].After != 0 {
		t.Errorf("%d %s", answer.status, answer.body)
	}
}
