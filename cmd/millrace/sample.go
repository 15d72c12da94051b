package main

import (
	"context"
	"time"

	"millrace/ingest"
	"millrace/internal/traffic"
)

// sampleTraffic sends generated events through the plant's own producer until
// ctx ends, at a steady rate.
func (p *plant) sampleTraffic(ctx context.Context) error {
	cfg := traffic.DefaultConfig()
	cfg.Users = 2000
	cfg.Rate = p.options.sampleTraffic
	start := time.Now()
	cfg.Seed = uint64(start.UnixNano()) // another day, other visitors
	generator, err := traffic.New(cfg)
	if err != nil {
		return err
	}
	p.app.log.Info("sample traffic", "events_per_second", cfg.Rate)
	pace := traffic.Pace{Start: start, Rate: cfg.Rate}
	for n := int64(0); ; n++ {
		at := pace.At(n)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(at)):
		}
		e, _ := generator.Next(at)
		record := ingest.Record{Key: []byte(e.Key()), Value: e.AppendJSON(nil), Timestamp: time.Now()}
		p.producer.PublishAsync(ctx, record, func(err error) {
			if err != nil && ctx.Err() == nil {
				p.app.log.Warn("a sample event was not accepted", "error", err)
			}
		})
	}
}
