package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"millrace/api"
	"millrace/ingest"
	"millrace/internal/client"
	"millrace/olap"
)

// ledger lets the API compare broker and store without knowing package ingest.
type ledger struct {
	store *olap.Store
	logs  []*ingest.TopicLog
}

func (l ledger) Ledger(ctx context.Context, from, to time.Time) (*olap.Ledger, error) {
	return l.store.Ledger(ctx, l.topics(), from, to)
}

// topics are the logs in the store's terms.
func (l ledger) topics() []olap.TopicLog {
	topics := make([]olap.TopicLog, len(l.logs))
	for i, log := range l.logs {
		topics[i] = log
	}
	return topics
}

func (l ledger) close() {
	for _, log := range l.logs {
		log.Close()
	}
}

// openLedger connects to the logs of all topics. Where this process writes, it
// also sees to it that the store remembers blocks for long enough.
func (p *plant) openLedger(ctx context.Context, brokers []string) error {
	p.ledger = ledger{store: p.events}
	for _, topic := range p.options.topics() {
		log, err := ingest.NewTopicLog(brokers, topic, p.options.group)
		if err != nil {
			return err
		}
		p.ledger.logs = append(p.ledger.logs, log)
	}
	if !p.options.runs(stageIngest) {
		return nil
	}
	cfg := p.options.consumerConfig(brokers)
	need := olap.DedupNeed{MaxAge: cfg.MaxAge, Deadline: cfg.WriteDeadline}
	for _, log := range p.ledger.logs {
		_, _, ends, err := log.Bounds(ctx)
		if err != nil {
			return err
		}
		need.Partitions += len(ends)
	}
	need.MaxRows = cfg.LeastRows(need.Partitions)
	return p.events.EnsureDeduplication(ctx, need)
}

// newLedgerCmd compares what the broker accepted with what is stored.
func newLedgerCmd(a *app) *cobra.Command {
	cfg := client.DefaultConfig()
	var from, to string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "Compare what the broker accepted with what is stored, by hour",
		Long: `Ask a running Millrace for its ledger: what the broker accepted in each hour,
and what of it is stored, left out as a repeat, a dead letter, and counted by
the materialized views. Exit code 1 where a record is missing or there twice.`,
		Example: `  millrace ledger
  millrace ledger --from -7d --to now --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			answer, err := askLedger(cmd.Context(), cfg, from, to)
			if err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(a.stdout)
				encoder.SetIndent("", "  ")
				err = encoder.Encode(answer)
			} else {
				err = printLedger(a.stdout, answer)
			}
			if err == nil && !answer.Balanced {
				err = &exitError{code: exitFailed, err: errors.New("the ledger does not balance: see the lines with a difference")}
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.URL, "api", cfg.URL, "URL of the API")
	flags.StringVar(&cfg.Key, "api-key", "", "key for the API")
	flags.StringVar(&from, "from", "-24h", "start: a time, a date, or relative such as -7d")
	flags.StringVar(&to, "to", "now", "end, excluded")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func askLedger(ctx context.Context, cfg client.Config, from, to string) (*api.LedgerAnswer, error) {
	c, err := client.New(cfg)
	if err != nil {
		return nil, usageError(err)
	}
	body, err := c.Ledger(ctx, url.Values{"from": {from}, "to": {to}})
	if err != nil {
		return nil, err
	}
	var answer api.LedgerAnswer
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return &answer, nil
}

// printLedger writes the table that a person reads. Hours in which nothing
// happened are left out.
func printLedger(w io.Writer, answer *api.LedgerAnswer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "HOUR (UTC)\tRECEIVED\tREJECTED\tPRODUCED\tPENDING\tSTORED\tREPEATS\tDEAD LETTERS\tERASED\tAGGREGATED\tDIFFERENCE\t")
	for i := range answer.Hours {
		h := &answer.Hours[i]
		if idle(h) {
			continue
		}
		printLedgerLine(table, h.Hour.Format("2006-01-02 15:04"), h)
	}
	printLedgerLine(table, "total", &answer.Total)
	if err := table.Flush(); err != nil {
		return err
	}
	printLedgerNotes(w, answer)
	return nil
}

// idle reports whether nothing happened in the hour and nothing is wrong with it.
func idle(h *api.LedgerHour) bool {
	return h.Rejected == 0 && h.Checkable && *h.Produced == 0 && *h.Stored == 0 && *h.Difference == 0 && len(h.Faults) == 0
}

func printLedgerLine(w io.Writer, name string, h *api.LedgerHour) {
	if h.Produced == nil {
		fmt.Fprintf(w, "%s\t?\t%d\tthe broker does not have all of it any more\t\t\t\t\t\t\t\t\n", name, h.Rejected)
		return
	}
	fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", name, known(h.Received), h.Rejected, known(h.Produced), known(h.Pending),
		known(h.Stored), known(h.Deduplicated), known(h.DeadLettered), known(h.Erased), known(h.Aggregated), known(h.Difference))
}

// known is a number, or a question mark where it cannot be told.
func known(n *int64) string {
	if n == nil {
		return "?"
	}
	return strconv.FormatInt(*n, 10)
}

func printLedgerNotes(w io.Writer, answer *api.LedgerAnswer) {
	for _, h := range answer.Hours {
		for _, f := range h.Faults {
			fmt.Fprintf(w, "%s: %s/%d offsets %d to %d: %s\n", h.Hour.Format("2006-01-02 15:04"), f.Topic, f.Partition, f.FirstOffset, f.LastOffset, f.What)
		}
	}
	for _, v := range answer.Views {
		if v.Difference != nil && *v.Difference != 0 {
			fmt.Fprintf(w, "view %s has counted %d events, %+d against the rows\n", v.View, v.Events, *v.Difference)
		}
	}
	if answer.Balanced {
		fmt.Fprintf(w, "balanced: every record of %s is accounted for once\n", strings.Join(answer.Topics, ", "))
	}
}
