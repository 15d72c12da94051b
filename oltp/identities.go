package oltp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
)

// IdentitiesConfig bounds what [Identities] remembers and how long it waits.
type IdentitiesConfig struct {
	// CacheSize is how many ids are remembered, those without a link included.
	CacheSize int
	// MaxAge is how long an id is remembered while Postgres tells of new links.
	MaxAge time.Duration
	// MaxAgeDeaf is how long an id is remembered while it does not, because the
	// connection that listens is down: the longest time by which another process's
	// link may be seen late.
	MaxAgeDeaf time.Duration
	// Timeout bounds one question to Postgres.
	Timeout time.Duration
	// RetryPause is how long Postgres is left alone after it failed; meanwhile
	// calls answer from memory and with ErrUnavailable.
	RetryPause time.Duration
}

// DefaultIdentitiesConfig remembers 100,000 ids and waits half a second.
func DefaultIdentitiesConfig() IdentitiesConfig {
	return IdentitiesConfig{
		CacheSize:  100_000,
		MaxAge:     5 * time.Minute,
		MaxAgeDeaf: 5 * time.Second,
		Timeout:    500 * time.Millisecond,
		RetryPause: time.Second,
	}
}

// Validate reports everything that is wrong with the configuration.
func (c IdentitiesConfig) Validate() error {
	var faults []error
	if c.CacheSize < 1 {
		faults = append(faults, fmt.Errorf("identities cache size is %d: remember at least 1", c.CacheSize))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"max age", c.MaxAge}, {"max age while deaf", c.MaxAgeDeaf}, {"timeout", c.Timeout}, {"retry pause", c.RetryPause}} {
		if d.value <= 0 {
			faults = append(faults, fmt.Errorf("identities %s is %s: use a positive duration such as 1s", d.name, d.value))
		}
	}
	return errors.Join(faults...)
}

// IdentitiesDeps is what Identities works with.
type IdentitiesDeps struct {
	Store    *Store
	Registry prometheus.Registerer
	Logger   *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Identities is identity_links with a bounded memory in front. A link made here is
// seen here at once; one made by another process as soon as Postgres has told of
// it, usually within milliseconds, and after MaxAgeDeaf at the latest.
//
// It is safe for concurrent use.
type Identities struct {
	cfg     IdentitiesConfig
	deps    IdentitiesDeps
	metrics *identityMetrics
	cache   *lru.Cache[Identity, remembered]

	listening atomic.Bool

	mu sync.Mutex
	// asked are the ids that are being looked up, guarded by mu. A link that
	// arrives meanwhile marks the question, so that an answer from before the link
	// is not remembered after it.
	asked map[Identity]*question
	// awayUntil is until when Postgres is left alone, guarded by mu.
	awayUntil time.Time
}

// remembered is what was found about an id; user is empty where there is no link.
type remembered struct {
	user string
	at   time.Time
}

type question struct {
	askers int
	stale  bool
}

// NewIdentities checks the configuration and registers metrics. Run has to be
// called for other processes' links to be heard of.
func NewIdentities(cfg IdentitiesConfig, deps IdentitiesDeps) (*Identities, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	cache, err := lru.New[Identity, remembered](cfg.CacheSize)
	if err != nil {
		return nil, fmt.Errorf("prepare the identities: %w", err)
	}
	i := &Identities{cfg: cfg, deps: deps, cache: cache, asked: map[Identity]*question{}}
	if i.metrics, err = newIdentityMetrics(deps.Registry, i); err != nil {
		return nil, fmt.Errorf("register identity metrics: %w", err)
	}
	return i, nil
}

// longestChain bounds how often Resolve follows links that were made between two
// of its questions.
const longestChain = 8

// Resolve returns the users that ids mean; an id that is not in the map means
// itself. After an error the map holds what memory knew.
//
// Postgres keeps every link pointing at the end of its chain, memory does not: a
// user found here is asked about in turn. So a new link of a user only has to be
// forgotten under that user, however many ids mean it.
func (i *Identities) Resolve(ctx context.Context, ids []Identity) (map[Identity]string, error) {
	users, err := i.find(ctx, ids)
	if len(users) == 0 {
		return users, err
	}
	for range longestChain {
		ends := make([]Identity, 0, len(users))
		for _, user := range users {
			ends = append(ends, Identity{ScopeUser, user})
		}
		next, nextErr := i.find(ctx, ends)
		err = errors.Join(err, nextErr)
		if len(next) == 0 {
			break
		}
		for id, user := range users {
			if further := next[Identity{ScopeUser, user}]; further != "" {
				users[id] = further
			}
		}
	}
	return users, err
}

// find is Resolve for one step.
func (i *Identities) find(ctx context.Context, ids []Identity) (map[Identity]string, error) {
	users, unknown := i.recall(ids)
	if len(unknown) == 0 {
		return users, nil
	}
	questions := i.ask(unknown)
	var found map[Identity]string
	err := i.guard(ctx, func(ctx context.Context) (err error) {
		found, err = i.deps.Store.LookupIdentities(ctx, unknown)
		return err
	})
	i.answer(unknown, questions, found, err == nil)
	for id, user := range found {
		users[id] = user
	}
	return users, err
}

// Link records links; see [Store.LinkIdentities].
func (i *Identities) Link(ctx context.Context, links []IdentityLink) (results []LinkResult, err error) {
	err = i.guard(ctx, func(ctx context.Context) (err error) {
		results, err = i.deps.Store.LinkIdentities(ctx, links)
		return err
	})
	// After an error too: the commit may have happened and its answer been lost.
	for _, l := range links {
		i.forget(l.From)
	}
	return results, err
}

// recall answers from memory, and lists what it does not know.
func (i *Identities) recall(ids []Identity) (users map[Identity]string, unknown []Identity) {
	users = make(map[Identity]string, len(ids))
	oldest := i.oldest()
	for _, id := range ids {
		r, ok := i.cache.Get(id)
		switch {
		case !ok || r.at.Before(oldest):
			unknown = append(unknown, id)
		case r.user != "":
			users[id] = r.user
		}
	}
	i.metrics.recalled.Add(float64(len(ids) - len(unknown)))
	i.metrics.lookedUp.Add(float64(len(unknown)))
	return users, unknown
}

// oldest is since when something remembered counts.
func (i *Identities) oldest() time.Time {
	age := i.cfg.MaxAgeDeaf
	if i.listening.Load() {
		age = i.cfg.MaxAge
	}
	return i.deps.Now().Add(-age)
}

func (i *Identities) ask(ids []Identity) []*question {
	i.mu.Lock()
	defer i.mu.Unlock()
	questions := make([]*question, len(ids))
	for n, id := range ids {
		q := i.asked[id]
		if q == nil || q.stale {
			q = &question{}
			i.asked[id] = q
		}
		q.askers++
		questions[n] = q
	}
	return questions
}

// answer remembers what was found, except where a link came meanwhile.
func (i *Identities) answer(ids []Identity, questions []*question, found map[Identity]string, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.deps.Now()
	for n, id := range ids {
		q := questions[n]
		if q.askers--; q.askers == 0 && i.asked[id] == q {
			delete(i.asked, id)
		}
		if ok && !q.stale {
			i.cache.Add(id, remembered{found[id], now})
		}
	}
}

// forget drops what is known of an id that was linked.
func (i *Identities) forget(id Identity) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if q := i.asked[id]; q != nil {
		q.stale = true
	}
	i.cache.Remove(id)
}

