package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"millrace/ingest"
	"millrace/internal/event"
	"millrace/internal/replay"
)

// replayOptions are the settings of `millrace replay`.
type replayOptions struct {
	outlet      outletOptions
	format      string
	delimiter   string
	header      bool
	noHeader    bool
	columns     []string
	maps        []string
	constants   []string
	timeFormats []string
	timezone    string
	shiftTo     string
	speed       string
	limit       int64
	wait        bool
	waitTimeout time.Duration
	rejects     string
	allowBad    bool
	dryRun      bool
	asJSON      bool
}

// newReplayCmd loads files.
func newReplayCmd(a *app) *cobra.Command {
	var o replayOptions
	cmd := &cobra.Command{
		Use:   "replay FILE…",
		Short: "Load events from files: CSV, TSV, blank-separated, NDJSON, Parquet",
		Long: `Load events from files into Kafka, or with --api through the API. Files may be CSV,
TSV, separated by blanks, NDJSON (flat, or events already) or Parquet; plain,
gzip or zstd; "-" is standard input.

--map gives a field of the event a column: event_id, type, user_id, anonymous_id,
session_id, timestamp, a field of the context (country, device, page, …), or
properties.NAME; properties.*=* takes all columns that nothing else uses. Fields
that --map does not name are filled by columns with well-known names, such as
user, customer_id, event, time, session. Without --map every other column
becomes a property. Numbers stay numbers, exactly as written; an id with leading
zeros stays text. --dry-run shows what would become of a file.

A row without event_id gets one that is made of the file's name, the line and
its bytes: replaying a file again repeats the same events under the same ids, by
which a repeat can be told, while two equal lines are two events.

Bad rows are shown with their line and the reason, and counted; --rejects keeps
them. Exit code 3 says that there were some (0 with --allow-bad-rows), 1 that
the replay failed.`,
		Example: `  millrace replay events.csv.gz --wait
  millrace replay orders.csv --map user_id=customer,timestamp=time,properties.amount=dollars,properties.*=* --const type=purchase
  millrace replay cdnow.txt.gz --map user_id=customer_id,properties.amount=dollar_value --const type=purchase
  millrace replay log.parquet --shift-to now --speed 60x
  millrace replay export.tsv --time-format "%d/%m/%Y %H:%M" --timezone Asia/Kolkata --dry-run
  zcat part-*.gz | millrace replay - --format ndjson --api http://127.0.0.1:8080`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(errors.New("name at least one file to replay, or - for standard input"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, files []string) error { return o.run(cmd.Context(), a, cmd.InOrStdin(), files) },
	}
	o.register(cmd)
	return cmd
}

func (o *replayOptions) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	o.outlet.register(flags)
	flags.StringVar(&o.outlet.group, "group", ingest.DefaultConfig().Group, "consumer group of the ingest that --wait watches")
	flags.StringVar(&o.format, "format", "auto", "auto, csv, tsv, blank, ndjson, envelope (events already) or parquet")
	flags.StringVar(&o.delimiter, "delimiter", "", `between cells of CSV: a character, comma, semicolon, tab, pipe or space (default: found out)`)
	flags.BoolVar(&o.header, "header", false, "the first row names the columns (default: found out)")
	flags.BoolVar(&o.noHeader, "no-header", false, "the first row is data; columns are c1, c2, … or --columns")
	flags.StringSliceVar(&o.columns, "columns", nil, "names of the columns, where the file has none")
	flags.StringArrayVar(&o.maps, "map", nil, "target=column,…")
	flags.StringArrayVar(&o.constants, "const", nil, "target=value,… the same for all rows")
	flags.StringArrayVar(&o.timeFormats, "time-format", nil, `how times are written: "%d/%m/%Y %H:%M", a Go layout, unix, unix_ms, unix_us, unix_ns, rfc3339; repeat for several (default: found out)`)
	flags.StringVar(&o.timezone, "timezone", "UTC", "zone of times that name none, such as Asia/Kolkata")
	flags.StringVar(&o.shiftTo, "shift-to", "", "move all events in time so that the last one happens now, or at this time")
	flags.StringVar(&o.speed, "speed", "", "let event time pass this fast, such as 60x (default: as fast as possible)")
	flags.Int64Var(&o.limit, "limit", 0, "stop after this many rows")
	flags.BoolVar(&o.wait, "wait", false, "return when everything is stored and can be queried")
	flags.DurationVar(&o.waitTimeout, "wait-timeout", 5*time.Minute, "longest time that --wait may take")
	flags.StringVar(&o.rejects, "rejects", "", "write bad rows to this file, as NDJSON")
	flags.BoolVar(&o.allowBad, "allow-bad-rows", false, "exit with 0 although rows were bad")
	flags.BoolVar(&o.dryRun, "dry-run", false, "show the mapping and the first events, send nothing")
	flags.BoolVar(&o.asJSON, "json", false, "print the result as JSON")
}

