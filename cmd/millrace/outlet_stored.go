package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Stored waits until the ingest's group has committed everything that the
// topic holds now: offsets follow what the store has acknowledged.
func (k *kafkaOutlet) Stored(ctx context.Context) error {
	connection, err := kgo.NewClient(kgo.SeedBrokers(k.options.kafka...))
	if err != nil {
		return fmt.Errorf("wait until all is stored: %w", err)
	}
	defer connection.Close()
	w := &groupWait{admin: kadm.NewClient(connection), topic: k.options.target(), group: k.options.group}
	if err := w.findEnds(ctx); err != nil {
		return fmt.Errorf("wait until all is stored: %w", err)
	}
	var last error // a broker that restarts is no reason to give up
	err = poll(ctx, func() (bool, error) {
		var done bool
		done, last = w.caughtUp(ctx)
		return done, nil
	})
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return err
	case last != nil && !errors.Is(last, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", err, last)
	}
	return fmt.Errorf("%w: %s", err, w.state())
}

// groupWait knows which offsets a group has to reach.
type groupWait struct {
	admin   *kadm.Client
	topic   string
	group   string
	ends    map[int32]int64
	behind  int64
	started bool // the group has committed something
}

func (w *groupWait) findEnds(ctx context.Context) error {
	listed, err := w.admin.ListEndOffsets(ctx, w.topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return fmt.Errorf("list the end of topic %s: %w", w.topic, err)
	}
	w.ends = map[int32]int64{}
	listed.Each(func(o kadm.ListedOffset) { w.ends[o.Partition] = o.Offset })
	return nil
}

// caughtUp asks where the group is. A partition without commit counts from
// what the topic still holds.
func (w *groupWait) caughtUp(ctx context.Context) (bool, error) {
	starts, err := w.admin.ListStartOffsets(ctx, w.topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return false, fmt.Errorf("list the start of topic %s: %w", w.topic, err)
	}
	fetched, err := w.admin.FetchOffsetsForTopics(ctx, w.group, w.topic)
	if err == nil {
		err = fetched.Error()
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // nothing is committed yet, then
		return false, fmt.Errorf("ask how far the group %s is: %w", w.group, err)
	}
	committed := map[int32]int64{}
	starts.Each(func(o kadm.ListedOffset) { committed[o.Partition] = o.Offset })
	fetched.Each(func(o kadm.OffsetResponse) {
		committed[o.Partition] = max(o.At, committed[o.Partition])
		w.started = w.started || o.At >= 0
	})
	w.behind = 0
	for partition, end := range w.ends {
		w.behind += max(end-committed[partition], 0)
	}
	return w.behind == 0, nil
}

// state says in words what was last known.
func (w *groupWait) state() string {
	if !w.started {
		return fmt.Sprintf("the group %s has not stored anything yet; is an ingest running (millrace up)?", w.group)
	}
	return fmt.Sprintf("%d records are accepted and not yet stored", w.behind)
}