// forgetAll drops everything: links may have been missed.
func (i *Identities) forgetAll() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, q := range i.asked {
		q.stale = true
	}
	i.cache.Purge()
}

// guard asks Postgres within the timeout, and leaves it alone for a while after a
// failure: requests must not queue for a server that is away.
func (i *Identities) guard(ctx context.Context, call func(context.Context) error) error {
	i.mu.Lock()
	away := i.deps.Now().Before(i.awayUntil)
	i.mu.Unlock()
	if away {
		return fmt.Errorf("identities: %w", ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, i.cfg.Timeout)
	defer cancel()
	err := call(ctx)
	if err != nil {
		i.mu.Lock()
		i.awayUntil = i.deps.Now().Add(i.cfg.RetryPause)
		i.mu.Unlock()
	}
	return err
}

// Run listens for other processes' links until ctx ends, and connects again
// where the connection is lost.
func (i *Identities) Run(ctx context.Context) error {
	heard := true // so that the first failure is logged
	for {
		err := i.listen(ctx)
		if i.listening.Swap(false) {
			heard = true
		}
		if ctx.Err() != nil {
			return nil
		}
		if heard {
			i.deps.Logger.Warn("identity links of other processes are not heard of, will keep trying", "error", err)
			heard = false
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(i.cfg.RetryPause):
		}
	}
}

// quietBefore is how long the listening connection may be silent before it has to
// prove that it is alive.
const quietBefore = 20 * time.Second

// listen uses a connection of its own: one of the pool's would be missing there.
func (i *Identities) listen(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, i.deps.Store.pool.Config().ConnConfig)
	if err != nil {
		return wrap("listen for identity links", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "LISTEN millrace_identity_links"); err != nil {
		return wrap("listen for identity links", err)
	}
	i.forgetAll()
	i.listening.Store(true)
	for {
		if err := i.hear(ctx, conn); err != nil {
			return wrap("listen for identity links", err)
		}
	}
}

// hear waits for one link, or finds out that the connection is alive.
func (i *Identities) hear(ctx context.Context, conn *pgx.Conn) error {
	quiet, cancel := context.WithTimeout(ctx, quietBefore)
	defer cancel()
	note, err := conn.WaitForNotification(quiet)
	switch {
	case err == nil:
		return i.heard(note)
	case ctx.Err() == nil && pgconn.Timeout(err) && !conn.IsClosed():
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return conn.Ping(ctx)
	}
	return err
}

func (i *Identities) heard(note *pgconn.Notification) error {
	var from struct {
		Scope IdentityScope `json:"scope"`
		ID    string        `json:"id"`
	}
	if err := json.Unmarshal([]byte(note.Payload), &from); err != nil {
		return fmt.Errorf("read a notification: %w", err)
	}
	i.forget(Identity(from))
	return nil
}
