package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"millrace/ingest"
	"millrace/internal/enrich"
	"millrace/internal/incident"
	"millrace/internal/nearest"
	"millrace/olap"
)

// The stages of `millrace up`. A cluster runs each where it wants.
const (
	stageIngest = "ingest" // Kafka to ClickHouse
	stageSync   = "sync"   // ClickHouse to Postgres
	stageScore  = "score"  // Kafka to Postgres: purchases judged
	stageModels = "models" // scores of users, trainings on schedule
	stageAlert  = "alert"  // rules watched, alerts delivered
	stageAPI    = "api"    // HTTP, dashboard

	stageAnomalies = "anomalies" // figures of closed hours and days to incidents
)

// upOptions are the settings of `millrace up`.
type upOptions struct {
	data          string
	listen        string
	metricsListen string
	ports         string
	engines       string
	stages        []string

	clickhouse string
	compress   string
	kafka      []string
	postgres   string

	keep string // how long events are kept, as it is where empty

	topic      string
	backfill   string
	dead       string // topic for copies of dead letters; empty for none
	partitions int32
	group      string
	batchRows  int
	batchAge   time.Duration
	maxMemory  int // MiB

	enrich         bool
	geoip          string
	dropIP         bool
	trustedProxies []string

	sampleTraffic  float64
	insecureListen bool
	allowedHosts   []string
	stopTimeout    time.Duration

	churnRefresh time.Duration
	churnRetrain time.Duration

	anomalySensitivity float64
	anomalySteps       []string
	anomalyEvery       time.Duration
	anomalyTimezone    string

	smtp     string
	smtpFrom string

	secretsKeyFile string

	queryRows     uint64
	queriesAtOnce int
}

// allStages are those of `millrace up`, in the order of the path of an event.
func allStages() []string {
	return []string{stageIngest, stageSync, stageScore, stageModels, stageAnomalies, stageAlert, stageAPI}
}

