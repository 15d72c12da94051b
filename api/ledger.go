package api

import (
	"context"
	"fmt"
	"time"

	"millrace/olap"
)

// Ledger compares what the broker accepted with what is stored.
type Ledger interface {
	// Ledger covers the whole hours that [from, to) touches.
	Ledger(ctx context.Context, from, to time.Time) (*olap.Ledger, error)
}

// LedgerAnswer is the answer of GET /v1/ledger.
type LedgerAnswer struct {
	From     time.Time    `json:"from" doc:"Start of the first hour."`
	To       time.Time    `json:"to" doc:"End of the last hour."`
	Topics   []string     `json:"topics" nullable:"false" doc:"Topics that are compared."`
	Balanced bool         `json:"balanced" doc:"No difference was found: every record that is not pending is in the store exactly once, and the views count the same."`
	Hours    []LedgerHour `json:"hours" nullable:"false"`
	Total    LedgerHour   `json:"total" doc:"Sum of the hours that can be checked."`
	Views    []LedgerView `json:"views" nullable:"false" doc:"The materialized views over all time."`
}

// LedgerHour is one hour of the ledger. Numbers are of records; those that the
// broker is needed for are null where it does not have all of the hour any more.
type LedgerHour struct {
	Hour         time.Time     `json:"hour" doc:"Start of the hour, by the broker's timestamps, in UTC."`
	Received     *int64        `json:"received" doc:"rejected and produced together."`
	Rejected     int64         `json:"rejected" doc:"Refused by the collector; they never reached the broker."`
	RejectedBy   []ReasonCount `json:"rejected_by" nullable:"false" doc:"The same by reason."`
	Produced     *int64        `json:"produced" doc:"Accepted by the broker."`
	Pending      *int64        `json:"pending" doc:"Of these, not acknowledged as stored yet."`
	Stored       *int64        `json:"stored" doc:"Rows in the store."`
	Deduplicated *int64        `json:"deduplicated" doc:"Left out as repeats of a stored event_id."`
	DeadLettered *int64        `json:"dead_lettered" doc:"Kept as dead letters."`
	Erased       *int64        `json:"erased" doc:"Stored once, and removed since with their user."`
	Aggregated   *int64        `json:"aggregated" doc:"stored by the count of the materialized views; null where rows are older than the view that counts."`
	Difference   *int64        `json:"difference" doc:"produced without pending, stored, deduplicated, dead_lettered and erased: missing without repeated."`
	Missing      *int64        `json:"missing" doc:"Records that are in no table."`
	Repeated     *int64        `json:"repeated" doc:"Rows beyond the first of their record."`
	Settled      bool          `json:"settled" doc:"The hour is over and nothing of it is pending."`
	Checkable    bool          `json:"checkable" doc:"The broker still has the whole hour."`
	Faults       []LedgerFault `json:"faults,omitempty" doc:"The offsets behind missing and repeated, the first few of each partition."`
}

// LedgerFault is a range of offsets.
type LedgerFault struct {
	Topic       string `json:"topic"`
	Partition   int32  `json:"partition"`
	FirstOffset int64  `json:"first_offset"`
	LastOffset  int64  `json:"last_offset"`
	What        string `json:"what" enum:"missing,repeated,gone" doc:"gone: neither in a table nor in the broker's log."`
}

// LedgerView is what a materialized view has counted over all time.
type LedgerView struct {
	View       string `json:"view" example:"windows_by_type"`
	Events     int64  `json:"events" doc:"Events that the view has counted."`
	Difference *int64 `json:"difference" doc:"events without the number of raw rows; null where rows came in while the two were counted."`
}

type ledgerInput struct {
	From string `query:"from" default:"-24h" doc:"RFC 3339, a date, or relative such as -7d; its whole hour is covered."`
	To   string `query:"to" default:"now" doc:"End, excluded; its hour is covered where it has begun."`
}

// getLedger compares the hours of a range.
func (s *Server) getLedger(ctx context.Context, in *ledgerInput) (*answer[LedgerAnswer], error) {
	now := time.Now()
	from, err := olap.ParseTime(in.From, now)
	if err != nil {
		return nil, badParameter("from", err)
	}
	to, err := olap.ParseTime(in.To, now)
	if err != nil {
		return nil, badParameter("to", err)
	}
	switch {
	case !from.Before(to):
		return nil, badParameter("to", fmt.Errorf("%q is not after from (%q)", in.To, in.From))
	case to.Sub(from) > olap.LedgerMost-time.Hour:
		return nil, badParameter("from", fmt.Errorf("the range is longer than %d days; ask for it in parts", int(olap.LedgerMost.Hours()/24)-1))
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.QueryTimeout)
	defer cancel()
	ledger, err := s.deps.Ledger.Ledger(ctx, from, to)
	if err != nil {
		return nil, err
	}
	return &answer[LedgerAnswer]{Body: ledgerAnswer(ledger)}, nil
}

func ledgerAnswer(l *olap.Ledger) LedgerAnswer {
	return LedgerAnswer{
		From: l.From, To: l.To, Topics: l.Topics, Balanced: l.Balanced(),
		Hours: convert(l.Hours, ledgerHour), Total: ledgerTotal(l.Total), Views: convert(l.Views, ledgerView),
	}
}

// ledgerTotal is the sum of what can be checked, whether or not that is all.
func ledgerTotal(l olap.LedgerLine) LedgerHour {
	checkable := l.Checkable
	l.Checkable = true
	total := ledgerHour(l)
	total.Checkable = checkable
	return total
}

func ledgerHour(l olap.LedgerLine) LedgerHour {
	h := LedgerHour{
		Hour: l.Hour, Rejected: l.Rejected, RejectedBy: convert(l.RejectedBy, reasonCount),
		Settled: l.Settled, Checkable: l.Checkable, Faults: convert(l.Faults, ledgerFault),
	}
	if l.Checkable {
		h.Received, h.Produced, h.Pending, h.Stored = &l.Received, &l.Produced, &l.Pending, &l.Stored
		h.Deduplicated, h.DeadLettered, h.Erased, h.Aggregated = &l.Deduplicated, &l.DeadLettered, &l.Erased, l.Aggregated
		h.Difference, h.Missing, h.Repeated = &l.Difference, &l.Missing, &l.Repeated
	}
	return h
}

func ledgerFault(f olap.LedgerFault) LedgerFault {
	return LedgerFault{Topic: f.Topic, Partition: f.Partition, FirstOffset: f.First, LastOffset: f.Last, What: f.What}
}

func ledgerView(v olap.LedgerView) LedgerView {
	view := LedgerView{View: v.Name, Events: v.Events}
	if v.Stored != nil {
		difference := v.Events - *v.Stored
		view.Difference = &difference
	}
	return view
}
