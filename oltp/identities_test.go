package oltp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func anon(id string) Identity { return Identity{ScopeAnonymous, id} }

func user(id string) Identity { return Identity{ScopeUser, id} }

// link makes one link and returns its outcome.
func link(t *testing.T, s *Store, from Identity, to string) LinkResult {
	t.Helper()
	results, err := s.LinkIdentities(t.Context(), []IdentityLink{{from, to}})
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

func wantLinks(t *testing.T, s *Store, want map[Identity]string) {
	t.Helper()
	ids := []Identity{anon("nobody"), user("nobody")}
	for id := range want {
		ids = append(ids, id)
	}
	got, err := s.LookupIdentities(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(got, want) {
		t.Errorf("links: got %v, want %v", got, want)
	}
}

func TestLinksFollowChainsAndTheFirstOneStays(t *testing.T) {
	s := migratedStore(t)
	for _, c := range []struct {
		from Identity
		to   string
		want LinkResult
	}{
		{anon("a1"), "u1", LinkResult{LinkMade, "u1"}},
		{anon("a1"), "u1", LinkResult{LinkKnown, "u1"}},
		{anon("a1"), "u2", LinkResult{LinkConflict, "u1"}},
		{user("u1"), "u2", LinkResult{LinkMade, "u2"}}, // a1 → u1 → u2
		{anon("a1"), "u1", LinkResult{LinkKnown, "u2"}},
		{user("u2"), "u3", LinkResult{LinkMade, "u3"}},
		{anon("a2"), "u1", LinkResult{LinkMade, "u3"}},  // the end of the chain
		{user("u3"), "u1", LinkResult{LinkCycle, "u3"}}, // u1 is u3 already
		{user("u4"), "u4", LinkResult{LinkCycle, "u4"}},
		{anon("u1"), "u9", LinkResult{LinkMade, "u9"}}, // the same text in the other scope
		{anon("zero\x00"), "u1", LinkResult{Outcome: LinkRefused}},
		{anon(""), "u1", LinkResult{Outcome: LinkRefused}},
	} {
		if got := link(t, s, c.from, c.to); got != c.want {
			t.Errorf("%v → %s: got %v, want %v", c.from, c.to, got, c.want)
		}
	}
	wantLinks(t, s, map[Identity]string{anon("a1"): "u3", anon("a2"): "u3", user("u1"): "u3", user("u2"): "u3", anon("u1"): "u9"})
}

func TestLinksOfOneCallSeeEachOther(t *testing.T) {
	s := migratedStore(t)
	results, err := s.LinkIdentities(t.Context(), []IdentityLink{{user("b"), "c"}, {user("a"), "b"}, {user("c"), "a"}, {anon("x\x00"), "a"}, {user("c"), "d"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []LinkResult{{LinkMade, "c"}, {LinkMade, "c"}, {LinkCycle, "c"}, {Outcome: LinkRefused}, {LinkMade, "d"}}
	if fmt.Sprint(results) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", results, want)
	}
	wantLinks(t, s, map[Identity]string{user("a"): "d", user("b"): "d", user("c"): "d"})
}

// Whatever links are made at the same time, no id leads back to itself, and every
// link points at the end of its chain.
func TestConcurrentLinksCloseNoCircle(t *testing.T) {
	s := migratedStore(t)
	const users = 6
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for n := range 30 {
				from, to := (n*7+worker*3)%users, (n*5+worker)%users
				if _, err := s.LinkIdentities(t.Context(), []IdentityLink{{user(fmt.Sprint("u", from)), fmt.Sprint("u", to)}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	var broken int
	const unfinished = "SELECT count(*) FROM identity_links a JOIN identity_links b ON b.scope = 'user' AND b.from_id = a.to_id"
	if err := s.pool.QueryRow(t.Context(), unfinished).Scan(&broken); err != nil {
		t.Fatal(err)
	}
	if broken != 0 {
		t.Errorf("%d links do not point at the end of their chain", broken)
	}
}

// newIdentities makes the memory of one process. With run it listens until the
// test ends.
func newIdentities(t *testing.T, s *Store, run bool) (*Identities, *clock) {
	t.Helper()
	c := &clock{}
	c.set(time.Now())
	cfg := DefaultIdentitiesConfig()
	cfg.Timeout, cfg.RetryPause = 10*time.Second, 10*time.Millisecond
	i, err := NewIdentities(cfg, IdentitiesDeps{Store: s, Registry: prometheus.NewRegistry(), Logger: quietLog(), Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	if run {
		ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
		done := make(chan error, 1)
		go func() { done <- i.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
		await(t, "the process listens", i.listening.Load)
	}
	return i, c
}

// await asks again until a condition of another goroutine holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited too long until %s", what)
		}
	}
}

func resolve(t *testing.T, i *Identities, id Identity) string {
	t.Helper()
	users, err := i.Resolve(t.Context(), []Identity{id})
	if err != nil {
		t.Fatal(err)
	}
	return users[id]
}

func mustLink(t *testing.T, i *Identities, from Identity, to string) {
	t.Helper()
	if _, err := i.Link(t.Context(), []IdentityLink{{from, to}}); err != nil {
		t.Fatal(err)
	}
}

func TestOwnLinksAreSeenAtOnce(t *testing.T) {
	i, _ := newIdentities(t, migratedStore(t), false)
	for step, c := range []struct {
		from     Identity
		to, want string // what a1 means then
	}{{anon("a1"), "u1", "u1"}, {user("u1"), "u2", "u2"}, {user("u2"), "u3", "u3"}, {anon("a1"), "u9", "u3"}} {
		resolve(t, i, anon("a1")) // it is remembered, with or without a link
		mustLink(t, i, c.from, c.to)
		if got := resolve(t, i, anon("a1")); got != c.want {
			t.Errorf("step %d: a1 means %q, want %q", step, got, c.want)
		}
	}
}

func TestMemoryAnswersWithoutPostgres(t *testing.T) {
	i, c := newIdentities(t, migratedStore(t), false)
	mustLink(t, i, anon("a1"), "u1")
	resolve(t, i, anon("a1"))
	resolve(t, i, anon("none"))
	i.deps.Store.pool.Close() // Postgres is away
	users, err := i.Resolve(t.Context(), []Identity{anon("a1"), anon("none")})
	if err != nil || users[anon("a1")] != "u1" || len(users) != 1 {
		t.Errorf("remembered: got %v, %v", users, err)
	}
	users, err = i.Resolve(t.Context(), []Identity{anon("a1"), anon("new")})
	if err == nil || users[anon("a1")] != "u1" {
		t.Errorf("with an unknown id: got %v, %v, want a1 and an error", users, err)
	}
	if _, err = i.Resolve(t.Context(), []Identity{anon("new")}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("while it is left alone: got %v, want ErrUnavailable", err)
	}
	c.advance(time.Second) // another attempt, which fails on its own
	if _, err = i.Resolve(t.Context(), []Identity{anon("new")}); err == nil || errors.Is(err, ErrUnavailable) {
		t.Errorf("after the pause: got %v", err)
	}
}

func TestOtherProcessesLinksAreHeard(t *testing.T) {
	s := migratedStore(t)
	listener, _ := newIdentities(t, s, true)
	other, _ := newIdentities(t, s, false)
	if got := resolve(t, listener, anon("a1")); got != "" {
		t.Fatalf("a1 means %q", got)
	}
	mustLink(t, other, anon("a1"), "u1")
	await(t, "a1 means u1", func() bool { return resolve(t, listener, anon("a1")) == "u1" })
	mustLink(t, other, user("u1"), "u2")
	await(t, "a1 means u2", func() bool { return resolve(t, listener, anon("a1")) == "u2" })
}

func TestADeafProcessIsLateByItsMaxAge(t *testing.T) {
	s := migratedStore(t)
	deaf, c := newIdentities(t, s, false)
	other, _ := newIdentities(t, s, false)
	resolve(t, deaf, anon("a1"))
	mustLink(t, other, anon("a1"), "u1")
	c.advance(deaf.cfg.MaxAgeDeaf - time.Millisecond)
	if got := resolve(t, deaf, anon("a1")); got != "" {
		t.Errorf("just before: a1 means %q", got)
	}
	c.advance(2 * time.Millisecond)
	if got := resolve(t, deaf, anon("a1")); got != "u1" {
		t.Errorf("after it: a1 means %q, want u1", got)
	}
}

// A connection that breaks is made again, and nothing that was said meanwhile is
// believed to be known.
func TestListeningResumes(t *testing.T) {
	s := migratedStore(t)
	i, _ := newIdentities(t, s, true)
	resolve(t, i, anon("a1"))
	const kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
	exec(t, s, kill)
	other, _ := newIdentities(t, s, false)
	mustLink(t, other, anon("a1"), "u1")
	await(t, "a1 means u1 again", func() bool { return resolve(t, i, anon("a1")) == "u1" })
}

// An answer from before a link is not remembered after it.
func TestALinkDuringAQuestionIsNotForgotten(t *testing.T) {
	i, _ := newIdentities(t, migratedStore(t), false)
	ids := []Identity{anon("a1"), anon("a2")}
	questions := i.ask(ids)
	i.forget(anon("a1")) // the link is heard of before the old answer is
	i.answer(ids, questions, nil, true)
	if i.cache.Contains(anon("a1")) || !i.cache.Contains(anon("a2")) || len(i.asked) != 0 {
		t.Errorf("remembered %v, asked %v", i.cache.Keys(), i.asked)
	}
	// A question from before the link does not spoil one from after it.
	before := i.ask(ids[:1])
	i.forget(anon("a1"))
	after := i.ask(ids[:1])
	i.answer(ids[:1], after, map[Identity]string{anon("a1"): "u1"}, true)
	i.answer(ids[:1], before, nil, true)
	if r, _ := i.cache.Peek(anon("a1")); r.user != "u1" || len(i.asked) != 0 {
		t.Errorf("a1 is remembered as %q, asked %v", r.user, i.asked)
	}
}

func TestIdentitiesConfigValidate(t *testing.T) {
	if err := DefaultIdentitiesConfig().Validate(); err != nil {
		t.Error(err)
	}
	if err := (IdentitiesConfig{}).Validate(); err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("empty config: got %v, want five faults", err)
	}
}
