//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"millrace/ingest"
)

// position is where a record lies in the topic.
type position struct {
	partition int32
	offset    int64
}

// produced is what the broker has acknowledged.
type produced struct {
	mu     sync.Mutex
	at     map[position]string // event id, "" for a record that is no event
	ids    map[string]string   // what a record's key and value stand for
	failed []error
}

func newProduced() *produced {
	return &produced{at: map[position]string{}, ids: map[string]string{}}
}

// OnProduceRecordUnbuffered is the client's hook: it knows the offset.
func (p *produced) OnProduceRecordUnbuffered(r *kgo.Record, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failed = append(p.failed, err)
		return
	}
	p.at[position{r.Partition, r.Offset}] = p.ids[string(r.Key)+"\n"+string(r.Value)]
}

func (p *produced) expect(r ingest.Record, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ids[string(r.Key)+"\n"+string(r.Value)] = id
}

// source makes records. One in fifty is no event, one in a hundred is an event
// that a client sends again.
type source struct {
	rng    *rand.Rand
	seed   uint64
	n      int
	recent []sent
}

// sent is an event that may be sent again.
type sent struct {
	record ingest.Record
	id     string
}

// next makes a record and the event id it holds, "" for none.
func (s *source) next() (ingest.Record, string) {
	s.n++
	if s.rng.IntN(50) == 0 {
		return s.poison(), ""
	}
	if len(s.recent) > 0 && s.rng.IntN(100) == 0 {
		again := s.recent[s.rng.IntN(len(s.recent))]
		return again.record, again.id
	}
	id := fmt.Sprintf("%x-%d", s.seed, s.n)
	user := fmt.Sprintf("u%d", s.rng.IntN(300))
	kind := []string{"view", "view", "view", "add_to_cart", "purchase", "login", "identify"}[s.rng.IntN(7)]
	// A block spans several months, so that one insert makes several parts.
	at := time.Date(2026, time.Month(1+s.rng.IntN(3)), 10, s.rng.IntN(24), s.rng.IntN(60), s.rng.IntN(60), 0, time.UTC)
	properties := `{"product_id":"p` + fmt.Sprint(s.rng.IntN(40)) + `"}`
	if kind == "purchase" {
		properties = fmt.Sprintf(`{"amount":"%d.%02d","currency":"%s"}`, s.rng.IntN(500), s.rng.IntN(100), []string{"USD", "INR", "EUR"}[s.rng.IntN(3)])
	}
	value := fmt.Appendf(nil, `{"event_id":"%s","type":"%s","user_id":"%s","session_id":"s%d","timestamp":"%s","properties":%s,"context":{"country":"IN","page":"/p/%d","platform":"web"}}`,
		id, kind, user, s.rng.IntN(1000), at.Format(time.RFC3339), properties, s.rng.IntN(100))
	record := ingest.Record{Key: []byte(user), Value: value}
	s.recent = append(s.recent[max(0, len(s.recent)-500):], sent{record, id})
	return record, id
}

func (s *source) poison() ingest.Record {
	key := fmt.Appendf(nil, "poison-%d", s.n)
	values := []string{
		``, `{`, `[1,2]`, `{"type":"view"}`, `{"user_id":"u"}`, "{\"type\":\"view\",\"user_id\":\"\xff\"}",
		`{"type":"view","user_id":"u","timestamp":"yesterday"}`, `{"type":"view","user_id":"u","colour":"red"}`,
	}
	return ingest.Record{Key: key, Value: []byte(values[s.rng.IntN(len(values))])}
}

// produce writes n records, spread over so long, and waits for the broker.
func produce(ctx context.Context, broker, topic string, s *source, into *produced, n int, lasts time.Duration) error {
	cfg := ingest.DefaultProducerConfig()
	cfg.Brokers, cfg.Topic, cfg.Timeout = []string{broker}, topic, 2*time.Minute
	cfg.Options = []kgo.Opt{
		kgo.WithHooks(into),
		kgo.MetadataMinAge(100 * time.Millisecond),
		kgo.RetryBackoffFn(func(int) time.Duration { return 100 * time.Millisecond }),
		kgo.RequestTimeoutOverhead(3 * time.Second),
	}
	producer, err := ingest.NewProducer(cfg)
	if err != nil {
		return err
	}
	defer producer.Close()
	start, tick := time.Now(), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for sent := 0; sent < n; {
		due := n
		if passed := time.Since(start); passed < lasts {
			due = int(float64(n) * passed.Seconds() / lasts.Seconds())
		}
		for ; sent < due; sent++ {
			r, id := s.next()
			into.expect(r, id)
			producer.PublishAsync(ctx, r, func(error) {}) // the hook has the outcome
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	if err := producer.Flush(ctx); err != nil {
		return err
	}
	into.mu.Lock()
	defer into.mu.Unlock()
	return errors.Join(into.failed...)
}