// register declares the flags with their defaults.
func (o *upOptions) register(flags *pflag.FlagSet) {
	defaults := ingest.DefaultConfig()
	flags.StringVar(&o.data, "data", "millrace-data", "directory that holds all data of the embedded engines")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "host:port of the API and the dashboard")
	flags.StringVar(&o.metricsListen, "metrics-listen", "", "host:port that serves GET /metrics beside the API, for processes without one; empty for none")
	flags.StringVar(&o.ports, "ports", "default", "ports of the embedded engines: default (8123, 9000, 9092, 5432) or auto (any free ones, also for the API)")
	flags.StringVar(&o.engines, "engines", "", "directory of the installed engine packages (default: a directory in the user's cache)")
	flags.StringSliceVar(&o.stages, "stages", allStages(), "what this process does")
	flags.StringVar(&o.clickhouse, "clickhouse", "", "use this ClickHouse, host:port (native) or clickhouse://user:password@host:port/database, and start none")
	flags.StringVar(&o.compress, "clickhouse-compression", string(olap.CompressionAuto), "how inserted events are packed: none, lz4, lz4-text, zstd, or auto: none to this machine, lz4 to others")
	flags.StringSliceVar(&o.kafka, "kafka", nil, "use this Kafka, host:port,…, and start none")
	flags.StringVar(&o.postgres, "postgres", "", "use this Postgres, postgres://user:password@host:port/database, and start none")
	flags.StringVar(&o.keep, "keep", "", "how long events are kept by their time, in days such as 395d, or forever; empty leaves it as it is (at first forever)")
	flags.StringVar(&o.topic, "topic", defaults.Topic, "Kafka topic that holds events")
	flags.StringVar(&o.backfill, "backfill-topic", ingest.BackfillTopic, "Kafka topic that holds history, which is stored behind live events; empty for none")
	flags.StringVar(&o.dead, "dead-letter-topic", "", "write each dead letter to this Kafka topic too, such as events.dead")
	flags.Int32Var(&o.partitions, "partitions", 4, "partitions of each topic, where it does not exist yet")
	flags.StringVar(&o.group, "group", defaults.Group, "consumer group of the ingest")
	flags.IntVar(&o.batchRows, "batch-rows", defaults.MaxRows, "events that close a batch")
	flags.DurationVar(&o.batchAge, "batch-age", defaults.MaxAge, "age that closes a batch")
	flags.IntVar(&o.maxMemory, "max-memory", defaults.MaxMemory>>20, "MiB that the ingest may have resident, whatever the backlog; the same for all members of the group")
	flags.BoolVar(&o.enrich, "enrich", true, "add to events what their user agent, address and page tell: device, system, browser, country, campaign, bot flag")
	flags.StringVar(&o.geoip, "geoip", "", "look countries up in this file, a database in MaxMind's format (.mmdb)")
	flags.BoolVar(&o.dropIP, "drop-ip", false, "do not keep addresses, once their country is known")
	flags.StringSliceVar(&o.trustedProxies, "trusted-proxies", nil, "networks whose X-Forwarded-For is believed, such as 10.0.0.0/8")
	flags.Float64Var(&o.sampleTraffic, "sample-traffic", 0, "make this many sample events per second, 0 for none")
	flags.BoolVar(&o.insecureListen, "insecure-listen", false, "allow --listen on an address that other machines reach, although there are no API keys yet")
	flags.StringSliceVar(&o.allowedHosts, "allowed-hosts", nil, "names that requests to a loopback --listen may carry beside localhost, such as that of a local proxy")
	flags.DurationVar(&o.churnRefresh, "churn-refresh", 15*time.Minute, "time between two computations of all active users' churn probabilities")
	flags.DurationVar(&o.churnRetrain, "churn-retrain", 24*time.Hour, "age of the newest churn model at which another is trained; 0 for never")
	flags.StringVar(&o.smtp, "smtp", "", "mail server for alerts, smtp://user:password@host:port or smtps://…; empty for none")
	flags.StringVar(&o.smtpFrom, "smtp-from", "", "address that mail of alerts comes from")
	flags.StringVar(&o.secretsKeyFile, "secrets-key-file", "", "file with keys that seal the secrets of alert channels in Postgres: 32 bytes in Base64, one key to a line, the first one seals; empty keeps them as they are")
	flags.Uint64Var(&o.queryRows, "query-rows", olap.DefaultGuardConfig().Budget.Rows, "most rows that one question may read, by estimate and in truth; 0 for no limit")
	flags.IntVar(&o.queriesAtOnce, "queries-at-once", olap.DefaultGuardConfig().MaxRunning, "questions that ClickHouse works on at once; more wait in turn by client")
	flags.Float64Var(&o.anomalySensitivity, "anomaly-sensitivity", incident.DefaultConfig().Sensitivity, "how little has to happen to the figures for an incident, 0 to 1")
	flags.StringSliceVar(&o.anomalySteps, "anomaly-steps", nil, "events whose conversion from one to the next is watched for incidents (default: view,add_to_cart,purchase where all three are there)")
	flags.DurationVar(&o.anomalyEvery, "anomaly-every", 10*time.Minute, "pause between two looks at closed hours and days for incidents")
	flags.StringVar(&o.anomalyTimezone, "anomaly-timezone", "UTC", "zone of the days and of the hours of the week that incidents are looked for in, such as Asia/Kolkata")
	flags.DurationVar(&o.stopTimeout, "stop-timeout", 10*time.Second, "longest time that a clean stop may take")
}