// config turns the flags into the replay's configuration.
func (o *replayOptions) config(stdin io.Reader) (replay.Config, error) {
	cfg := replay.DefaultConfig()
	cfg.Format, cfg.Columns, cfg.TimeFormats, cfg.Limit, cfg.Stdin = replay.Format(o.format), o.columns, o.timeFormats, o.limit, stdin
	var faults []error
	take := func(err error) { faults = append(faults, err) }
	switch {
	case o.header && o.noHeader:
		take(errors.New("--header and --no-header exclude each other"))
	case o.header:
		cfg.Header = replay.HeaderYes
	case o.noHeader:
		cfg.Header = replay.HeaderNo
	}
	var err error
	cfg.Map, err = replay.ParseAssignments(o.maps)
	take(prefixed("--map", err))
	cfg.Const, err = replay.ParseAssignments(o.constants)
	take(prefixed("--const", err))
	cfg.Zone, err = loadZone(o.timezone)
	take(err)
	if o.shiftTo != "" {
		cfg.ShiftTo, err = moment("--shift-to", o.shiftTo, time.Now())
		take(err)
	}
	if o.speed != "" {
		cfg.Speed, err = parseSpeed(o.speed)
		take(err)
	}
	take(o.delimit(&cfg))
	if err := errors.Join(faults...); err != nil {
		return cfg, err
	}
	return cfg, errors.Join(cfg.Validate(), o.outlet.validate())
}

func prefixed(flag string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}

// delimit reads --delimiter.
func (o *replayOptions) delimit(cfg *replay.Config) error {
	names := map[string]byte{"comma": ',', "semicolon": ';', "tab": '\t', `\t`: '\t', "pipe": '|', "space": ' ', "blank": ' '}
	c, named := names[o.delimiter]
	switch {
	case o.delimiter == "":
		return nil
	case named:
	case len(o.delimiter) == 1:
		c = o.delimiter[0]
	default:
		return fmt.Errorf("--delimiter: %q is neither one character nor comma, semicolon, tab, pipe or space", o.delimiter)
	}
	if c == ' ' && cfg.Format == replay.FormatAuto {
		cfg.Format = replay.FormatBlank
		return nil
	}
	if cfg.Format == replay.FormatAuto {
		cfg.Format = replay.FormatCSV
	}
	cfg.Delimiter = c
	return nil
}

func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, fmt.Errorf("--timezone: %q is not a zone; write it as Asia/Kolkata, America/New_York or UTC", name)
	}
	return zone, nil
}

// parseSpeed reads 60x or 60.
func parseSpeed(text string) (float64, error) {
	speed, err := strconv.ParseFloat(strings.TrimSuffix(text, "x"), 64)
	if err != nil || !(speed > 0) || speed > 1e12 {
		return 0, fmt.Errorf("--speed: %q is not a speed; write it as 60x", text)
	}
	return speed, nil
}

func (o *replayOptions) run(ctx context.Context, a *app, stdin io.Reader, files []string) error {
	cfg, err := o.config(stdin)
	if err != nil {
		return usageError(err)
	}
	replayer, err := replay.New(cfg, files)
	if err != nil {
		return err
	}
	if o.dryRun {
		return o.preview(ctx, a, replayer)
	}
	rejects, err := openRejects(a.stderr, o.rejects)
	if err != nil {
		return err
	}
	counts := &tally{onRefuse: rejects.refused}
	out, err := o.outlet.open(ctx, counts)
	if err != nil {
		return errors.Join(err, rejects.close())
	}
	defer out.Close()
	r := &replaying{options: o, replayer: replayer, out: out, tally: counts, rejects: rejects}
	err = r.run(ctx, a)
	if closing := rejects.close(); closing != nil {
		err = errors.Join(err, closing)
	}
	return r.verdict(a, err)
}

// replaying is one run.
type replaying struct {
	options  *replayOptions
	replayer *replay.Replayer
	out      outlet
	tally    *tally
	rejects  *rejectFile
	summary  replaySummary
	began    time.Time
}

// replaySummary is what a run of replay prints.
type replaySummary struct {
	replay.Summary
	Accepted        int64   `json:"accepted"`
	Refused         int64   `json:"refused"`
	Failed          int64   `json:"failed"`
	Seconds         float64 `json:"seconds"`
	EventsPerSecond float64 `json:"events_per_second"`
	Stored          bool    `json:"stored"` // known to be, because of --wait
	WaitSeconds     float64 `json:"wait_seconds"`
}

func (r *replaying) run(ctx context.Context, a *app) error {
	r.began = time.Now()
	progress := &meter{out: a.stderr, name: "replay", bytes: true, read: r.reading}
	stop := progress.start(ctx)
	defer stop()
	summary, err := r.replayer.Run(ctx, replay.Output{Send: r.send, Reject: r.rejects.write})
	err = errors.Join(err, r.out.Flush(ctx))
	s := &r.summary
	s.Summary = summary
	s.Accepted, s.Refused, s.Failed = r.tally.accepted.Load(), r.tally.refused.Load(), r.tally.failed.Load()
	s.Seconds, s.EventsPerSecond = time.Since(r.began).Seconds(), pacedRate(summary.Events, r.began)
	if err == nil && s.Failed > 0 {
		err = r.tally.err()
	}
	if err != nil || !r.options.wait || s.Accepted == 0 {
		s.Stored = err == nil && r.options.wait
		return err
	}
	return r.awaitStored(ctx)
}

