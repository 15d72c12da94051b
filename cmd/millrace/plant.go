package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"millrace/api"
	"millrace/api/ui"
	"millrace/ingest"
	"millrace/internal/alert"
	"millrace/internal/embedded"
	"millrace/internal/enrich"
	"millrace/internal/scorer"
	"millrace/olap"
	"millrace/oltp"
)

// plant is the stages of one `millrace up`, joined.
type plant struct {
	app      *app
	options  upOptions
	at       addresses
	registry *prometheus.Registry
	metrics  net.Listener // serves the registry; nil where only the API does

	events   *olap.Store
	mostAge  time.Duration // how old an event may be when it arrives; 0 for any age
	guard    *olap.Guard   // before events, for questions of clients and rules; nil where neither the API nor the alerts run here
	users    *oltp.Store
	producer *ingest.Producer
	progress *ingest.Progress // of live events
	backfill *ingest.Progress // of the backfill; nil where there is none
	consumer *ingest.Consumer // nil where the stage runs elsewhere
	syncer   *oltp.Syncer     // nil where the stage runs elsewhere
	scorer   *scorer.Scorer   // nil where the stage runs elsewhere

	fraudModel    *fraudModel
	fraudTraining *trainingJobs // as of churn
	fraudDrift    *fraudDrift   // as of churn
	churnScores   *churnScores  // nil where the stage runs elsewhere
	rules         sealedRules
	alerts        *alert.Stage  // nil where the stage runs elsewhere
	churnTraining *trainingJobs // nil where neither the API nor the stage runs here

	lifetimeScores   *lifetimeScores // as of churn
	lifetimeTraining *trainingJobs

	incidents *incidentWatch // nil where the stage runs elsewhere

	ledger ledger        // broker against store
	copies *letterCopies // nil where dead letters are not copied to Kafka

	eraser *eraser // nil where the API runs elsewhere

	identities *oltp.Identities // nil where the API runs elsewhere
	enricher   *enrich.Enricher // nil where nothing is to be added, or the API runs elsewhere
}

// stackConfig is the part that the engines need.
func (o *upOptions) stackConfig(a *app) embedded.Config {
	cfg := embedded.DefaultConfig()
	cfg.DataDir, cfg.EnginesDir = o.data, o.engines
	cfg.External = embedded.Addresses{ClickHouseNative: o.clickhouse, Postgres: o.postgres}
	if len(o.kafka) > 0 {
		cfg.External.Kafka = o.kafka[0]
	}
	if o.ports == "auto" {
		cfg.Ports = embedded.AutoPorts()
	}
	cfg.Logger = a.log
	cfg.Progress = func(line string) { fmt.Fprintln(a.stderr, line) }
	return cfg
}

// brokers are the Kafka addresses: the given ones, or the embedded broker.
func (o *upOptions) brokers(at embedded.Addresses) []string {
	if len(o.kafka) > 0 {
		return o.kafka
	}
	return []string{at.Kafka}
}

// openPlant connects to the engines and brings their tables and the topic up
// to date. Nothing runs yet.
func (a *app) openPlant(ctx context.Context, o upOptions, at embedded.Addresses) (*plant, error) {
	p := &plant{
		app: a, options: o, registry: prometheus.NewRegistry(),
		at: addresses{ClickHouseHTTP: at.ClickHouseHTTP, ClickHouseNative: at.ClickHouseNative, Kafka: at.Kafka, Postgres: at.Postgres},
	}
	p.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := p.open(ctx, at); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *plant) open(ctx context.Context, at embedded.Addresses) error {
	brokers := p.options.brokers(at)
	p.progress = p.progressOf(brokers, p.options.topic)
	if p.options.backfill != "" {
		p.backfill = p.progressOf(brokers, p.options.backfill)
	}
	if err := p.openStores(ctx, at); err != nil {
		return err
	}
	for _, topic := range p.options.topics() {
		if err := ingest.EnsureTopic(ctx, brokers, topic, p.options.partitions); err != nil {
			return err
		}
	}
	producerCfg := ingest.DefaultProducerConfig()
	producerCfg.Brokers, producerCfg.Topic, producerCfg.Registerer = brokers, p.options.topic, p.registry
	var err error
	if p.producer, err = ingest.NewProducer(producerCfg); err != nil {
		return err
	}
	if err := errors.Join(p.openLedger(ctx, brokers), p.openCopies(ctx, brokers)); err != nil {
		return err
	}
	if p.fraudModel, err = newFraudModel(ctx, p.users, p.app.log); err != nil {
		return err
	}
	return p.openStages(brokers)
}

// progressOf watches how far the ingest is with a topic.
func (p *plant) progressOf(brokers []string, topic string) *ingest.Progress {
	cfg := ingest.DefaultProgressConfig()
	cfg.Brokers, cfg.Topic, cfg.Group = brokers, topic, p.options.group
	return ingest.NewProgress(cfg, p.app.log, p.registry)
}

