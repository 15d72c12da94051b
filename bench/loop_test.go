package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/shopspring/decimal"
	"github.com/twmb/franz-go/pkg/kgo"
)

// loopColumns are what the loop fills, in the order of appendEnvelope.
const loopColumns = `event_id, type, user_id, anonymous_id, session_id, timestamp, received_at, sealed_at,
	amount, currency, product_id, category, video_id, properties,
	ip, user_agent, country, page, referrer, platform, app_version, device, os, browser, locale,
	kafka_topic, kafka_partition, kafka_offset`

// loop is what a consumer looks like that nobody has measured: a goroutine per
// partition that unmarshals a record, appends a row, and sends and commits when
// it has enough. Nothing is lost in it, and after a crash some rows are there
// twice.
func (c memberConfig) loop(ctx context.Context) error {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{c.Store}, Auth: clickhouse.Auth{Database: c.Database},
		Compression: &clickhouse.Compression{Method: clickhouse.CompressionLZ4}, MaxOpenConns: 16,
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Broker), kgo.ConsumeTopics(c.Topic), kgo.ConsumerGroup(c.Group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	if err != nil {
		return err
	}
	defer client.Close()
	workers := map[int32]*loopWorker{}
	var working sync.WaitGroup
	for ctx.Err() == nil {
		client.PollFetches(ctx).EachPartition(func(p kgo.FetchTopicPartition) {
			w := workers[p.Partition]
			if w == nil {
				w = &loopWorker{memberConfig: c, conn: conn, client: client, records: make(chan []*kgo.Record, 1)} // one fetch ahead
				workers[p.Partition] = w
				working.Go(func() { w.run(ctx) })
			}
			select {
			case w.records <- p.Records:
			case <-ctx.Done():
			}
		})
	}
	working.Wait()
	var faults []error
	for _, w := range workers {
		if !errors.Is(w.err, context.Canceled) {
			faults = append(faults, w.err)
		}
	}
	return errors.Join(faults...)
}

// loopWorker stores one partition.
type loopWorker struct {
	memberConfig
	conn    driver.Conn
	client  *kgo.Client
	records chan []*kgo.Record

	batch driver.Batch
	begun time.Time
	last  *kgo.Record
	err   error
}

func (w *loopWorker) run(ctx context.Context) {
	age := time.NewTicker(100 * time.Millisecond)
	defer age.Stop()
	for w.err == nil {
		select {
		case <-ctx.Done():
			return
		case records := <-w.records:
			for _, r := range records {
				if w.err = w.add(ctx, r); w.err != nil {
					break
				}
			}
		case <-age.C:
			if w.batch != nil && time.Since(w.begun) > time.Second {
				w.err = w.send(ctx)
			}
		}
	}
}

func (w *loopWorker) add(ctx context.Context, r *kgo.Record) (err error) {
	if w.batch == nil {
		w.begun = time.Now()
		if w.batch, err = w.conn.PrepareBatch(ctx, "INSERT INTO events ("+loopColumns+")"); err != nil {
			return err
		}
	}
	var ev envelope
	if err := json.Unmarshal(r.Value, &ev); err != nil {
		return fmt.Errorf("offset %d: %w", r.Offset, err)
	}
	if err := appendEnvelope(w.batch, &ev, r); err != nil {
		return err
	}
	w.last = r
	if w.batch.Rows() >= w.BlockRows {
		return w.send(ctx)
	}
	return nil
}

func (w *loopWorker) send(ctx context.Context) error {
	if err := w.batch.Send(); err != nil {
		return err
	}
	w.batch = nil
	return w.client.CommitRecords(ctx, w.last)
}

// hotProperties are those with columns of their own.
type hotProperties struct {
	Amount    json.RawMessage `json:"amount"`
	Currency  string          `json:"currency"`
	ProductID string          `json:"product_id"`
	Category  string          `json:"category"`
	VideoID   string          `json:"video_id"`
}

func appendEnvelope(batch driver.Batch, ev *envelope, r *kgo.Record) error {
	var hot hotProperties
	if len(ev.Properties) > 0 {
		if err := json.Unmarshal(ev.Properties, &hot); err != nil {
			return fmt.Errorf("properties of offset %d: %w", r.Offset, err)
		}
	}
	var amount *decimal.Decimal
	if text := strings.Trim(string(hot.Amount), `"`); text != "" {
		d, err := decimal.NewFromString(text)
		if err != nil {
			return fmt.Errorf("amount of offset %d: %w", r.Offset, err)
		}
		amount = &d
	}
	c := &ev.Context
	return batch.Append(ev.EventID, ev.Type, ev.UserID, ev.AnonymousID, ev.SessionID, ev.Timestamp, r.Timestamp, time.Now(),
		amount, hot.Currency, hot.ProductID, hot.Category, hot.VideoID, string(ev.Properties),
		c.IP, c.UserAgent, c.Country, c.Page, c.Referrer, c.Platform, c.AppVersion, c.Device, c.OS, c.Browser, c.Locale,
		r.Topic, r.Partition, r.Offset)
}
