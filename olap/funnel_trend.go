package olap

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// FunnelTrend counts users by the bucket that they entered in. A user counts
// once per bucket, with the best attempt that entered in it.
type FunnelTrend struct {
	// Buckets are the beginnings of the buckets, RFC 3339 in the question's zone.
	Buckets []string `json:"buckets"`
	// Entered and Converted count users (or sessions) with an attempt that
	// entered in the bucket, and with one that did all the steps.
	Entered   []uint64 `json:"entered"`
	Converted []uint64 `json:"converted"`
	// Rate is null where nobody entered.
	Rate []number `json:"rate"`
	// Incomplete lists the indexes of buckets that the range cuts, or whose
	// entries could still convert.
	Incomplete []int `json:"incomplete"`
}

func (*FunnelTrend) result() {}

func (p *funnelPlan) trend(ctx context.Context, r *run) (*FunnelTrend, error) {
	n := p.frame.buckets()
	result := &FunnelTrend{Buckets: p.frame.stamps(), Entered: make([]uint64, n), Converted: make([]uint64, n), Rate: make([]number, n), Incomplete: p.incomplete(r)}
	err := p.each(ctx, r, p.entriesByBucket, func(rows driver.Rows) error {
		var bucket int64
		var entered, converted uint64
		err := rows.Scan(&bucket, &entered, &converted)
		if err == nil {
			result.Entered[bucket], result.Converted[bucket] = entered, converted
		}
		return err
	})
	for i := range result.Rate {
		result.Rate[i] = rate(result.Converted[i], result.Entered[i])
	}
	return result, err
}

// incomplete lists the buckets whose last entry could still convert, and those
// that the range cuts.
func (p *funnelPlan) incomplete(r *run) []int {
	out := []int{}
	for i := range p.frame.buckets() {
		end := p.frame.bounds[i+1]
		settled := end.Add(p.Window.Duration)
		if !p.FinishAfterRange && settled.After(p.frame.to) {
			settled = p.frame.to
		}
		cut := p.frame.bounds[i].Before(p.frame.from) || end.After(p.frame.to)
		if cut || r.watermark == nil || settled.After(*r.watermark) {
			out = append(out, i)
		}
	}
	return out
}

// entriesByBucket renders rows of bucket, entered, converted.
func (p *funnelPlan) entriesByBucket() error {
	p.text("SELECT entry.1 AS bucket, sum(entry.2) AS entered, sum(entry.3) AS converted\nFROM\n(\n",
		"SELECT arrayJoin(arrayConcat(arrayMap(b -> (b, toUInt64(1), toUInt64(0)), ", p.bucketsOf("entered"), "), arrayMap(b -> (b, toUInt64(0), toUInt64(1)), ", p.bucketsOf("converted"), "))) AS entry\nFROM\n(\n")
	if err := p.entries(); err != nil {
		return err
	}
	p.text("\n)\n)\nGROUP BY bucket")
	return nil
}

// bucketsOf renders the different buckets of an array of times.
func (p *funnelPlan) bucketsOf(times string) string {
	return fmt.Sprintf("arrayDistinct(arrayMap(t -> %s, %s))", p.frame.bucket(p.statement, "(t + "+p.bind(p.frame.from.UnixMilli())+")"), times)
}

// entries renders one row per user (or session) with the times at which an
// attempt `entered`, and at which one entered that `converted`.
func (p *funnelPlan) entries() error {
	var layers []layer
	switch {
	case p.Order == orderUnordered:
		layers = p.entriesUnordered()
	case p.plain():
		layers = p.entriesApart()
	default:
		layers = p.entriesInstants()
	}
	return p.rows("", "", layers)
}