// send passes an event on. One that failed ends the replay: what is missing is
// best repeated from the start, under the same ids.
func (r *replaying) send(ctx context.Context, rec replay.Record) error {
	if r.tally.failed.Load() > 0 {
		return r.tally.err()
	}
	return r.out.Send(ctx, parcel{key: rec.Key, value: bytes.Clone(rec.Value), file: rec.File, line: rec.Line})
}

func (r *replaying) reading() reading {
	done, total := r.replayer.Progress()
	sent := r.tally.sent.Load()
	return reading{done: done, total: total, text: fmt.Sprintf("%d events · %.0f/s · %d bad rows · %d errors",
		sent, pacedRate(sent, r.began), r.rejects.count.Load(), r.tally.failed.Load())}
}

func (r *replaying) awaitStored(ctx context.Context) error {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, r.options.waitTimeout,
		fmt.Errorf("not everything was stored within --wait-timeout %v", r.options.waitTimeout))
	defer cancel()
	err := r.out.Stored(ctx)
	r.summary.Stored, r.summary.WaitSeconds = err == nil, time.Since(began).Seconds()
	return err
}

// verdict prints the summary and decides the exit code.
func (r *replaying) verdict(a *app, err error) error {
	s := &r.summary
	s.BadRows += s.Refused
	if r.options.asJSON {
		if err := json.NewEncoder(a.stdout).Encode(s); err != nil {
			return err
		}
	} else {
		r.print(a.stdout)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return errors.New("stopped before the end; replaying again repeats the same events under the same ids")
	case err != nil && s.Failed > 0:
		return fmt.Errorf("%d events were not acknowledged; replaying again repeats the same events under the same ids: %w", s.Failed, err)
	case err != nil:
		return err
	case s.BadRows > 0 && !r.options.allowBad:
		return &exitError{code: exitRejected}
	}
	return nil
}

func (r *replaying) print(w io.Writer) {
	s := &r.summary
	fmt.Fprintf(w, "%d rows of %d files: %d events to %s in %.1f s (%.0f/s): %s", s.Rows, s.Files, s.Events, r.options.outlet.place(), s.Seconds, s.EventsPerSecond, r.tally.line())
	if !s.First.IsZero() {
		fmt.Fprintf(w, "; from %s to %s", s.First.UTC().Format(time.RFC3339), s.Last.UTC().Format(time.RFC3339))
	}
	if s.Stored {
		fmt.Fprintf(w, "; all stored %.1f s later", s.WaitSeconds)
	}
	fmt.Fprintln(w)
	if s.AmbiguousTimes > 0 {
		fmt.Fprintf(w, "%d local times occur twice in %s because the clocks were set back; the earlier was taken\n", s.AmbiguousTimes, r.options.timezone)
	}
	if s.BadRows == 0 {
		return
	}
	fmt.Fprintf(w, "%d bad rows:", s.BadRows)
	for i, reason := range sortedReasons(s.BadByReason) {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, " %d %s", s.BadByReason[reason], reason)
	}
	if s.Refused > 0 {
		fmt.Fprintf(w, " and %d refused by the API", s.Refused)
	}
	fmt.Fprintln(w)
}

// sortedReasons lists reasons by how many rows they took.
func sortedReasons(counts map[event.Reason]int64) []event.Reason {
	reasons := make([]event.Reason, 0, len(counts))
	for reason := range counts {
		reasons = append(reasons, reason)
	}
	slices.SortFunc(reasons, func(a, b event.Reason) int {
		if counts[a] != counts[b] {
			return int(counts[b] - counts[a])
		}
		return strings.Compare(string(a), string(b))
	})
	return reasons
}

// preview shows what would become of the files.
func (o *replayOptions) preview(ctx context.Context, a *app, replayer *replay.Replayer) error {
	const events = 3
	previews, err := replayer.Preview(ctx, events)
	if err != nil {
		return err
	}
	if o.asJSON {
		return json.NewEncoder(a.stdout).Encode(previews)
	}
	for _, p := range previews {
		packing := ""
		if p.Compression != "" {
			packing = ", " + p.Compression
		}
		fmt.Fprintf(a.stdout, "%s (%s%s)\n", p.File, p.Format, packing)
		table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
		for _, source := range p.Mapping {
			from := "column " + source.Column
			if source.Column == "" {
				from = "always " + source.Constant
			}
			fmt.Fprintf(table, "  %s\t← %s\n", source.Target, from)
		}
		table.Flush()
		if len(p.LeftOut) > 0 {
			fmt.Fprintf(a.stdout, "  left out: %s (take them with --map properties.*=*)\n", strings.Join(p.LeftOut, ", "))
		}
		for _, value := range p.Events {
			fmt.Fprintf(a.stdout, "%s\n", value)
		}
		for _, row := range p.BadRows {
			fmt.Fprintln(a.stdout, row)
		}
	}
	return nil
}