// validate reports every fault at once.
func (o *upOptions) validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if o.data == "" {
		fault("--data: empty; name a directory")
	}
	if _, _, err := net.SplitHostPort(o.listen); err != nil {
		fault("--listen: %q is not host:port, such as 127.0.0.1:8080", o.listen)
	}
	if _, _, err := net.SplitHostPort(o.metricsListen); o.metricsListen != "" && err != nil {
		fault("--metrics-listen: %q is not host:port, such as 127.0.0.1:9464", o.metricsListen)
	}
	if o.ports != "default" && o.ports != "auto" {
		fault("--ports: %q is neither default nor auto", o.ports)
	}
	if len(o.stages) == 0 {
		fault("--stages: empty; name at least one of ingest, sync, score, models, anomalies, alert, api")
	}
	known := allStages()
	for _, s := range o.stages {
		if !slices.Contains(known, s) {
			fault("--stages: %q is not a stage%s; there are %s", s, nearest.Hint(s, known), strings.Join(known, ", "))
		}
	}
	if o.partitions < 1 {
		fault("--partitions: %d; at least 1 is needed", o.partitions)
	}
	if !o.enrich && (o.geoip != "" || o.dropIP) {
		fault("--geoip and --drop-ip are part of --enrich, which is off")
	}
	if _, err := o.proxies(); err != nil {
		faults = append(faults, err)
	}
	if o.dead != "" && slices.Contains(o.topics(), o.dead) {
		fault("--dead-letter-topic: %q is a topic that the ingest reads; name another, such as events.dead", o.dead)
	}
	if o.sampleTraffic < 0 {
		fault("--sample-traffic: %v is negative", o.sampleTraffic)
	}
	if o.churnRefresh <= 0 {
		fault("--churn-refresh: %v is not positive", o.churnRefresh)
	}
	if o.churnRetrain < 0 {
		fault("--churn-retrain: %v is negative; 0 means never", o.churnRetrain)
	}
	if err := o.alertConfig().Validate(); err != nil {
		fault("--smtp and --smtp-from: %w", err)
	}
	if _, err := o.secretKeys(); err != nil {
		faults = append(faults, err)
	}
	if o.queriesAtOnce < 1 {
		fault("--queries-at-once: %d; at least 1 is needed", o.queriesAtOnce)
	}
	if err := o.anomalyConfig().Validate(); err != nil {
		faults = append(faults, fmt.Errorf("--anomaly-sensitivity: %w", err))
	}
	if len(o.anomalySteps) == 1 {
		fault("--anomaly-steps: %q is one step; name at least two, such as view,purchase", o.anomalySteps[0])
	}
	if o.anomalyEvery <= 0 {
		fault("--anomaly-every: %v is not positive", o.anomalyEvery)
	}
	if _, err := time.LoadLocation(o.anomalyTimezone); err != nil || o.anomalyTimezone == "" || o.anomalyTimezone == "Local" {
		fault("--anomaly-timezone: %q is no zone such as UTC or Asia/Kolkata", o.anomalyTimezone)
	}
	if o.stopTimeout <= 0 {
		fault("--stop-timeout: %v is not positive", o.stopTimeout)
	}
	if _, _, err := o.keepDays(); err != nil {
		faults = append(faults, err)
	}
	store := olap.DefaultConfig()
	store.Compression = olap.Compression(o.compress)
	if err := store.Validate(); err != nil {
		faults = append(faults, fmt.Errorf("--clickhouse-compression: %w", err))
	}
	consumer := o.consumerConfig([]string{"unused"})
	if err := consumer.Validate(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// keepDays reads --keep: 0 days are for ever, and given is false where it stays
// as it is.
func (o *upOptions) keepDays() (days int, given bool, err error) {
	switch o.keep {
	case "":
		return 0, false, nil
	case "forever":
		return 0, true, nil
	}
	number, ok := strings.CutSuffix(o.keep, "d")
	days, err = strconv.Atoi(number)
	if !ok || err != nil || days < olap.KeepLeast {
		return 0, false, fmt.Errorf("--keep: %q is not a number of days of at least %d, such as 395d, and not forever", o.keep, olap.KeepLeast)
	}
	return days, true, nil
}

// proxies are the networks of --trusted-proxies; a bare address is a network of one.
func (o *upOptions) proxies() ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range o.trustedProxies {
		network, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
			network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxies: %q is no network such as 10.0.0.0/8, and no address", text)
		}
		networks = append(networks, network.Masked())
	}
	return networks, nil
}

// enrichConfig is the part that enrichment needs.
func (o *upOptions) enrichConfig() enrich.Config {
	cfg := enrich.DefaultConfig()
	cfg.GeoIPFile, cfg.DropIP = o.geoip, o.dropIP
	return cfg
}

// anomalyConfig is the part that the search for incidents needs.
func (o *upOptions) anomalyConfig() incident.Config {
	return incident.Config{Sensitivity: o.anomalySensitivity}
}

// runs reports whether the stage belongs to this process.
func (o *upOptions) runs(stage string) bool { return slices.Contains(o.stages, stage) }

// topics are the Kafka topics that the ingest reads.
func (o *upOptions) topics() []string {
	if o.backfill == "" {
		return []string{o.topic}
	}
	return []string{o.topic, o.backfill}
}

// consumerConfig is the part that the ingest stage needs.
func (o *upOptions) consumerConfig(brokers []string) ingest.Config {
	cfg := ingest.DefaultConfig()
	cfg.Brokers, cfg.Topic, cfg.Backfill, cfg.Group = brokers, o.topic, o.backfill, o.group
	cfg.MaxRows, cfg.MaxAge, cfg.MaxMemory = o.batchRows, o.batchAge, o.maxMemory<<20
	return cfg
}