// openStores connects to ClickHouse and Postgres and migrates both.
func (p *plant) openStores(ctx context.Context, at embedded.Addresses) (err error) {
	olapCfg := olap.DefaultConfig()
	olapCfg.Address, olapCfg.Compression = at.ClickHouseNative, olap.Compression(p.options.compress)
	olapCfg.StoredUntil = p.progress.StoredUntil
	if p.events, err = olap.Open(ctx, olapCfg); err != nil {
		return err
	}
	oltpCfg := oltp.DefaultConfig()
	oltpCfg.Address = at.Postgres
	if p.users, err = oltp.Open(ctx, oltpCfg); err != nil {
		return err
	}
	if err := migrate(ctx, p.app, p.events, p.users); err != nil {
		return err
	}
	return errors.Join(p.openSecrets(ctx), p.keepEvents(ctx))
}

// keepEvents sets how long the store keeps events, or learns it.
func (p *plant) keepEvents(ctx context.Context) error {
	days, given, err := p.options.keepDays()
	if err != nil {
		return err
	}
	if given {
		err = p.events.Keep(ctx, days)
	} else {
		days, err = p.events.Kept(ctx)
	}
	p.mostAge = olap.MostAge(days)
	return err
}

// openStages builds the stages of this process.
func (p *plant) openStages(brokers []string) (err error) {
	if p.options.runs(stageIngest) {
		cfg := p.options.consumerConfig(brokers)
		cfg.Limits.MaxAge = p.mostAge
		p.consumer, err = ingest.NewConsumer(cfg,
			ingest.Deps{Sink: p.sink(), Recall: recall{p.events.Writer(), p.events}, Live: p.progress, Logger: p.app.log, Registerer: p.registry})
		if err != nil {
			return err
		}
	}
	if p.options.runs(stageSync) {
		p.syncer, err = oltp.NewSyncer(oltp.DefaultSyncerConfig(),
			oltp.SyncDeps{Store: p.users, Source: p.touchedUsers, Registry: p.registry, Logger: p.app.log})
		if err != nil {
			return err
		}
	}
	if p.options.runs(stageScore) {
		if err := p.openScorer(brokers); err != nil {
			return err
		}
	}
	if err := p.openModels(); err != nil {
		return err
	}
	if p.options.runs(stageAnomalies) {
		if p.incidents, err = newIncidentWatch(p); err != nil {
			return err
		}
	}
	if p.options.runs(stageAPI) || p.options.runs(stageAlert) {
		err = p.openGuard()
	}
	if p.options.runs(stageAlert) && err == nil {
		err = p.openAlerts()
	}
	if p.options.runs(stageAPI) && err == nil {
		p.eraser = newEraser(p, brokers)
		err = p.openCollector()
	}
	return err
}

// openGuard puts the guard before the store of events.
func (p *plant) openGuard() (err error) {
	cfg := olap.DefaultGuardConfig()
	cfg.Budget.Rows, cfg.MaxRunning = p.options.queryRows, p.options.queriesAtOnce
	p.guard, err = olap.NewGuard(p.events, cfg, p.registry)
	return err
}

// openCollector builds what the API does to events on their way in.
func (p *plant) openCollector() (err error) {
	p.identities, err = oltp.NewIdentities(oltp.DefaultIdentitiesConfig(),
		oltp.IdentitiesDeps{Store: p.users, Registry: p.registry, Logger: p.app.log})
	if err == nil && p.options.enrich {
		p.enricher, err = enrich.New(p.options.enrichConfig(), p.registry)
	}
	return err
}

// touchedUsers gives the sync its source: package oltp does not know olap.
func (p *plant) touchedUsers(ctx context.Context, from, to time.Time) iter.Seq2[oltp.UserStats, error] {
	return func(yield func(oltp.UserStats, error) bool) {
		for stats, err := range p.events.UserStats(ctx, from, to) {
			if !yield(oltp.UserStats(stats), err) {
				return
			}
		}
	}
}

