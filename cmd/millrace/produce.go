package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millrace/ingest"
	"millrace/internal/event"
	"millrace/internal/replay"
	"millrace/internal/traffic"
)

// produceOptions are the settings of `millrace produce`.
type produceOptions struct {
	outlet     outletOptions
	events     int64
	rate       float64
	users      int
	seed       uint64
	duration   time.Duration
	start      string
	until      string
	speed      string
	labels     string
	late       float64
	disorder   float64
	duplicates float64
	fraud      float64
	format     string
	asJSON     bool

	eventsGiven bool
}

// newProduceCmd sends generated traffic.
func newProduceCmd(a *app) *cobra.Command {
	var o produceOptions
	cmd := &cobra.Command{
		Use:   "produce",
		Short: "Send realistic sample traffic",
		Long: `Send realistic sample traffic to Kafka, or with --api to the API: sessions with a
daily rhythm, products viewed, put into carts and bought, videos watched to some
point, logins, refunds, 20 countries with their devices and currencies, users
who drift away and others who arrive. Some events are late, out of order, or
sent twice; some purchases are fraud, which --labels writes down.

Events happen now, --rate of them per second. With --start they are a history
instead: --events of them spread evenly from --start to --until, or at --speed.
The same --seed and --start give the same events.`,
		Example: `  millrace produce                                        50 events in 5 seconds
  millrace produce --duration 10m --rate 200 --users 5000
  millrace produce --events 1000000 --rate 0 --users 100000 --start -30d
  millrace produce --backfill --format protobuf --events 100000 --rate 0 --start -7d
  millrace produce --api http://127.0.0.1:8080 --labels fraud.ndjson --events 100000 --rate 0 --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.eventsGiven = cmd.Flags().Changed("events")
			if !cmd.Flags().Changed("seed") {
				o.seed = uint64(time.Now().UnixNano())
			}
			return o.run(cmd.Context(), a)
		},
	}
	defaults := traffic.DefaultConfig()
	flags := cmd.Flags()
	o.outlet.register(flags)
	flags.Int64Var(&o.events, "events", 50, "how many events; 0 goes on until --duration or Ctrl-C")
	flags.Float64Var(&o.rate, "rate", 10, "events per second; 0 is as fast as possible")
	flags.IntVar(&o.users, "users", defaults.Users, "how many different users")
	flags.Uint64Var(&o.seed, "seed", 0, "make the traffic repeatable (default: another one each time)")
	flags.DurationVar(&o.duration, "duration", 0, "stop after this time; without --events nothing else stops it")
	flags.StringVar(&o.start, "start", "", "make a history that begins here: -7d, -12h, 2026-01-31 or a time")
	flags.StringVar(&o.until, "until", "now", "where the history ends")
	flags.StringVar(&o.speed, "speed", "", "let event time pass this much faster from --start on, such as 60x, instead of --until")
	flags.StringVar(&o.labels, "labels", "", "write event_id, label and kind of each fraudulent purchase to this file, as NDJSON")
	flags.Float64Var(&o.late, "late", defaults.LateShare, "share of events that arrive a minute to half a day late")
	flags.Float64Var(&o.disorder, "disorder", defaults.DisorderShare, "share of events that others overtake")
	flags.Float64Var(&o.duplicates, "duplicates", defaults.DuplicateShare, "share of events that are sent twice")
	flags.Float64Var(&o.fraud, "fraud", defaults.FraudShare, "share of sessions that are attacks")
	flags.StringVar(&o.format, "format", formatJSON, "how events are written on the topic: json or protobuf")
	flags.BoolVar(&o.asJSON, "json", false, "print the summary as JSON")
	return cmd
}

// produceSummary is what a run of produce prints.
type produceSummary struct {
	Events          int64                   `json:"events"`
	Accepted        int64                   `json:"accepted"`
	Refused         int64                   `json:"refused"`
	Failed          int64                   `json:"failed"`
	Duplicates      int64                   `json:"duplicates"`
	Late            int64                   `json:"late"`
	Disordered      int64                   `json:"disordered"`
	Fraud           map[traffic.Fraud]int64 `json:"fraud"`
	Types           map[string]int64        `json:"types"`
	Seed            uint64                  `json:"seed"`
	Seconds         float64                 `json:"seconds"`
	EventsPerSecond float64                 `json:"events_per_second"`
	Stopped         bool                    `json:"stopped"` // before its end
}

// run makes, sends and sums up.
func (o *produceOptions) run(ctx context.Context, a *app) error {
	now := time.Now()
	clock, err := o.clock(now)
	if err := errors.Join(err, o.validate()); err != nil {
		return usageError(err)
	}
	generator, err := traffic.New(o.config(clock))
	if err != nil {
		return usageError(err)
	}
	labels, err := openLabels(o.labels)
	if err != nil {
		return err
	}
	counts := &tally{}
	out, err := o.outlet.open(ctx, counts)
	if err != nil {
		return errors.Join(err, labels.close())
	}
	defer out.Close()
	p := &producing{options: o, generator: generator, clock: clock, out: out, tally: counts, labels: labels}
	p.summary = produceSummary{Seed: o.seed, Fraud: map[traffic.Fraud]int64{}, Types: map[string]int64{}}
	err = p.run(ctx, a)
	if err := errors.Join(err, labels.close()); err != nil {
		return err
	}
	return p.verdict(a)
}

func (o *produceOptions) validate() error {
	var faults []error
	if o.events < 0 || o.rate < 0 || o.duration < 0 {
		faults = append(faults, fmt.Errorf("--events %d, --rate %v and --duration %v must not be negative", o.events, o.rate, o.duration))
	}
	switch {
	case o.format != formatJSON && o.format != formatProtobuf:
		faults = append(faults, fmt.Errorf("--format: %q is neither %s nor %s", o.format, formatJSON, formatProtobuf))
	case o.format == formatProtobuf && o.outlet.api != "":
		faults = append(faults, errors.New("--format: the API takes JSON; send Protobuf to Kafka, or leave --format out"))
	}
	return errors.Join(append(faults, o.outlet.validate())...)
}

// The formats of --format.
const (
	formatJSON     = "json"
	formatProtobuf = "protobuf"
)

// parcel is the event, written in the format.
func (o *produceOptions) parcel(ev *event.Event) parcel {
	if o.format == formatProtobuf {
		return parcel{key: ev.Key(), value: ev.AppendProtobuf(make([]byte, 0, 512)), contentType: ingest.ContentTypeProtobuf}
	}
	return parcel{key: ev.Key(), value: ev.AppendJSON(make([]byte, 0, 768))}
}

func (o *produceOptions) config(clock eventClock) traffic.Config {
	cfg := traffic.DefaultConfig()
	cfg.Users, cfg.Seed, cfg.Rate = o.users, o.seed, clock.rate
	cfg.LateShare, cfg.DisorderShare, cfg.DuplicateShare, cfg.FraudShare = o.late, o.disorder, o.duplicates, o.fraud
	return cfg
}

// limit is the number of events to make, 0 for no end.
func (o *produceOptions) limit() int64 {
	if o.duration > 0 && !o.eventsGiven {
		return 0
	}
	return o.events
}

// eventClock gives each event its instant: by the wall clock, or evenly from a
// start on.
type eventClock struct {
	start time.Time
	rate  float64 // events per second of event time; 0: whatever the time is
}

func (c eventClock) at(n int64) time.Time {
	if c.rate == 0 {
		return time.Now()
	}
	return traffic.Pace{Start: c.start, Rate: c.rate}.At(n)
}

// clock reads --start, --until and --speed.
func (o *produceOptions) clock(now time.Time) (eventClock, error) {
	if o.start == "" {
		if o.speed != "" || o.until != "now" {
			return eventClock{}, errors.New("--until and --speed need --start")
		}
		return eventClock{start: now, rate: o.rate}, nil
	}
	start, err := moment("--start", o.start, now)
	if err != nil {
		return eventClock{}, err
	}
	if o.speed != "" {
		speed, err := parseSpeed(o.speed)
		if err == nil && o.rate == 0 {
			err = errors.New("--speed needs a --rate above 0: together they say how far apart events are")
		}
		return eventClock{start: start, rate: o.rate / max(speed, 1e-9)}, err
	}
	until, err := moment("--until", o.until, now)
	switch {
	case err != nil:
		return eventClock{}, err
	case !start.Before(until):
		return eventClock{}, fmt.Errorf("--start %s is not before --until %s", o.start, o.until)
	case o.limit() == 0:
		return eventClock{}, errors.New("--start needs --events, to spread them until --until, or --speed")
	}
	return eventClock{start: start, rate: float64(o.limit()) / until.Sub(start).Seconds()}, nil
}

// moment reads a time: now, -7d, or anything that replay reads.
func moment(flag, text string, now time.Time) (time.Time, error) {
	if text == "now" {
		return now, nil
	}
	if ago, ok := strings.CutPrefix(text, "-"); ok {
		days, isDays := strings.CutSuffix(ago, "d")
		if isDays {
			ago = days + "h"
		}
		if age, err := time.ParseDuration(ago); err == nil && age >= 0 {
			if isDays {
				age *= 24
			}
			return now.Add(-age), nil
		}
	}
	at, err := replay.ParseTime(text, time.UTC)
	if err != nil {
		return at, fmt.Errorf("%s: %q is not a time; write it as -7d, -12h, now, 2026-01-31 or 2026-01-31T12:00:00Z", flag, text)
	}
	return at, nil
}

// producing is one run.
type producing struct {
	options   *produceOptions
	generator *traffic.Generator
	clock     eventClock
	out       outlet
	tally     *tally
	labels    *labelFile
	summary   produceSummary
	began     time.Time
}

func (p *producing) run(ctx context.Context, a *app) error {
	p.began = time.Now()
	if p.options.start == "" {
		p.clock.start = p.began // connecting took a moment
	}
	progress := &meter{out: a.stderr, name: "produce", read: p.reading}
	stop := progress.start(ctx)
	err := p.loop(ctx)
	err = errors.Join(err, p.out.Flush(ctx))
	stop()
	s := &p.summary
	s.Accepted, s.Refused, s.Failed = p.tally.accepted.Load(), p.tally.refused.Load(), p.tally.failed.Load()
	s.Seconds = time.Since(p.began).Seconds()
	s.EventsPerSecond = pacedRate(s.Events, p.began)
	return err
}

func (p *producing) reading() reading {
	sent := p.tally.sent.Load()
	return reading{
		done:  sent,
		total: p.options.limit(),
		text:  fmt.Sprintf("%d events · %.1f/s · %d errors", sent, pacedRate(sent, p.began), p.tally.failed.Load()+p.tally.refused.Load()),
	}
}

// loop hands events out until there are enough or somebody stops it. A stop is
// no error.
func (p *producing) loop(ctx context.Context) error {
	limit := p.options.limit()
	for n := int64(0); limit == 0 || n < limit; n++ {
		if !p.wait(ctx, n) {
			p.summary.Stopped = ctx.Err() != nil
			return nil
		}
		ev, label := p.generator.Next(p.clock.at(n))
		if err := p.out.Send(ctx, p.options.parcel(ev)); err != nil {
			p.summary.Stopped = ctx.Err() != nil
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		p.note(ev.Type, label)
		if err := p.labels.write(ev.ID, label); err != nil {
			return err
		}
	}
	return nil
}

// wait returns when it is the turn of event n, false where the run is over.
func (p *producing) wait(ctx context.Context, n int64) bool {
	elapsed := time.Duration(0)
	if n%64 == 0 || p.options.rate > 0 {
		elapsed = time.Since(p.began)
	}
	if ctx.Err() != nil || p.options.duration > 0 && elapsed >= p.options.duration {
		return false
	}
	if p.options.rate == 0 {
		return true
	}
	due := time.Duration(float64(n) / p.options.rate * float64(time.Second))
	pause := due - elapsed
	if pause < time.Millisecond { // a timer is no finer
		return true
	}
	if p.options.duration > 0 {
		pause = min(pause, p.options.duration-elapsed)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return p.options.duration == 0 || time.Since(p.began) < p.options.duration
	case <-ctx.Done():
		return false
	}
}

func (p *producing) note(kind string, label traffic.Label) {
	s := &p.summary
	s.Events++
	s.Types[kind]++
	for _, c := range []struct {
		is bool
		n  *int64
	}{{label.Duplicate, &s.Duplicates}, {label.Late, &s.Late}, {label.Disordered, &s.Disordered}} {
		if c.is {
			*c.n++
		}
	}
	if label.Fraud != traffic.FraudNone && !label.Duplicate {
		s.Fraud[label.Fraud]++
	}
}

// verdict prints the summary and turns failures into an exit code.
func (p *producing) verdict(a *app) error {
	s := p.summary
	if p.options.asJSON {
		if err := json.NewEncoder(a.stdout).Encode(s); err != nil {
			return err
		}
	} else {
		stopped := ""
		if s.Stopped {
			stopped = ", stopped early"
		}
		fmt.Fprintf(a.stdout, "%d events to %s in %.1f s (%.1f/s%s): %s; %d duplicates, %d late, %d fraudulent purchases; seed %d\n",
			s.Events, p.options.outlet.place(), s.Seconds, s.EventsPerSecond, stopped, p.tally.line(), s.Duplicates, s.Late, p.fraudulent(), s.Seed)
	}
	switch {
	case s.Failed > 0:
		return fmt.Errorf("%d of %d events were not acknowledged: %w", s.Failed, s.Events, p.tally.err())
	case s.Refused > 0:
		return &exitError{code: exitRejected, err: fmt.Errorf("the API refused %d of %d events", s.Refused, s.Events)}
	}
	return nil
}

func (p *producing) fraudulent() int64 {
	sum := int64(0)
	for _, n := range p.summary.Fraud {
		sum += n
	}
	return sum
}

// labelFile takes the labels; nil takes none.
type labelFile struct {
	file *os.File
	out  *bufio.Writer
}

func openLabels(path string) (*labelFile, error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--labels: %w", err)
	}
	return &labelFile{file: file, out: bufio.NewWriter(file)}, nil
}

// write notes a fraudulent event, once.
func (l *labelFile) write(id string, label traffic.Label) error {
	if l == nil || label.Fraud == traffic.FraudNone || label.Duplicate {
		return nil
	}
	_, err := fmt.Fprintf(l.out, `{"event_id":%q,"label":"fraud","kind":%q}`+"\n", id, label.Fraud)
	if err != nil {
		return fmt.Errorf("--labels: %w", err)
	}
	return nil
}

func (l *labelFile) close() error {
	if l == nil {
		return nil
	}
	if err := errors.Join(l.out.Flush(), l.file.Close()); err != nil {
		return fmt.Errorf("--labels: %w", err)
	}
	return nil
}
