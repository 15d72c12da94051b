package scorer

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"millrace/internal/event"
	"millrace/internal/fraud"
)

// partition is what is known of one partition. What it holds is what the store
// holds, unless known is false.
type partition struct {
	key    key
	scorer *Scorer
	// profiles of users seen lately; safe for concurrent use.
	profiles *lru.Cache[string, *fraud.Profile]

	mu         sync.Mutex // held while a block is in work
	known      bool
	next       int64
	receivedAt time.Time
	erasures   int64
	population fraud.Population
}

func newPartition(s *Scorer, k key) (*partition, error) {
	profiles, err := lru.New[string, *fraud.Profile](s.cfg.MaxProfiles)
	if err != nil {
		return nil, fmt.Errorf("memory for profiles: %w", err)
	}
	return &partition{key: k, scorer: s, profiles: profiles}, nil
}

// forget makes the next block read the store's state: what is in memory may not
// be what the store holds.
func (p *partition) forget() {
	p.known = false
	p.profiles.Purge()
}

// take judges a block and writes the step that came of it.
func (p *partition) take(ctx context.Context, batch *event.Batch) error {
	began := time.Now()
	if err := p.recall(ctx); err != nil {
		return err
	}
	first := p.firstNew(batch)
	if first == batch.Len() {
		return nil
	}
	b := &block{batch: batch, first: first, partition: p, changed: map[string]*fraud.Profile{}}
	if err := b.gather(ctx); err != nil {
		return err
	}
	step, err := b.judge()
	if err != nil {
		return err
	}
	if err := p.scorer.deps.Store.Save(ctx, step); err != nil {
		return err
	}
	p.next, p.receivedAt = step.To.Next, step.To.ReceivedAt
	for user, profile := range b.users {
		p.profiles.Add(user, profile)
	}
	p.scorer.metrics.written(&step, batch.Len()-first, began)
	return nil
}

// recall reads the state from the store where it is not known.
func (p *partition) recall(ctx context.Context) error {
	if p.known {
		return nil
	}
	state, err := p.scorer.deps.Store.State(ctx, p.key.topic, p.key.partition)
	if err != nil {
		return err
	}
	population := state.Population
	if state.Next < 0 {
		if population, err = p.populationOfHistory(ctx); err != nil {
			return err
		}
	}
	p.population = fraud.Population{}
	if len(population) > 0 {
		if err := p.population.UnmarshalBinary(population); err != nil {
			return fmt.Errorf("state of %s/%d: %w; a newer millrace wrote it, start that one", p.key.topic, p.key.partition, err)
		}
	}
	p.next, p.receivedAt, p.erasures, p.known = state.Next, state.ReceivedAt, state.Erasures, true
	return nil
}

// ofHistory tells whether the partition is one of the backfill.
func (p *partition) ofHistory() bool { return p.key.topic == p.scorer.cfg.Backfill }

// knowsHistory tells whether there is history to begin with.
func (p *partition) knowsHistory() bool { return p.scorer.cfg.Backfill != "" && !p.ofHistory() }

// populationOfHistory is what a new partition compares purchases with.
func (p *partition) populationOfHistory(ctx context.Context) ([]byte, error) {
	if !p.knowsHistory() {
		return nil, nil
	}
	state, err := p.scorer.deps.Store.State(ctx, p.scorer.cfg.Backfill, p.key.partition)
	return state.Population, err
}

// firstNew is the first row that was not judged yet: a block comes again where
// somebody died, or lost the connection, between the step and the offset.
//
// Rows before p.next that were received after everything judged so far cannot
// have been: the topic was made anew and counts from 0 again.
func (p *partition) firstNew(batch *event.Batch) int {
	offsets := batch.KafkaOffset
	if offsets[0] < p.next && receivedAt(batch.ReceivedAt[0]).After(p.receivedAt) {
		p.scorer.deps.Logger.Warn("the topic's offsets begin anew: scoring goes on with what it knows of the users",
			"topic", p.key.topic, "partition", p.key.partition, "expected_offset", p.next, "offset", offsets[0])
		return 0
	}
	first, _ := slices.BinarySearch(offsets, p.next)
	return first
}

// block is a batch in work.
type block struct {
	batch     *event.Batch
	first     int // the first row to judge
	partition *partition
	users     map[string]*fraud.Profile
	changed   map[string]*fraud.Profile
}