// run runs every stage until ctx ends or one of them fails. A stop ends all at
// once: the API takes nothing more, and the ingest stores what it holds.
func (p *plant) run(ctx context.Context, listener net.Listener, stack *embedded.Stack) error {
	stages, ctx := errgroup.WithContext(ctx)
	stages.Go(func() error { return p.watch(ctx, stack) })
	stages.Go(func() error { return p.progress.Run(ctx) })
	stages.Go(func() error { return p.fraudModel.Run(ctx) })
	if p.backfill != nil {
		stages.Go(func() error { return p.backfill.Run(ctx) })
	}
	if p.consumer != nil {
		stages.Go(func() error { return p.consumer.Run(ctx) })
	}
	if p.syncer != nil {
		stages.Go(func() error { return p.syncer.Run(ctx) })
	}
	if p.scorer != nil {
		stages.Go(func() error { return p.scorer.Run(ctx) })
	}
	if p.incidents != nil {
		stages.Go(func() error { return p.incidents.Run(ctx) })
	}
	if p.identities != nil {
		stages.Go(func() error { return p.identities.Run(ctx) })
	}
	if p.eraser != nil {
		stages.Go(func() error { return p.eraser.Run(ctx) })
	}
	if p.churnScores != nil {
		stages.Go(func() error { return p.churnScores.Run(ctx) })
		stages.Go(func() error { return p.lifetimeScores.Run(ctx) })
		stages.Go(func() error { return p.fraudDrift.Run(ctx) })
	}
	if p.churnTraining != nil {
		stages.Go(func() error { return p.churnTraining.Run(ctx) })
		stages.Go(func() error { return p.lifetimeTraining.Run(ctx) })
		stages.Go(func() error { return p.fraudTraining.Run(ctx) })
	}
	if p.alerts != nil {
		stages.Go(func() error { return p.alerts.Run(ctx) })
	}
	if listener != nil {
		server, err := api.New(p.apiConfig(), p.apiDeps())
		if err != nil {
			return err
		}
		p.at.API = "http://" + listener.Addr().String()
		stages.Go(func() error { return server.Run(ctx, listener) })
	}
	if p.metrics != nil {
		p.at.Metrics = "http://" + p.metrics.Addr().String() + "/metrics"
		stages.Go(func() error { return p.serveMetrics(ctx, p.metrics) })
	}
	if p.options.runs(stageIngest) {
		stages.Go(func() error { return p.settle(ctx) })
	}
	stages.Go(func() error { return p.announce(ctx) })
	if p.options.sampleTraffic > 0 {
		stages.Go(func() error { return p.sampleTraffic(ctx) })
	}
	return stages.Wait()
}

// watch ends everything when an engine is lost for good.
func (p *plant) watch(ctx context.Context, stack *embedded.Stack) error {
	select {
	case <-ctx.Done():
		return nil
	case <-stack.Done():
		return stack.Err()
	}
}

// announce waits until everything is ready and tells where it is.
func (p *plant) announce(ctx context.Context) error {
	if p.consumer != nil {
		select {
		case <-ctx.Done():
			return nil
		case <-p.consumer.Ready():
		}
	}
	if !p.awaitChecks(ctx) {
		return nil
	}
	if err := p.at.write(p.options.data); err != nil {
		return err
	}
	p.at.print(p.app.stdout)
	return nil
}

// awaitChecks asks what GET /readyz asks until all is well, or ctx ends.
func (p *plant) awaitChecks(ctx context.Context) bool {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var faults []error
		for _, check := range p.checks() {
			faults = append(faults, check.Ready(ctx))
		}
		if errors.Join(faults...) == nil {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// checks are what this process cannot work without.
func (p *plant) checks() []api.Check {
	return []api.Check{
		{Name: "clickhouse", Ready: p.events.Ping},
		{Name: "postgres", Ready: p.users.Ping},
		{Name: "kafka", Ready: func(context.Context) error { return p.progress.Err() }},
	}
}

// apiConfig is the part that the API needs.
func (p *plant) apiConfig() api.Config {
	cfg := api.DefaultConfig()
	cfg.AllowInsecure, cfg.AllowedHosts = p.options.insecureListen, p.options.allowedHosts
	cfg.TrustedProxies, _ = p.options.proxies() // checked with the other options
	return cfg
}

// apiDeps joins the API to the stores and the broker.
func (p *plant) apiDeps() api.Deps {
	deps := api.Deps{
		Publisher: publisher{p.producer},
		Asker:     p.guard,
		Catalog:   p.guard,
		Users:     p.users,
		Timeline:  p.events,
		Anomalies: p.users, AnomalyPoints: incidentPoints{p.events, p.users},
		Figures:   p.events,
		Progress:  p.progress,
		Checks:    p.checks(),
		Stages:    p.stages(),
		Dashboard: ui.Files(),

		Fraud: p.users, FraudModel: p.fraudModel.Current,
		Alerts: p.rules, Erasures: p.users,
		Models: p.users, Scores: p.users, Trainers: p.trainers(),

		DeadLetters: p.events, Ledger: p.ledger, Rejections: p.events.Writer(),
		Registry: p.registry,
		Logger:   p.app.log,
		Version:  version(),
	}
	// Set only where there is one: a nil pointer within an interface is not nil.
	if p.identities != nil {
		deps.Identities = p.identities
	}
	if p.enricher != nil {
		deps.Enricher = p.enricher
	}
	return deps
}

// close gives up what open has opened, in reverse.
func (p *plant) close() {
	if p.producer != nil {
		p.producer.Close()
	}
	p.ledger.close()
	if p.copies != nil {
		p.copies.close()
	}
	var err error
	if p.users != nil {
		err = errors.Join(err, p.users.Close())
	}
	if p.events != nil {
		err = errors.Join(err, p.events.Close())
	}
	if err != nil {
		p.app.log.Warn("closing the stores failed", "error", err)
	}
}

// publisher lets the API put records into Kafka without knowing package ingest.
type publisher struct{ producer *ingest.Producer }

func (p publisher) Publish(ctx context.Context, records []api.Record) error {
	converted := make([]ingest.Record, len(records))
	for i, r := range records {
		converted[i] = ingest.Record{Key: r.Key, Value: r.Value, Timestamp: r.ReceivedAt}
	}
	return p.producer.Publish(ctx, converted)
}
