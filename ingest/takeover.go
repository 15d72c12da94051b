package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// beginning is where the owner of a partition begins.
type beginning struct {
	next  int64 // offset, unknownOffset where the group has none
	open  seal
	epoch int32 // leader epoch of the last record of what is sealed; -1 where it is not known
}

// takeOver starts new partitions where the group left them: at the committed
// offset, and if a seal is open there, with the range that it fixes. The
// client calls it after the former owner is fenced and before any record of
// these partitions is delivered; after an error it joins the group anew.
func (m *membership) takeOver(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	select {
	case <-m.connected:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	admin := kadm.NewClient(m.client)
	committed, err := admin.FetchOffsets(ctx, m.cfg.Group)
	if err != nil {
		return nil, fmt.Errorf("read the seals of group %s: %w", m.cfg.Group, err)
	}
	kept, err := keptUntil(ctx, admin, offsets)
	if err != nil {
		return nil, err
	}
	beginnings := map[partitionKey]beginning{}
	for topic, partitions := range offsets {
		for number, given := range partitions {
			key := partitionKey{topic, number}
			from, err := m.resumeAt(key, given.EpochOffset().Offset, committed, kept[key])
			if err != nil {
				return nil, fmt.Errorf("take over %s/%d: %w", topic, number, err)
			}
			if from.next != unknownOffset && from.next != given.EpochOffset().Offset {
				partitions[number] = kgo.NewOffset().At(from.next)
			}
			beginnings[key] = from
		}
	}
	for key, from := range beginnings {
		m.begin(key, from)
	}
	return offsets, nil
}

// keptUntil asks where the records end that follow those which the group has
// committed: below the committed offset where the broker has lost some, whatever
// has come in their place. A partition that cannot be asked about now, because it
// has no leader, keeps the others from nothing: it counts as whole, and what it
// has lost shows when it is read.
func keptUntil(ctx context.Context, admin *kadm.Client, offsets map[string]map[int32]kgo.Offset) (map[partitionKey]int64, error) {
	topics := slices.Collect(maps.Keys(offsets))
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if err != nil && !inPart(err) {
		return nil, fmt.Errorf("list end offsets of %v: %w", topics, err)
	}
	var committed kadm.OffsetForLeaderEpochRequest
	for topic, partitions := range offsets {
		for number, given := range partitions {
			if at := given.EpochOffset(); at.Offset >= 0 && at.Epoch >= 0 {
				committed.Add(topic, number, at.Epoch)
			}
		}
	}
	epochs := kadm.OffsetsForLeaderEpochs{}
	if len(committed) > 0 {
		if epochs, err = admin.OffsetForLeaderEpoch(ctx, committed); err != nil && !inPart(err) {
			return nil, fmt.Errorf("ask where the epochs of %v end: %w", topics, err)
		}
	}
	kept := map[partitionKey]int64{}
	for topic, partitions := range offsets {
		for number := range partitions {
			until := int64(math.MaxInt64)
			asked, hasEpoch := committed[topic][number]
			// A leader that has been replaced, and does not know yet, has an end of its own.
			end, found := ends.Lookup(topic, number)
			if found && end.Err == nil && !(hasEpoch && end.LeaderEpoch >= 0 && end.LeaderEpoch < asked) {
				until = end.Offset
			}
			// What follows the last record of that epoch was written after the loss.
			// An answer about a later epoch says nothing: a log that is empty gives one.
			epoch, found := epochs[topic][number]
			if found && epoch.Err == nil && epoch.EndOffset >= 0 && epoch.LeaderEpoch <= asked {
				until = min(until, epoch.EndOffset)
			}
			kept[partitionKey{topic, number}] = until
		}
	}
	return kept, nil
}

// inPart reports whether the error says that some brokers, or leaders, did not
// answer: those of the others are there.
func inPart(err error) bool {
	var some *kadm.ShardErrors
	return errors.As(err, &some)
}

// resumeAt reads a partition's committed offset, and its open seal, if any. The
// client has asked for the offset too, and got given: where the two answers
// differ, one lacks the seal.
func (m *membership) resumeAt(key partitionKey, given int64, committed kadm.OffsetResponses, kept int64) (beginning, error) {
	none := seal{last: noSeal}
	at, found := committed.Lookup(key.topic, key.partition)
	if found && at.Err != nil {
		return beginning{}, fmt.Errorf("read its seal: %w", at.Err)
	}
	if !found || at.At < 0 {
		if given >= 0 {
			return beginning{}, fmt.Errorf("the group's offset is %d in one answer and missing in the next, which has its seal", given)
		}
		return beginning{unknownOffset, none, -1}, nil
	}
	if given != at.At {
		return beginning{}, fmt.Errorf("the group's offset is %d in one answer and %d in the next, which has its seal", given, at.At)
	}
	open, err := parseSeal(at.Metadata)
	if err != nil {
		return beginning{}, err
	}
	log := m.log.With("topic", key.topic, "partition", key.partition, "first_offset", at.At, "last_offset", open.last)
	switch {
	case kept < at.At:
		log.Error("the broker has lost records that the group has committed: what takes their offsets is stored beside them", "lost_from", kept)
		return beginning{kept, none, -1}, nil
	case open.last == noSeal:
		return beginning{at.At, none, -1}, nil
	case kept <= open.last: // it cannot deliver the range any more; what it delivers is stored under other tokens
		log.Error("the broker has lost records of a sealed range", "lost_from", kept)
		return beginning{at.At, none, -1}, nil
	}
	log.Info("taking over a sealed block")
	return beginning{at.At, open, at.LeaderEpoch}, nil
}