// gather finds the profiles of the block's users, in memory or in the store.
// Memory is not changed: the profiles of a block are put there when its step is
// written.
func (b *block) gather(ctx context.Context) error {
	p := b.partition
	b.users = map[string]*fraud.Profile{}
	var missing []string
	for i := b.first; i < b.batch.Len(); i++ {
		user := b.batch.UserID.At(i)
		if _, seen := b.users[user]; seen {
			continue
		}
		user = string([]byte(user)) // the batch takes its text back
		profile, found := p.profiles.Get(user)
		if !found {
			profile = new(fraud.Profile)
			missing = append(missing, user)
		}
		b.users[user] = profile
	}
	p.scorer.metrics.reads.Add(float64(len(missing)))
	if p.next >= 0 {
		var err error
		if missing, err = b.read(ctx, p.key.topic, missing); err != nil {
			return err
		}
	}
	if !p.knowsHistory() {
		return nil
	}
	// Who was never seen in this topic begins with what the history has taught. The
	// partition has the same number there: the topics have as many, and keys decide.
	_, err := b.read(ctx, p.scorer.cfg.Backfill, missing)
	return err
}

// read fills in the profiles that a topic has of the users, and returns those of
// whom it has none.
func (b *block) read(ctx context.Context, topic string, users []string) (unknown []string, err error) {
	if len(users) == 0 {
		return nil, nil
	}
	stored, err := b.partition.scorer.deps.Store.Profiles(ctx, topic, b.partition.key.partition, users)
	if err != nil {
		return nil, err
	}
	found := make(map[string]bool, len(stored))
	for _, s := range stored {
		if err := b.users[s.UserID].UnmarshalBinary(s.State); err != nil {
			return nil, fmt.Errorf("profile of user %q: %w; a newer millrace wrote it, start that one", s.UserID, err)
		}
		found[s.UserID] = true
	}
	return slices.DeleteFunc(users, func(user string) bool { return found[user] }), nil
}

// judge goes through the rows in order.
func (b *block) judge() (Step, error) {
	p, model := b.partition, b.partition.scorer.deps.Model()
	step := Step{Topic: p.key.topic, Partition: p.key.partition, From: p.next, To: State{ReceivedAt: p.receivedAt, Erasures: p.erasures}, History: p.ofHistory()}
	for i := b.first; i < b.batch.Len(); i++ {
		e, user := fraud.EventOf(b.batch, i), b.batch.UserID.At(i)
		profile := b.users[user]
		verdict, judged, changed := model.Take(&e, profile, &p.population)
		if changed {
			if _, noted := b.changed[user]; !noted {
				b.changed[string([]byte(user))] = profile
			}
		}
		if judged && !step.History { // what a block would have been is not learnt; nobody is told of it
			score, err := b.score(i, &e, &verdict, model.Params().Version)
			if err != nil {
				return step, err
			}
			step.Scores = append(step.Scores, score)
		}
		if at := receivedAt(b.batch.ReceivedAt[i]); at.After(step.To.ReceivedAt) {
			step.To.ReceivedAt = at
		}
	}
	step.To.Next = b.batch.KafkaOffset[b.batch.Len()-1] + 1
	step.To.Population = p.population.AppendBinary(nil)
	for _, user := range slices.Sorted(maps.Keys(b.changed)) { // one order of rows: writers cannot deadlock
		step.Profiles = append(step.Profiles, Profile{UserID: user, State: b.changed[user].AppendBinary(nil)})
	}
	return step, nil
}

// score is the verdict on row i as the store keeps it, with strings of its own.
func (b *block) score(i int, e *fraud.Event, v *fraud.Verdict, version int) (Score, error) {
	reasons := v.Reasons
	if reasons == nil {
		reasons = []fraud.Reason{}
	}
	text, err := json.Marshal(reasons)
	if err != nil {
		return Score{}, fmt.Errorf("reasons of %q: %w", e.ID, err)
	}
	position := b.batch.Position(i)
	s := Score{
		EventID: string([]byte(e.ID)), UserID: string([]byte(b.batch.UserID.At(i))), EventTime: receivedAt(e.At),
		Currency: string([]byte(b.batch.Currency.At(i))), Country: string([]byte(e.Country)),
		Score: v.Score, Decision: string(v.Decision), Base: v.Base, Reasons: text, Features: v.Features.Float32(),
		Model: version,
		Topic: b.partition.key.topic, Partition: position.Partition, Offset: position.Offset, ReceivedAt: receivedAt(position.ReceivedAt),
	}
	if b.batch.HasAmount[i] {
		amount := b.batch.Amount[i]
		s.AmountMicros = &amount
	}
	return s, nil
}
