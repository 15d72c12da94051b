package main

import (
	"context"
	"iter"

	"millrace/ingest"
	"millrace/olap"
)

// recall lets the ingest ask the store what it has, without knowing package olap.
type recall struct {
	*olap.Writer // writes what is left out
	store        *olap.Store
}

func (r recall) RecentIDs(ctx context.Context, topic string, partition int32, from, before int64) iter.Seq2[ingest.StoredID, error] {
	return func(yield func(ingest.StoredID, error) bool) {
		for id, err := range r.store.RecentIDs(ctx, topic, partition, from, before) {
			if !yield(ingest.StoredID(id), err) {
				return
			}
		}
	}
}

func (r recall) LastOffset(ctx context.Context, topic string, partition int32) (last int64, found bool, err error) {
	return r.store.LastOffset(ctx, topic, partition)
}
